# SPDX-License-Identifier: MIT
"""poll(2), epoll, inotify and tail -f: those who wait hear of what the engine changed."""
import os
import select
import shutil
import subprocess
import threading
import time

import pytest

from harness import SLOW, wait_until
from inotify import CLOSE_WRITE, CREATE, DELETE, MODIFY, Inotify


@pytest.fixture
def inotify():
    one = Inotify()
    yield one
    one.close()


# --- poll ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("file,change", [
    (("c", "state"), "state c failed"),
    (("c", "status"), "status c c-1 Ready"),
    (("c", "nodes", "count"), "add c 1"),
    (("c", "arrays", "execute", "count"), "add c 1"),
    (("c", "logs"), "log c something happened"),
    (("c", "nodes", "c-1", "state"), "status c c-1 Ready"),
    (("c", "nodes", "c-1", "status"), "status c c-1 Ready"),
    (("status",), "state c failed"),
])
def test_poll_wakes(host, file, change):
    fd = os.open(host.path(*file), os.O_RDONLY)
    try:
        os.pread(fd, 65536, 0)
        poll = select.poll()
        poll.register(fd, select.POLLPRI)
        assert poll.poll(100) == []
        host.ask(change)
        ready = poll.poll(10000 * SLOW)
        assert ready and ready[0][1] & select.POLLPRI
        os.pread(fd, 65536, 0)
        assert poll.poll(100) == [], "what was read is no news"
    finally:
        os.close(fd)


def test_edge_epoll_of_many(host):
    """One change wakes every reader, each once."""
    host.write("20\n", "c", "nodes", "count")
    epoll = select.epoll()
    descriptors = []
    try:
        for node in host.nodes():
            fd = os.open(host.path("c", "nodes", node, "status"), os.O_RDONLY)
            descriptors.append(fd)
            os.pread(fd, 4096, 0)
            epoll.register(fd, select.EPOLLPRI | select.EPOLLET)
        epoll.poll(0.2)
        host.ask("storm c 20")
        woken = set()
        wait_until(lambda: woken.update(fd for fd, _ in epoll.poll(0.1)) or len(woken) == 20, 5,
                   "every reader woken")
        assert epoll.poll(0.2) == []
    finally:
        for fd in descriptors:
            os.close(fd)
        epoll.close()


def reading_fails(fd):
    try:
        os.pread(fd, 4096, 0)
        return False
    except OSError:
        return True


def test_poll_of_what_is_removed(host):
    fd = os.open(host.path("c", "nodes", "c-2", "status"), os.O_RDONLY)
    try:
        os.pread(fd, 4096, 0)
        poll = select.poll()
        poll.register(fd, select.POLLPRI)
        assert poll.poll(50) == []
        host.ask("remove c c-2")
        assert poll.poll(5000 * SLOW)
        wait_until(lambda: reading_fails(fd), 5, "the end of the old text")
    finally:
        os.close(fd)


# --- inotify -------------------------------------------------------------------------------------

@pytest.mark.parametrize("file,change,mask", [
    (("c", "status"), "status c c-1 Ready", MODIFY),
    (("c", "logs"), "log c something", MODIFY),
    (("c", "state"), "state c failed", MODIFY),
    (("c", "state"), "state c failed", CLOSE_WRITE),
    (("c", "nodes", "count"), "add c 1", MODIFY),
    (("c", "nodes", "count"), "add c 1", CLOSE_WRITE),
    (("c", "arrays", "execute", "count"), "add c 1", MODIFY),
    (("c", "nodes", "c-1", "state"), "status c c-1 Ready", MODIFY),
    (("c", "nodes", "c-1", "status"), "status c c-1 Ready", MODIFY),
    (("status",), "state c failed", MODIFY),
])
def test_inotify_of_files(host, inotify, file, change, mask):
    """MODIFY for all; files that `sync` waits on tell CLOSE_WRITE, too."""
    host.read(*file)
    inotify.watch(host.path(*file), MODIFY | CLOSE_WRITE)
    time.sleep(1.2)
    inotify.events(0.1)
    host.ask(change)
    inotify.wait_for(mask)


def test_a_watch_on_what_a_sync_waits_on(host, inotify):
    """Through /proc/self/fd both have one inode, which the kernel locks while the sync waits: there
    is no MODIFY then, and nobody hangs."""
    path = host.path("c", "nodes", "count")
    inotify.watch(path, MODIFY)
    fd = os.open(path, os.O_RDONLY)
    try:
        inotify.watch(f"/proc/self/fd/{fd}", MODIFY | CLOSE_WRITE)
        sync = subprocess.Popen(["sync", f"/proc/{os.getpid()}/fd/{fd}"], stderr=subprocess.PIPE)
        time.sleep(1.2 * SLOW)
        assert sync.poll() is None
        inotify.events(0.1)
        host.ask("add c 1")
        inotify.wait_for(MODIFY)  # of the other watch
        host.ask("converge")
        assert sync.wait(10 * SLOW) == 0
        host.ask("log c the notifier goes on")
        inotify.watch(host.path("c", "logs"), MODIFY)
        host.ask("log c and on")
        inotify.wait_for(MODIFY)
    finally:
        os.close(fd)


def test_nobody_who_opens_meets_the_notifier(host, inotify):
    """While a count changes and is watched, opening and waiting on it never fails."""
    path = str(host.path("c", "nodes", "count"))
    inotify.watch(path, MODIFY)
    stop = threading.Event()
    failures = []

    def use():
        while not stop.is_set():
            try:
                fd = os.open(path, os.O_RDONLY)
                os.pread(fd, 100, 0)
                os.close(fd)
            except OSError as e:
                failures.append(e)
    users = [threading.Thread(target=use) for _ in range(4)]
    syncs = [subprocess.Popen(["sync", path], stderr=subprocess.PIPE, text=True) for _ in range(8)]
    for user in users:
        user.start()
    for _ in range(int(4 * SLOW)):
        host.ask("add c 1")
        inotify.wait_for(MODIFY)
        time.sleep(0.9)
    stop.set()
    for user in users:
        user.join(10)
    host.ask("converge")
    assert [p.wait(10 * SLOW) for p in syncs] == [0] * 8
    assert failures == []


def test_inotify_of_a_directory_tells_names(host, inotify):
    os.listdir(host.path("c", "nodes"))
    inotify.watch(host.path("c", "nodes"), CREATE | DELETE)
    host.ask("add c 2")
    inotify.wait_for(CREATE, "c-4")
    host.read("c", "nodes", "c-2", "status")
    host.ask("remove c c-2")
    inotify.wait_for(DELETE, "c-2")
    assert "c-2" not in host.nodes() and "c-5" in host.nodes()


def test_inotify_tells_each_node_once(host, inotify):
    inotify.watch(host.path("c", "nodes"), CREATE)
    host.ask("add c 20")
    wanted = {f"c-{n}" for n in range(4, 24)}
    seen = []
    wait_until(lambda: seen.extend(e[2] for e in inotify.events(0.2)) or wanted <= set(seen), 10,
               "an event for every node")
    seen += [e[2] for e in inotify.events(0.5)]
    assert sorted(n for n in seen if n in wanted) == sorted(wanted)  # older nodes may come late


def test_inotify_of_own_mkdir_is_single(host, inotify):
    inotify.watch(host.mount, CREATE | DELETE)
    os.mkdir(host.path("other"))
    os.rmdir(host.path("other"))
    events = [e[1:] for e in inotify.events(1)]
    assert [(m & (CREATE | DELETE), n) for m, n in events] == [(CREATE, "other"), (DELETE, "other")]


def test_events_do_not_repeat_themselves(host, inotify):
    """No change, no event; and a file tells at most about once a second."""
    path = host.path("c", "nodes", "c-1", "status")
    path.read_text()
    inotify.watch(path, MODIFY)
    time.sleep(1.2)
    inotify.events(0.1)
    for i in range(100):
        host.ask(f"status c c-1 {('Ready', 'Preparing')[i % 2]}")
    assert 1 <= len(inotify.events(1.5)) <= 3
    host.ask("log c nothing that concerns the node")
    assert inotify.events(1.5) == []


def test_many_changed_files(host, inotify):
    """A backlog of thousands of events delays a new one by seconds, and drops none."""
    host.write("1700\n", "c", "nodes", "count")
    for node in host.nodes():
        for name in ("status", "logs", "state"):
            os.stat(host.path("c", "nodes", node, name))
    for _ in range(2):
        host.ask("storm c 1700")
        time.sleep(0.3)
    host.ask("add c 1")
    last = max(host.nodes(), key=lambda n: int(n[2:]))
    path = host.path("c", "nodes", last, "status")
    path.read_text()
    inotify.watch(path, MODIFY)
    time.sleep(0.5)
    host.ask(f"status c {last} Ready")
    inotify.wait_for(MODIFY, seconds=25)


@pytest.mark.skipif(not shutil.which("inotifywait"), reason="needs inotifywait")
def test_inotifywait(host):
    host.read("c", "status")
    process = subprocess.Popen(["inotifywait", "-q", "-e", "modify,create", "-t", "20",
                                str(host.path("c", "status"))], stdout=subprocess.PIPE, text=True)
    time.sleep(1.2)
    host.ask("status c c-1 Ready")
    assert "MODIFY" in process.communicate(timeout=30 * SLOW)[0]


# --- tail ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ["-f", "-F"])
def test_tail_follows(host, tmp_path, option):
    host.ask("log c first")
    out = tmp_path / "out"
    errors = tmp_path / "errors"
    with open(out, "w") as o, open(errors, "w") as e:
        process = subprocess.Popen(["tail", "-n", "100", option, str(host.path("c", "logs"))],
                                   stdout=o, stderr=e)
    try:
        wait_until(lambda: out.read_text() == "first\n", 5, "the first line")
        for i in range(3):
            host.ask(f"log c line {i}")
            wait_until(lambda: out.read_text().endswith(f"line {i}\n"), 5, "the new line")
    finally:
        process.kill()
        process.wait()
    assert out.read_text() == "first\nline 0\nline 1\nline 2\n"
    assert errors.read_text() == ""
