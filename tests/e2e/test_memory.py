# SPDX-License-Identifier: MIT
"""Memory of the server that any user could take."""
import os
import re

import pytest

from harness import SIMPLE, wait_until

MIB = 1 << 20


def rss_mib(daemon):
    with open(f"/proc/{daemon.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


@pytest.mark.unsanitized
def test_readers_share_a_text(daemon):
    """Many who have a long text open hold it once, and nothing when they are gone."""
    daemon.make_cluster("c")
    daemon.write(SIMPLE + ("#" * 1000 + "\n") * 4000, "c", "template")
    before = rss_mib(daemon)
    fds = [os.open(daemon.path("c", "template"), os.O_RDONLY) for _ in range(200)]
    for fd in fds[:20]:
        assert len(os.pread(fd, MIB, 0)) == MIB
    assert rss_mib(daemon) < before + 60
    for fd in fds:
        os.close(fd)
    wait_until(lambda: rss_mib(daemon) < before + 20, 20, "memory given back", interval=0.2)


@pytest.mark.unsanitized
def test_writers_give_back(daemon):
    daemon.make_cluster("c")
    before = rss_mib(daemon)
    fds = [os.open(daemon.path("c", "template"), os.O_RDWR | os.O_TRUNC) for _ in range(40)]
    for fd in fds:
        os.pwrite(fd, b"#" * MIB, 0)
        os.ftruncate(fd, 0)
        os.ftruncate(fd, 4 * MIB)
    assert rss_mib(daemon) < before + 40
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass  # it is no template
    wait_until(lambda: rss_mib(daemon) < before + 20, 20, "memory given back", interval=0.2)
