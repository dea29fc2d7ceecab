# SPDX-License-Identifier: MIT
"""Many nodes: the tree stays usable, and memory comes back."""
import os
import random
import re
import time

import pytest

from harness import KIND, SLOW, shell, wait_until


SLABS = ("fuse_inode", "dentry")


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def slab_kib(name):
    with open("/proc/slabinfo") as f:
        for line in f:
            fields = line.split()
            if fields[0] == name:
                return int(fields[1]) * int(fields[3]) // 1024
    return 0


@pytest.mark.unsanitized
@pytest.mark.parametrize("count", [20000, pytest.param(100000, marks=pytest.mark.long)])
def test_many_nodes(make_host, count):
    """RSS and kernel slab are reported; nodes that go give their memory back."""
    host = make_host().make_cluster("c")
    pid = host.process.pid
    host.ask(f"add c {count}", timeout=300)
    before = rss_kib(pid)
    slab_before = slab_kib("fuse_inode")
    nodes = host.path("c", "nodes")
    assert int(shell(f"ls {nodes} | wc -l", timeout=300).stdout) == count + 1
    begun = time.monotonic()
    for i in random.Random(1).sample(range(1, count + 1), 100):
        assert os.stat(nodes / f"c-{i}" / "status").st_size == len("Acquiring\n")
    assert time.monotonic() - begun < 10
    shell(f"find {nodes} -name status -size +0 | wc -l", timeout=600)
    walked = rss_kib(pid)
    slab = {name: slab_kib(name) for name in SLABS}
    per_node = (walked - before) / count
    print(f"{count} nodes: RSS {before} KiB, after find {walked} KiB ({per_node:.2f} KiB a node), "
          f"kernel {slab} KiB")
    assert per_node < 2
    host.ask(f"drop c {count - 10}", timeout=300)
    # Others need not wait until the kernel has forgotten all these names.
    host.ask("status c c-1 Ready")
    wait_until(lambda: os.stat(nodes / "c-1" / "status").st_size == len("Ready\n"), 2, "the news")
    wait_until(lambda: len(host.nodes()) == 10, 120, "the nodes gone")
    # The server lets go of the names one after the other, then of the memory.
    wait_until(lambda: rss_kib(pid) < before, 120, "memory given back")
    # The kernel counts for all mounts of the machine; others may have some.
    taken = slab["fuse_inode"] - slab_before
    wait_until(lambda: slab_kib("fuse_inode") < slab["fuse_inode"] - 0.8 * taken, 60,
               "kernel inodes given back")
    print(f"after the removal: RSS {rss_kib(pid)} KiB, "
          f"kernel { {name: slab_kib(name) for name in SLABS} } KiB")
    assert host.read("c", "nodes", "count") == "10\n"
    assert KIND not in ("asan", "tsan")


@pytest.mark.unsanitized
def test_more_than_the_notifier_remembers(make_host):
    """So many go at once that the notifier loses count: they are forgotten all the same."""
    host = make_host().make_cluster("c")
    nodes = host.path("c", "nodes")
    host.ask("add c 140000", timeout=300)
    before = rss_kib(host.process.pid)
    shell(f"ls -l {nodes} | wc -l", timeout=300)
    assert rss_kib(host.process.pid) > before
    host.ask("drop c 139999", timeout=300)
    wait_until(lambda: rss_kib(host.process.pid) < before, 120, "memory given back")
    assert host.nodes() == ["c-1"]
    assert not os.path.exists(nodes / "c-70000" / "status")
