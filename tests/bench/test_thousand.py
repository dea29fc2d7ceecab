# SPDX-License-Identifier: MIT
"""A thousand nodes: how many calls it takes, how much memory, and whether reading stays quick."""
import json
import os
import statistics
import tempfile
import time

import pytest

from harness import SIMPLE, wait_until

pytestmark = pytest.mark.unsanitized
NODES = 1000


def writes(daemon):
    """Calls below /subscriptions that change something."""
    found = []
    for line in daemon.azure_log.read_text().splitlines():
        entry = json.loads(line)
        path = entry["url"].split("://")[-1].partition("/")[2]
        if entry["method"] in ("PUT", "PATCH", "DELETE", "POST") and path.startswith("subscriptions"):
            found.append(f"{entry['method']} {path.split('?')[0]}")
    return found


def anonymous_mib(pid):
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
    return (int(fields["VmRSS"].split()[0]) - int(fields["RssFile"].split()[0])) / 1024


def timed(function, rounds):
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        function()
        took.append(time.perf_counter() - begun)
    return statistics.median(took), max(took)


def test_thousand_nodes(make_daemon):
    daemon = make_daemon(simulate="--time-scale=0.02 --seed=7").start()
    daemon.make_cluster("big", SIMPLE)
    begun = time.monotonic()
    daemon.write(f"{NODES}\n", "big", "nodes", "count")
    slowest = 0.0
    while daemon.read("big", "nodes", "count") == f"{NODES}\n":
        at = time.perf_counter()
        daemon.read("big", "status")
        os.listdir(daemon.path("big", "nodes"))
        slowest = max(slowest, time.perf_counter() - at)
        ready = daemon.read("big", "metrics")
        if f'status="Ready"}} {NODES}' in ready or time.monotonic() - begun > 5:
            break
    assert daemon.sync("big", "nodes", "count", timeout=300) == ""
    took = time.monotonic() - begun
    assert len(daemon.nodes("big")) == NODES + 1
    assert len(daemon.azure().machines()) == NODES + 1
    calls = writes(daemon)
    memory = anonymous_mib(daemon.pid)
    print(f"{NODES} nodes ready after {took:.1f} s; {len(calls)} writes; {memory:.1f} MiB; "
          f"slowest status + ls while scaling {slowest * 1000:.0f} ms")
    assert len(calls) <= 15, calls
    assert memory < 60
    assert slowest < 2
    compare_with_tmpfs(daemon)
    daemon.write("terminated\n", "big", "state")
    assert daemon.sync("big", "state", timeout=300) == ""
    wait_until(lambda: not daemon.azure().machines(), 60, "no VM left")


def compare_with_tmpfs(daemon):
    """The same operations on tmpfs in the same run; ratios are what can be compared over time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as plain:
        status = daemon.read("big", "status")
        os.mkdir(f"{plain}/nodes")
        for name in daemon.nodes("big"):
            os.mkdir(f"{plain}/nodes/{name}")
        with open(f"{plain}/status", "w") as f:
            f.write(status)
        rows = [("cat status", lambda base: open(f"{base}/status").read()),
                ("ls nodes", lambda base: os.listdir(f"{base}/nodes")),
                ("ls -l nodes", lambda base: [e.stat() for e in os.scandir(f"{base}/nodes")])]
        for name, operation in rows:
            operation(daemon.path("big"))
            ours, _ = timed(lambda op=operation: op(daemon.path("big")), 21)
            theirs, _ = timed(lambda op=operation: op(plain), 21)
            print(f"{name}: {ours * 1e6:.0f} us, tmpfs {theirs * 1e6:.0f} us, "
                  f"ratio {theirs / ours:.2f}")
            assert ours < 0.5
