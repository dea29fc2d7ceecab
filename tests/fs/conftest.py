# SPDX-License-Identifier: MIT
"""Hosts for the tests of the file system."""
import os

import pytest

from fs_host import FastHost, Host


@pytest.fixture
def make_host():
    """Makes hosts that are taken down whatever happens."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse")
    made = []

    def make(*options, **more):
        host = Host(*options, **more)
        made.append(host)
        return host.start()
    yield make
    for host in made:
        host.cleanup()


@pytest.fixture
def host(make_host):
    """fs-host with a cluster c of three nodes, c-1 to c-3."""
    return make_host().make_cluster("c", 3)


@pytest.fixture
def fast():
    """A cluster c of three nodes, c-1 to c-3, on both mounts."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse")
    host = FastHost()
    try:
        yield host.start().make_cluster("c", 3)
    finally:
        host.cleanup()
