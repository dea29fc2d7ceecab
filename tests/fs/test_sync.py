# SPDX-License-Identifier: MIT
"""`sync FILE` waits in the engine and disturbs nobody meanwhile."""
import os
import signal
import subprocess
import time

import pytest

from harness import SLOW, alive, shell, wait_until

AT_ONCE = 5.0 * SLOW  # what hangs takes ten times that


class Timed:
    """Fails when what is inside takes longer than `AT_ONCE`."""

    def __enter__(self):
        self.begun = time.monotonic()

    def __exit__(self, kind, value, trace):
        assert kind or time.monotonic() - self.begun < AT_ONCE, "that took too long"


@pytest.fixture
def syncs(host):
    """Ten syncs parked on one count."""
    host.write("4\n", "c", "nodes", "count")
    path = str(host.path("c", "nodes", "count"))
    processes = [subprocess.Popen(["sync", path], stderr=subprocess.PIPE, text=True)
                 for _ in range(10)]
    time.sleep(0.3 * SLOW)
    assert all(p.poll() is None for p in processes), "a sync did not wait"
    yield processes
    for p in processes:
        p.kill()
        p.wait(10 * SLOW)


def test_all_return_when_the_cloud_agrees(host, syncs):
    host.ask("converge")
    for p in syncs:
        assert p.wait(5 * SLOW) == 0


def test_nobody_is_disturbed(host, syncs):
    count = host.path("c", "nodes", "count")
    with Timed():
        shell(f"echo 5 > {count}", timeout=10)
    with Timed():
        assert host.read("c", "nodes", "count") == "5\n"
    with Timed():
        shell(f"echo +1 >> {count}", timeout=10)
    with Timed():
        os.chmod(host.path("c"), 0o775)
    with Timed():
        assert os.stat(count).st_mode & 0o777 == 0o664
    with Timed():
        os.chmod(count, 0o664)  # as it is
    with Timed():
        with pytest.raises(PermissionError):
            os.chmod(count, 0o600)
    with Timed():
        shell(f"truncate -s 0 {count}; touch {count}", timeout=10)
    with Timed():
        with pytest.raises(OSError):
            host.write("nonsense\n", "c", "nodes", "count")
    with Timed():
        os.mkdir(host.path("other"))
    another = subprocess.Popen(["sync", str(count)])
    time.sleep(0.2)
    with Timed():
        another.send_signal(signal.SIGINT)
        another.wait(10)
    assert all(p.poll() is None for p in syncs), "a sync ended too early"
    host.ask("converge")
    assert [p.wait(5 * SLOW) for p in syncs] == [0] * 10


def test_ctrl_c_and_kill_end_one_alone(host, syncs):
    for p, sig in zip(syncs, (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)):
        with Timed():
            p.send_signal(sig)
            assert p.wait(10 * SLOW) == -sig
    with Timed():
        shell(f"echo 5 > {host.path('c', 'nodes', 'count')}", timeout=10)
    host.ask("status c c-1 Ready")
    status = host.path("c", "nodes", "c-1", "status")
    wait_until(lambda: os.stat(status).st_size == len("Ready\n"), 2, "the notice")
    another = subprocess.Popen(["sync", str(host.path("c", "nodes", "count"))])
    time.sleep(0.1)
    assert another.poll() is None, "a new sync did not wait"
    with Timed():
        another.kill()
        another.wait(10)
    assert all(p.poll() is None for p in syncs[3:])
    host.ask("converge")
    assert [p.wait(5 * SLOW) for p in syncs[3:]] == [0] * 7


def test_notices_go_on(host, syncs):
    """The notifier replays on the very file on which the others wait."""
    path = host.path("c", "nodes", "c-1", "status")
    words = ("Ready", "Preparing")
    for i in range(20):
        host.ask(f"status c c-1 {words[i % 2]}")
        wait_until(lambda: path.read_text() == words[i % 2] + "\n", 2)
        host.ask("add c 1")
        assert os.stat(host.path("c", "nodes", "count"))
        time.sleep(0.1)
    assert host.read("c", "nodes", "count") == "24\n"
    assert all(p.poll() is None for p in syncs)


def test_syncs_come_and_go_under_notices(host):
    """A replay that meets a sync that is just about to park must not stop the notifier."""
    count = str(host.path("c", "nodes", "count"))
    state = str(host.path("c", "nodes", "c-1", "state"))
    status = host.path("c", "nodes", "c-1", "status")
    words = ("Ready", "Preparing")
    host.write("3\n", "c", "nodes", "count")
    end = time.monotonic() + 6
    running = []
    i = 0
    while time.monotonic() < end:
        running += [subprocess.Popen(["timeout", "-s", "INT", "0.15", "sync", path])
                    for path in (count, state)]
        i += 1
        host.ask(f"status c c-1 {words[i % 2]}")
        host.ask("add c 1")
        wait_until(lambda: status.read_text() == words[i % 2] + "\n", 1, "the notice")
        running = [p for p in running if p.poll() is None]
    for p in running:
        p.wait(10 * SLOW)


def test_fsync_elsewhere_answers_at_once(host):
    for parts in (("c", "template"), ("c", "status"), ("c", "nodes", "c-1", "status"), ("README",)):
        with Timed():
            shell(f"sync {host.path(*parts)}", timeout=10)
    with Timed():
        fd = os.open(host.path("c", "nodes", "count"), os.O_WRONLY)
        os.write(fd, b"4\n")
        os.fsync(fd)
        os.close(fd)
    with Timed():
        fd = os.open(host.path("c", "nodes"), os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(fd)
        os.close(fd)


def test_end_of_the_server_ends_them(host, syncs):
    host.stop()
    for p in syncs:
        assert p.wait(5 * SLOW) == 1
        assert "error syncing" in p.stderr.read()


def test_kill_of_the_server_ends_them(host, syncs):
    pid = host.process.pid
    host.kill()
    for p in syncs:
        assert p.wait(5 * SLOW) == 1
    assert not alive(pid)
