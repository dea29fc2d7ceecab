# SPDX-License-Identifier: MIT
"""Which thread serves what: one is enough for one client, and no request waits behind a slow one."""
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from fs_host import waiting_workers
from harness import SLOW, wait_until

WORKERS = max(4, 2 * os.cpu_count())
READS = 500
HAMMER = """
import os, sys
while True:
    os.close(os.open(sys.argv[1], os.O_RDONLY))
"""


def requests(pid):
    """{thread: what it has read from the kernel so far}"""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "io").read_text().splitlines()
        found[task.name] = int(dict(line.split(":") for line in lines)["syscr"])
    return found


def shares(pid, work):
    """How much of what is read during work() each thread reads, the busiest one first."""
    before = requests(pid)
    work()
    read = sorted((n - before.get(thread, 0) for thread, n in requests(pid).items()), reverse=True)
    return [n / max(1, sum(read)) for n in read]


def open_often(path):
    for _ in range(READS):
        os.close(os.open(path, os.O_RDONLY))


@pytest.fixture
def stalled(make_host):
    """All workers but one stand still in a write."""
    host = make_host().make_cluster("c", WORKERS)
    host.ask("stall")
    writers = [threading.Thread(target=host.write, args=("started\n", "c", "nodes", name, "state"))
               for name in [f"c-{i}" for i in range(1, WORKERS)]]
    for writer in writers:
        writer.start()
    yield host, writers
    host.ask("go")
    for writer in writers:
        writer.join(30 * SLOW)


def test_nobody_waits_for_workers_that_stand_still(stalled):
    host, writers = stalled
    path = str(host.path("c", "nodes"))
    for _ in range(3):
        subprocess.run(["stat", "-f", path], check=True, capture_output=True, timeout=30 * SLOW)
    subprocess.run(["cat", f"{path}/c-{WORKERS}/status"], check=True, timeout=30 * SLOW)
    assert all(writer.is_alive() for writer in writers), "they should have stood still"
    host.ask("go")
    for writer in writers:
        writer.join(30 * SLOW)
        assert not writer.is_alive(), "it goes on"


def test_one_client_is_served_by_one_thread(host):
    """The kernel wakes the threads that wait in turn: with several, each request wakes another."""
    path = host.path("c", "nodes", "c-1", "status")
    wait_until(lambda: shares(host.process.pid, lambda: open_often(path))[0] > 0.9, 30,
               "one thread that serves one client")


def hammer(path, clients):
    """So many clients ask without a pause for a while."""
    asking = [subprocess.Popen([sys.executable, "-c", HAMMER, path]) for _ in range(clients)]
    time.sleep(0.5 * SLOW)
    for client in asking:
        client.kill()
        client.wait()


def test_when_requests_wait_more_threads_take_them(host):
    path = str(host.path("c", "nodes", "c-1", "status"))
    pid = host.process.pid
    if not waiting_workers(pid):
        pytest.skip("/proc/PID/task/TID/wchan tells nothing here")

    def several_wait():
        hammer(path, 2 * WORKERS)
        return len(waiting_workers(pid)) > 1
    wait_until(several_wait, 30, "several threads that take requests")
    wait_until(lambda: shares(pid, lambda: open_often(path))[0] > 0.9, 30,
               "one thread again, when there is one client")
