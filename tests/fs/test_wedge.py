# SPDX-License-Identifier: MIT
"""The watchdog: when the notifier hangs in the kernel, the connection is aborted, and all go free.

The wedge is made by stopping every thread that answers the kernel, and no other, with ptrace(2).
"""
import ctypes
import os
import pathlib
import signal
import subprocess
import time

import pytest

from fs_host import gone, waiting_workers
from harness import SLOW, wait_until
from inotify import CREATE, DELETE, MODIFY, Inotify

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(what, thread):
    if LIBC.ptrace(what, thread, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


class Stopped:
    """Threads that run no further until the end of the block."""

    def __init__(self, threads):
        self.threads = threads

    def __enter__(self):
        for thread in self.threads:
            ptrace(SEIZE, thread)
            ptrace(INTERRUPT, thread)
            os.waitpid(thread, WALL)
        return self

    def release(self):
        while self.threads:
            ptrace(DETACH, self.threads.pop())

    def __exit__(self, *what):
        self.release()


@pytest.fixture
def wedged(make_host):
    """A host whose watchdog waits for three seconds only."""
    return make_host("rw", "3").make_cluster("c", 3)


def test_a_wedge_ends(wedged):
    os.listdir(wedged.path("c", "nodes"))
    os.stat(wedged.path("c", "nodes", "c-2"))
    time.sleep(1.5)  # what the cluster's making has to tell is told
    found = waiting_workers(wedged.process.pid)
    if not found:
        pytest.skip("/proc/PID/task/TID/wchan tells nothing here")
    with Stopped(found) as stopped:
        client = subprocess.Popen(["mkdir", str(wedged.path("c", "nodes", "c-9"))], text=True,
                                  stderr=subprocess.PIPE)
        time.sleep(0.3)
        wedged.ask("remove c c-2")  # the notifier is to take its name away, and cannot
        time.sleep(1)
        assert client.poll() is None, "it hangs"
        words = client.communicate(timeout=30 * SLOW)[1]
        assert client.returncode == 1 and "abort" in words, words
        stopped.release()
    assert wedged.answers.get(timeout=10 * SLOW) == "aborted"
    assert wedged.stop() == 0
    gone(wedged.mount)
    wedged.start()
    assert "README" in os.listdir(wedged.mount)


@pytest.mark.parametrize("place", [("c",), ("c", "nodes")])
def test_a_dead_mount_inside_the_tree(wedged, make_host, place):
    """A user may mount what never answers on a directory that is his: the server does not care."""
    inotify = Inotify()
    inotify.watch(wedged.path("status"), MODIFY)
    inotify.watch(wedged.path("c", "nodes", "c-1", "status"), MODIFY)
    inotify.watch(wedged.path("c", "nodes"), CREATE | DELETE)
    root = os.open(wedged.mount, os.O_PATH)
    time.sleep(1.5 * SLOW)
    inotify.events(0.1)
    other = make_host()
    other.stop()
    other.mount = wedged.path(*place)
    other.start()
    other.process.send_signal(signal.SIGSTOP)
    try:
        for change in "status c c-1 Ready", "add c 1", "remove c c-2", "state c failed":
            wedged.ask(change)
        time.sleep(4.5 * SLOW)  # longer than the watchdog waits
        assert wedged.answers.empty(), "the connection was cut"
        assert "README" in os.listdir(f"/proc/self/fd/{root}")
        inotify.wait_for(MODIFY)  # of the status outside
    finally:
        os.close(root)
        inotify.close()
        other.kill()
        subprocess.run(["umount", "-l", str(other.mount)], capture_output=True)
        other.mount = other.dir / "mnt"
    wait_until(lambda: "c-4" in wedged.nodes() and "c-2" not in wedged.nodes(), 5, "the tree")


def test_slow_is_not_wedged(wedged):
    """Seconds of silence, nothing to tell: the watchdog keeps still."""
    found = waiting_workers(wedged.process.pid)
    if not found:
        pytest.skip("/proc/PID/task/TID/wchan tells nothing here")
    time.sleep(1.5)
    with Stopped(found):
        time.sleep(5)
    wait_until(lambda: wedged.nodes() == ["c-1", "c-2", "c-3"], 5, "the answer")
