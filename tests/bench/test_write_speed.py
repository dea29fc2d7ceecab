# SPDX-License-Identifier: MIT
"""How long write(2) of a number to `count` takes, durable, against what the disk needs for it.

The yardstick is measured in the same run, in turns with the writes: one commit of one record to a
store of its own on the same disk, and one round trip through the mount (statfs(2), which the kernel
never answers itself). The real daemon runs; the clock of its simulator stands nearly still, so that
no VM is ready before the end and the engine has little else to do.
"""
import os
import statistics
import subprocess
import time

import pytest

from harness import BUILD, SIMPLE, wait_until

pytestmark = pytest.mark.unsanitized
OPTIONS = ("--time-scale=1000 --seed=3 --no-throttle --vm-budget=0 --quota=eastus/cores=1000000 "
           "--quota=eastus/standardFSv2Family=1000000")
RECORD_BYTES = 300  # about what a node's record has
ROUNDS = 15
GOAL = 1.5  # commits and round trips for a write that adds a node to a small cluster
BROKEN = 6.0  # a second commit, or waiting for the cloud, is more; a busy disk is less
NODE_US = 500  # for each node that is added, or is there already: both are tens of microseconds


class Disk:
    """Commits of one record each, to a store in this directory."""

    def __init__(self, directory):
        directory.mkdir()
        self.process = subprocess.Popen(
            [str(BUILD / "tests/bench/bench-commit"), str(directory), str(RECORD_BYTES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def commit_us(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def took_us(function, *arguments):
    begun = time.perf_counter()
    function(*arguments)
    return (time.perf_counter() - begun) * 1e6


def file_system(path):
    return subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True,
                          check=True).stdout.strip()


@pytest.fixture
def daemon(make_daemon):
    daemon = make_daemon(simulate=OPTIONS)
    if file_system(daemon.dir) == "tmpfs":
        pytest.skip(f"{daemon.dir} is in memory: TMPDIR must be on a disk")
    daemon.start().make_cluster("c", SIMPLE)
    daemon.write("MaxExecuteCount = 100000\n", "c", "parameters")
    return daemon


@pytest.fixture
def disk(daemon):
    disk = Disk(daemon.dir / "yardstick")
    yield disk
    disk.close()


class Writer:
    """Writes to the cluster's count while the engine is at rest."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.fd = os.open(daemon.path("c", "nodes", "count"), os.O_WRONLY)

    def _engine_ms(self):
        with open(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/schedstat") as f:
            return int(f.read().split()[0]) / 1e6

    def _is_idle(self):
        before = self._engine_ms()
        time.sleep(0.3)
        return self._engine_ms() - before < 3

    def write_us(self, text):
        """The cloud is asked again after each change: that is no part of a write."""
        time.sleep(0.2)
        wait_until(self._is_idle, 60, "an engine at rest", interval=0)
        return took_us(os.write, self.fd, f"{text}\n".encode())

    def close(self):
        os.close(self.fd)


@pytest.fixture
def writer(daemon):
    writer = Writer(daemon)
    yield writer
    writer.close()


def rounds(daemon, disk, writer, n):
    """Medians of a commit, a round trip and a write that adds one node."""
    commits, trips, writes = [], [], []
    for _ in range(n):
        writes.append(writer.write_us("+1"))
        commits.append(disk.commit_us())
        trips.append(took_us(os.statvfs, daemon.mount))
    return (statistics.median(times) for times in (commits, trips, writes))


def test_write_speed(daemon, disk, writer):
    writer.write_us("10")
    commit, trip, write = rounds(daemon, disk, writer, ROUNDS)
    ratio = write / (commit + trip)
    print(f"write of +1 to count: {write:.0f} us = {ratio:.2f} x (commit {commit:.0f} us + round "
          f"trip {trip:.0f} us) on {file_system(daemon.dir)}; goal {GOAL}")
    added = (statistics.median(writer.write_us("+1000") for _ in range(3)) - write) / 1000
    writer.write_us(10000)
    commit, trip, many = rounds(daemon, disk, writer, ROUNDS)
    there = (many - commit - trip) / 10000
    print(f"for each node added {added:.1f} us more; with 10,000 nodes there: {many:.0f} us = "
          f"{many / (commit + trip):.2f} x (commit {commit:.0f} us + round trip {trip:.0f} us), "
          f"{there:.2f} us for each node that is there")
    assert ratio <= BROKEN
    assert added <= NODE_US and there <= NODE_US
