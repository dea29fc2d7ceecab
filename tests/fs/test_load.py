# SPDX-License-Identifier: MIT
"""Many changes and many nodes: nothing is torn, stale or stuck, and memory comes back."""
import os
import re
import subprocess
import threading
import time

import pytest

from harness import KIND, SLOW, shell, wait_until


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


WORDS = {"Ready\n", "Preparing\n", "Acquiring\n"}


class Storm:
    """Changes a thousand times a second while readers look; problems are collected."""

    def __init__(self, host, seconds):
        self.host = host
        self.end = time.monotonic() + seconds
        self.problems = []
        self.reads = 0
        self.changes = 0

    def going(self):
        return time.monotonic() < self.end and not self.problems

    def problem(self, text):
        self.problems.append(text)

    def change(self):
        i = 0
        while self.going():
            begun = time.monotonic()
            self.host.ask("storm c 100")
            self.host.ask(f"log c event {i:06d} {'x' * (i % 60)}")
            self.changes += 100
            i += 1
            time.sleep(max(0, 0.1 - (time.monotonic() - begun)))

    def read_nodes(self):
        while self.going():
            for node in self.nodes:
                # One read(2), as far as the promise of one-page files goes.
                fd = os.open(self.host.path("c", "nodes", node, "status"), os.O_RDONLY)
                text = os.read(fd, 4096).decode()
                os.close(fd)
                if text not in WORDS:
                    self.problem(f"torn: {text!r}")
                self.reads += 1

    def hold_open(self):
        """One descriptor, read again and again while changes are announced. The kernel may throw a
        new size away when notices come fast, and then cuts a page to the old one (see cache.h):
        whoever asks again must have it right, and it must be rare."""
        fd = os.open(self.host.path("c", "nodes", self.nodes[0], "status"), os.O_RDONLY)
        reads = cut = 0
        while self.going():
            text = os.pread(fd, 4096, 0).decode()
            for _ in range(20):
                if text in WORDS:
                    break
                cut += 1
                text = os.pread(fd, 4096, 0).decode()
            if text not in WORDS or cut > 10 + reads / 1000:
                self.problem(f"torn in an open file: {text!r}, {cut} of {reads}")
            reads += 1
        os.close(fd)
        self.reads += reads

    def read_status(self):
        while self.going():
            text = self.host.read("c", "status")
            lines = re.findall(r"^c-\d+ .*\b(Ready|Preparing|Acquiring)\b", text, re.M)
            if "\0" in text or len(lines) != len(self.nodes) or len(set(lines)) != 1:
                self.problem(f"mixed: {set(lines)} in {len(lines)} lines")
            self.reads += 1

    def run_program(self, command):
        def body():
            while self.going():
                done = shell(command, check=False)
                if done.returncode > 1 or "\0" in done.stdout:
                    self.problem(f"{command}: {done.returncode} {done.stderr[:200]}")
                self.reads += 1
        return body

    def follow(self):
        process = subprocess.Popen(["tail", "-n", "+1", "-f", str(self.host.path("c", "logs"))],
                                   stdout=subprocess.PIPE, text=True)
        threading.Timer(max(0.1, self.end - time.monotonic() + 1.5), process.kill).start()
        seen = [line for line in process.stdout.read().splitlines() if line.startswith("event")]
        process.wait()
        for i, line in enumerate(seen[:-1]):
            if not line.startswith(f"event {i:06d}"):
                self.problem(f"tail: line {i} is {line!r}")
                break

    def run(self):
        self.nodes = self.host.nodes()
        nodes = self.host.path("c", "nodes")
        jobs = [self.change, self.read_nodes, self.read_nodes, self.hold_open, self.read_status,
                self.follow, self.run_program(f"ls -l {nodes}"),
                self.run_program(f"grep -r a {nodes} --include=status"),
                self.run_program(f"cat {nodes}/*/status {nodes}/*/phase")]
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120 * SLOW)
            assert not thread.is_alive(), "something hangs"


def settled(host, nodes):
    """After the storm every reader sees the last state."""
    wait_until(lambda: len({host.read("c", "nodes", n, "status") for n in nodes}) == 1, 5,
               "the same state everywhere")


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.long)])
def test_storm(host, seconds):
    host.write("100\n", "c", "nodes", "count")
    storm = Storm(host, seconds)
    storm.run()
    assert storm.problems == []
    print(f"{storm.changes / seconds:.0f} changes/s, {storm.reads / seconds:.0f} reads/s")
    settled(host, storm.nodes)


@pytest.mark.unsanitized
@pytest.mark.parametrize("count", [20000, pytest.param(100000, marks=pytest.mark.long)])
def test_many_nodes(make_host, count):
    """RSS and kernel slab are reported; nodes that go give their memory back."""
    host = make_host().make_cluster("c")
    pid = host.process.pid
    host.ask(f"add c {count}", timeout=300)
    before = rss_kib(pid)
    nodes = host.path("c", "nodes")
    assert int(shell(f"ls {nodes} | wc -l", timeout=300).stdout) == count + 1
    begun = time.monotonic()
    assert os.stat(nodes / f"c-{count}" / "status").st_size == len("Acquiring\n")
    assert time.monotonic() - begun < 1
    shell(f"find {nodes} -name status -size +0 | wc -l", timeout=600)
    walked = rss_kib(pid)
    slab = slab_kib("fuse_inode")
    per_node = (walked - before) / count
    print(f"{count} nodes: RSS {before} KiB, after find {walked} KiB ({per_node:.2f} KiB a node), "
          f"fuse_inode {slab} KiB")
    assert per_node < 2
    host.ask(f"drop c {count - 10}", timeout=300)
    wait_until(lambda: len(host.nodes()) == 10, 120, "the nodes gone")
    shell("echo 2 > /proc/sys/vm/drop_caches")
    wait_until(lambda: slab_kib("fuse_inode") < max(slab / 2, 2000), 60, "kernel inodes given back")
    print(f"after the removal: RSS {rss_kib(pid)} KiB, fuse_inode {slab_kib('fuse_inode')} KiB")
    assert host.read("c", "nodes", "count") == "10\n"
    assert KIND not in ("asan", "tsan")
