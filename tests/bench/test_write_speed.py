# SPDX-License-Identifier: MIT
"""How long write(2) of a number to `count` takes, durable, against what the disk needs for it.

The yardsticks are measured in the same run, in turns with the writes and after the same rest: one
commit of one record to a store of its own on the same disk; one commit that writes as many pages as
the write does; and one round trip through the mount (statfs(2), which the kernel never answers
itself). The real daemon runs; the clock of its simulator stands nearly still, so that no VM is
ready before the end and the engine has little else to do.
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
LEAVES = 6  # pages with records that a write changes: the node, its array, the cluster, history
ROUNDS = 11
REST_S = 0.5  # a machine that rests needs longer for what comes then, whatever that is
GOAL = 1.5  # commits and round trips for a write that adds a node
BROKEN = 6.0  # a second commit, or waiting for the cloud, is more; a busy disk is less
NODE_US = 500  # for each node that is added: it is tens of microseconds


class Disk:
    """Commits of so many records each, to a store in this directory."""

    def __init__(self, directory, leaves):
        directory.mkdir()
        self.process = subprocess.Popen(
            [str(BUILD / "tests/bench/bench-commit"), str(directory), str(RECORD_BYTES), str(leaves)],
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
def disks(daemon):
    """Of one record, and of as many pages as a write needs."""
    disks = [Disk(daemon.dir / f"yardstick-{leaves}", leaves) for leaves in (1, LEAVES)]
    yield disks
    for disk in disks:
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
        time.sleep(REST_S)
        wait_until(self._is_idle, 60, "an engine at rest", interval=0)
        return took_us(os.write, self.fd, f"{text}\n".encode())

    def close(self):
        os.close(self.fd)


@pytest.fixture
def writer(daemon):
    writer = Writer(daemon)
    yield writer
    writer.close()


class Medians:
    """Of a write that adds one node, and of the yardsticks."""

    def __init__(self, daemon, disks, writer):
        times = {"write": [], "record": [], "pages": [], "trip": []}
        for _ in range(ROUNDS):
            times["write"].append(writer.write_us("+1"))
            for name, disk in zip(("record", "pages"), disks):
                time.sleep(REST_S)
                times[name].append(disk.commit_us())
            time.sleep(REST_S)
            times["trip"].append(took_us(os.statvfs, daemon.mount))
        self.write, self.record, self.pages, self.trip = map(statistics.median, times.values())
        self.ratio = self.write / (self.record + self.trip)

    def __str__(self):
        return (f"{self.write:.0f} us = {self.ratio:.2f} x (commit of a record {self.record:.0f} us "
                f"+ round trip {self.trip:.0f} us), goal {GOAL}; "
                f"{self.write / (self.pages + self.trip):.2f} x with a commit of as many pages, "
                f"{self.pages:.0f} us")


def read_quotas_anew(daemon):
    """Nodes younger than the cloud's usage are looked at; it is read every minute."""
    begun = time.time()
    wait_until(lambda: os.stat(daemon.path("system", "quotas")).st_mtime > begun, 150,
               "quotas read anew", interval=1)


def test_write_speed(daemon, disks, writer):
    writer.write_us("10")
    few = Medians(daemon, disks, writer)
    print(f"write of +1 to count on {file_system(daemon.dir)}: {few}")
    writer.write_us(10000)
    young = statistics.median(writer.write_us("+1") for _ in range(ROUNDS))
    read_quotas_anew(daemon)
    many = Medians(daemon, disks, writer)
    print(f"with 10,000 nodes there: {many}")
    added = (statistics.median(writer.write_us("+1000") for _ in range(3)) - many.write) / 1000
    print(f"each node added: {added:.1f} us; each that is younger than the cloud's quotas: "
          f"{(young - many.write) / 10000:.2f} us")
    assert few.ratio <= BROKEN and many.ratio <= BROKEN
    assert added <= NODE_US
