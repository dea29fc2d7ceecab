# SPDX-License-Identifier: MIT
"""Ten thousand nodes (and, long, as many as a cluster may have) through the daemon and simulator."""
import os
import random
import re
import statistics
import time

import pytest

from harness import SIMPLE, shell, wait_until

pytestmark = pytest.mark.unsanitized
TEMPLATE = SIMPLE.replace("MaxCount = $MaxExecuteCount", "MaxCount = 1000000")
FAMILY = "standardFSv2Family"
SIMULATE = ("--time-scale=0.01 --seed=3 --no-throttle --vm-budget=0 --no-agents"
            + "".join(f" --quota=eastus/{name}=1000000" for name in
                      ("virtualMachines", "virtualMachineScaleSets", "cores", FAMILY)))


def anonymous_kib(pid):
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
    return int(fields["RssAnon"].split()[0])


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def slab_kib():
    with open("/proc/slabinfo") as f:
        return {fields[0]: int(fields[1]) * int(fields[3]) // 1024
                for fields in map(str.split, f) if fields[0] in ("fuse_inode", "dentry")}


def timed(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def with_vm(daemon):
    """How many nodes have a VM."""
    text = daemon.read("big", "metrics")
    found = re.findall(r'^cyclecloud_cluster_nodes\{[^}]*status="Preparing"[^}]*\} (\d+)', text, re.M)
    found = found or re.findall(r'status="Preparing"[^}]*\} (\d+)$', text, re.M)
    return int(found[0])


def grow(daemon, count):
    """From nothing to a VM for each node."""
    empty = anonymous_kib(daemon.pid)
    cpu = cpu_seconds(daemon.pid)
    write = timed(lambda: daemon.write(f"{count}\n", "big", "nodes", "count"))
    took = timed(lambda: wait_until(lambda: with_vm(daemon) == count + 1, 600, "a VM for each node",
                                    interval=2))
    memory = anonymous_kib(daemon.pid) - empty
    print(f"{count} nodes: write {write:.2f} s, VMs after {took:.0f} s, "
          f"{cpu_seconds(daemon.pid) - cpu:.1f} s of CPU, {memory / count:.2f} KiB a node")


def look(daemon, count):
    """First touch of names and attributes."""
    nodes = daemon.path("big", "nodes")
    before = anonymous_kib(daemon.pid)
    listing = timed(lambda: os.listdir(nodes))
    sample = random.Random(1).sample(sorted(daemon.nodes("big")), 1000)
    one = statistics.median(timed(lambda name=name: os.stat(nodes / name / "status"))
                            for name in sample)
    print(f"ls nodes {listing * 1000:.0f} ms, stat of one not looked up before {one * 1e6:.0f} us")
    walk = timed(lambda: shell(f"find {nodes} -name status -size +0 | wc -l", timeout=1200))
    per_node = (anonymous_kib(daemon.pid) - before) / count
    print(f"find -name status -size +0: {walk:.1f} s, {per_node:.2f} KiB a node in the server, "
          f"kernel {slab_kib()} KiB")
    assert per_node < 2


def end(daemon):
    """From all to nothing. How much memory the server has then, in KiB."""
    taken = slab_kib()
    write = timed(lambda: daemon.write("terminated\n", "big", "state"))
    took = timed(lambda: wait_until(lambda: daemon.read("big", "state") == "off\n", 600, "the end",
                                    interval=1))
    # The kernel counts for all mounts of the machine; others may have some.
    wait_until(lambda: slab_kib()["fuse_inode"] < taken["fuse_inode"] / 2, 120,
               "kernel inodes given back")
    time.sleep(2)
    left = anonymous_kib(daemon.pid)
    print(f"terminated: write {write:.2f} s, off after {took:.0f} s; server {left} KiB, "
          f"kernel {slab_kib()} KiB")
    return left


@pytest.mark.parametrize("count", [10000, pytest.param(99999, marks=pytest.mark.long)])
def test_many_nodes(make_daemon, count):
    """Twice: the second time finds the memory that the first time left."""
    daemon = make_daemon(simulate=SIMULATE).start()
    daemon.make_cluster("big", TEMPLATE)
    left = []
    for _ in range(2):
        grow(daemon, count)
        look(daemon, count)
        left.append(end(daemon))
    assert left[1] < left[0] + 20 * 1024 + count
