# SPDX-License-Identifier: MIT
"""A thousand changes a second under many readers: nothing is torn, mixed, padded, stale or stuck.

Every rendering ends in a seal (see seal.h), and a node's host name tells the generation of its last
change. Hot nodes change ten times a second; cool ones every few seconds, so that the page cache
serves them in between.
"""
import json
import os
import re
import select
import subprocess
import threading
import time
import zlib

import pytest

from harness import BUILD, SLOW, shell, wait_until

HOT, COOL, COOL_EACH = 90, 290, 10  # 29 rounds: not a multiple of the number of words
ROUND = 0.1  # seconds: one publication of HOT + COOL_EACH changes
LATE = 3 * SLOW  # seconds after which nobody may see what was before
NAME_SIZES = {len("g1\n") + digits + filler + 10 for digits in range(6) for filler in range(38)}
PAIR = re.compile(r"g(\d+)(-\w*)?\n#([0-9a-f]{8})\n")


def unseal(text):
    """What is above the seal; None when text and seal do not agree."""
    body, seal = text[:-10], text[-10:]
    return body if seal == f"#{zlib.crc32(body.encode()):08x}\n" else None


class Storm:
    """Changes and readers for some seconds; problems are collected."""

    def __init__(self, host, seconds):
        self.host = host
        self.seconds = seconds
        self.end = time.monotonic() + seconds
        self.problems = []
        self.counts = {}
        self.changes = 0
        self.published = []  # (when, generation), of the hot nodes
        names = sorted(host.nodes(), key=lambda name: int(name[2:]))
        self.hot, self.cool = names[:HOT], names[HOT:]

    def going(self):
        return time.monotonic() < self.end and not self.problems

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def problem(self, text):
        self.problems.append(text)

    def path(self, *parts):
        return str(self.host.path("c", *parts))

    def change(self):
        generation = 1
        due = time.monotonic()
        while self.going():
            generation += 1
            self.host.ask(f"turn c 0 {HOT} {generation}")
            self.published.append((time.monotonic(), generation))
            start = HOT + generation * COOL_EACH % COOL
            self.host.ask(f"turn c {start} {COOL_EACH} {generation}")
            line = f"event {generation:06d} {'x' * (generation % 60)}"
            self.host.ask(f"log c {line} {zlib.crc32(line.encode()):08x}")
            self.changes += HOT + COOL_EACH
            due += ROUND  # who is late catches up
            time.sleep(max(0, due - time.monotonic()))
        self.last = generation

    def due(self):
        """The generation that every reader must have seen by now."""
        now = time.monotonic()
        return max((g for at, g in self.published if at < now - LATE), default=0)

    def read(self, *parts):
        """One file, unsealed."""
        text = self.host.read("c", *parts)
        body = unseal(text)
        if body is None:
            self.problem(f"torn: {'/'.join(parts)}: {text[-300:]!r}")
        return body or ""

    def reader(self, mode, nodes, file):
        """The C program, as fast as it can."""
        def body():
            paths = [self.path("nodes", node, file) for node in nodes]
            left = max(0.1, self.end - time.monotonic())
            done = subprocess.run([str(BUILD / "tests/fs/storm-reader"), mode, str(left), *paths],
                                  capture_output=True, text=True, timeout=self.seconds * 3 + 60)
            if done.returncode:
                self.problem(f"{mode} {file}: {done.stdout}{done.stderr}")
                return
            reads, cut = (int(n) for n in done.stdout.split())
            self.count(f"{mode} {file}", reads)
            if cut:
                self.count("cut once", cut)
            if cut > (2 + self.seconds / 10) * SLOW:
                self.problem(f"{cut} of {reads} texts were cut")
        return body

    def whole_files(self):
        """What is rendered from all nodes shows one publication."""
        while self.going():
            due = self.due()
            words = re.findall(r"^c-\d+ .*\bg(\d+)", self.read("status"), re.M)[:HOT]
            if len(words) != HOT or len(set(words)) != 1 or int(words[0]) < due:
                self.problem(f"status mixes {set(words)} in {len(words)} lines, due {due}")
            json.loads(self.read("status.json") or "{}")
            if "cyclecloud" not in self.read("metrics"):
                self.problem("metrics is empty")
            self.count("status, status.json, metrics")

    def stale(self):
        """What was read is never older than what anybody had read before."""
        seen = {}
        while self.going():
            for node in self.hot[:10] + self.cool[:10]:
                found = int(re.match(r"g(\d+)", self.read("nodes", node, "hostname"))[1])
                floor = max(seen.get(node, 0), self.due() if node in self.hot_set else 0)
                if found < floor:
                    self.problem(f"{node} is stale: {found} after {floor}")
                seen[node] = found
                self.count("stale")

    def poll(self):
        """Who is woken sees something else than before, and is woken for the last change."""
        fd = os.open(self.path("nodes", self.cool[0], "status"), os.O_RDONLY)
        poller = select.poll()
        poller.register(fd, select.POLLPRI)
        before = os.pread(fd, 4096, 0).decode()
        while self.going():
            if not poller.poll(100):
                continue
            text = os.pread(fd, 4096, 0).decode()
            if unseal(text) is None or text == before:
                self.problem(f"woken for {text!r} after {before!r}")
            before = text
            self.count("poll")
        os.close(fd)

    def watch(self):
        """Every event comes when the new contents can be read."""
        paths = [self.path("nodes", node, "status") for node in self.cool[1:20]]
        before = {path: "" for path in paths}
        process = subprocess.Popen(["inotifywait", "-q", "-m", "-e", "modify", *paths],
                                   stdout=subprocess.PIPE, text=True)
        self.stop_later(process)
        for line in process.stdout:
            path = line.split()[0]
            with open(path) as f:
                text = f.read()
            if unseal(text) is None:
                self.problem(f"torn after an event: {text!r}")
            before[path] = text
            self.count("inotifywait")
        process.wait()

    def follow(self):
        process = subprocess.Popen(["tail", "-n", "+1", "-f", self.path("logs")],
                                   stdout=subprocess.PIPE, text=True)
        self.stop_later(process, 1.5)
        lines = [line for line in process.stdout if line.startswith("event")]
        process.wait()
        for i, line in enumerate(lines[:-1]):
            text, seal = line.rstrip("\n").rsplit(" ", 1)
            good = seal == f"{zlib.crc32(text.encode()):08x}"
            if not good or not line.startswith(f"event {i + 2:06d}"):
                self.problem(f"tail: line {i} is {line!r}")
                break
        self.count("tail -f", len(lines))

    def stop_later(self, process, more=0):
        left = max(0.1, self.end - time.monotonic()) + more
        threading.Timer(left, process.kill).start()

    def programs(self, command, check):
        def body():
            while self.going():
                done = shell(command, check=False)
                if done.returncode or "\0" in done.stdout:
                    self.problem(f"{command}: {done.returncode} {done.stderr[:200]}")
                wrong = check(done.stdout)
                if wrong:
                    self.problem(f"{command}: {wrong!r}")
                self.count(command.split()[0])
        return body

    def check_list(self, text):
        """ls -l: sizes that a host name can have."""
        sizes = [int(line.split()[4]) for line in text.splitlines() if line.endswith("hostname")]
        wrong = set(sizes) - NAME_SIZES
        return wrong or (len(sizes) != HOT + COOL and f"{len(sizes)} files")

    def check_texts(self, text):
        """cat, grep -h: host names and their seals."""
        pairs = [unseal(m[0]) for m in PAIR.finditer(text)]
        left = PAIR.sub("", text)
        return left or (None in pairs and "torn") or (
            len(pairs) != HOT + COOL and f"{len(pairs)} files")

    def run(self):
        self.hot_set = set(self.hot)
        names = self.path("nodes") + "/*/hostname"
        jobs = [self.change, self.whole_files, self.stale, self.poll, self.watch, self.follow,
                self.reader("open", self.hot[:40], "hostname"),
                self.reader("open", self.cool, "hostname"),
                self.reader("held", self.hot[:5] + self.cool[-20:], "status"),
                self.programs(f"ls -l {names}", self.check_list),
                self.programs(f"cat {names}", self.check_texts),
                self.programs(f"grep -rh . {self.path('nodes')} --include=hostname",
                              self.check_texts)]
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.seconds + 120 * SLOW)
            assert not thread.is_alive(), "something hangs"


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.long)])
def test_storm(make_host, seconds):
    host = make_host(program="fs-host-sealed").make_cluster("c")
    host.ask(f"add c {HOT + COOL}")
    host.ask(f"turn c 0 {HOT + COOL} 1")
    storm = Storm(host, seconds)
    storm.run()
    assert storm.problems == []
    print(f"{storm.changes / seconds:.0f} changes/s; in {seconds} s "
          + ", ".join(f"{what} {n}" for what, n in sorted(storm.counts.items())))
    wait_until(lambda: {storm.read("nodes", n, "hostname").split("-")[0].strip()
                        for n in storm.hot} == {f"g{storm.last}"}, 5, "the last state everywhere")
