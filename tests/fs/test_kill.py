# SPDX-License-Identifier: MIT
"""kill -9 of the server: clients get errors, never a hang, and a restart mounts again."""
import contextlib
import os
import random
import signal
import subprocess
import threading
import time

import pytest

from fs_host import connections, gone, mounted_devices
from harness import SLOW, alive, is_mounted, wait_until


def open_fifty(server, cluster):
    """25 files to read, 25 to write."""
    nodes = os.listdir(server.path(cluster, "nodes"))
    found = []
    for node in sorted(n for n in nodes if n != "count")[:25]:
        found.append(os.open(server.path(cluster, "nodes", node, "status"), os.O_RDONLY))
        found.append(os.open(server.path(cluster, "nodes", node, "keepalive"), os.O_WRONLY))
    assert len(found) == 50
    return found


def fails(call, *args):
    with pytest.raises(OSError):
        call(*args)


def check_that_clients_get_errors(descriptors, syncs):
    """At once, and each of them."""
    begun = time.monotonic()
    for p in syncs:
        assert p.wait(5 * SLOW) == 1
        assert "error syncing" in p.stderr.read()
    for fd in descriptors:
        fails(os.fstatvfs, fd)
    for reader, writer in zip(descriptors[::2], descriptors[1::2]):
        fails(os.fsync, reader)
        fails(os.write, writer, b"true\n")
        fails(os.ftruncate, writer, 0)
    for fd in descriptors:
        with contextlib.suppress(OSError):
            os.close(fd)
    assert time.monotonic() - begun < 5 * SLOW


def check_nothing_is_left(server, device):
    gone(server.mount)
    assert os.listdir(server.mount) == []
    wait_until(lambda: device not in connections() - mounted_devices(), 5,
               "no connection left over")


def park_twenty(path):
    syncs = [subprocess.Popen(["sync", str(path)], stderr=subprocess.PIPE, text=True)
             for _ in range(20)]
    time.sleep(0.5 * SLOW)
    assert all(p.poll() is None for p in syncs), "a sync did not wait"
    return syncs


def kill_in_use(server, cluster):
    """Kills a server with fifty open files and twenty syncs that wait."""
    device = os.minor(os.stat(server.mount).st_dev)
    server.write("30\n", cluster, "nodes", "count")
    descriptors = open_fifty(server, cluster)
    syncs = park_twenty(server.path(cluster, "nodes", "count"))
    server.kill()
    check_that_clients_get_errors(descriptors, syncs)
    check_nothing_is_left(server, device)


def test_with_open_files_and_parked_syncs(host):
    kill_in_use(host, "c")
    host.start()
    assert "README" in os.listdir(host.mount)


def test_daemon_with_open_files_and_parked_syncs(make_daemon):
    """The same with the real daemon, whose work goes on where it stood."""
    daemon = make_daemon(simulate="--time-scale=1 --seed=1").start()
    daemon.make_cluster("hpc")
    kill_in_use(daemon, "hpc")
    daemon.start()
    assert daemon.read("hpc", "nodes", "count") == "30\n"
    assert len(daemon.nodes("hpc")) == 31


def test_again_and_again_under_load(host):
    """The moment of death is random: within a notice, a replay, an answer."""
    rng = random.Random(1)
    stop = threading.Event()

    def read():
        while not stop.is_set():
            try:
                for node in host.nodes():
                    host.read("c", "nodes", node, "status")
            except OSError:
                time.sleep(0.002)
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(25 if SLOW == 1 else 8):
            end = time.monotonic() + rng.uniform(0.02, 0.15)
            while time.monotonic() < end:
                host.ask("add c 3")
                host.ask("storm c 30")
            pid = host.process.pid
            host.process.send_signal(signal.SIGKILL)
            host.process.wait(20 * SLOW)
            assert not alive(pid)
            begun = time.monotonic()
            host.start().make_cluster("c", 3)
            assert time.monotonic() - begun < 20 * SLOW
    finally:
        stop.set()
        for reader in readers:
            reader.join(10)


def test_a_live_mount_is_not_taken_over(host, make_host):
    done = subprocess.run([host.process.args[0], str(host.mount)], capture_output=True, text=True,
                          timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "a cyclecloudfs is mounted there already" in done.stderr
    assert host.nodes() == ["c-1", "c-2", "c-3"]


def test_a_stopped_server_is_not_taken_over(host):
    """It may go on: who starts another one is told, after seconds and not after hours."""
    host.process.send_signal(signal.SIGSTOP)
    try:
        done = subprocess.run([host.process.args[0], str(host.mount)], capture_output=True,
                              text=True, timeout=30 * SLOW, stdin=subprocess.DEVNULL)
    finally:
        host.process.send_signal(signal.SIGCONT)
    assert done.returncode == 1
    assert "does not answer" in done.stderr and "umount -fl" in done.stderr
    assert host.nodes() == ["c-1", "c-2", "c-3"]


def test_without_its_guard(host):
    """Server and guard die at once: the dead mount stays, and a start takes it away."""
    children = f"/proc/{host.process.pid}/task/{host.process.pid}/children"
    with open(children) as f:
        guards = [int(pid) for pid in f.read().split()]
    assert len(guards) == 1
    time.sleep(1.5 * SLOW)  # no notice is under way
    host.process.send_signal(signal.SIGSTOP)
    os.kill(guards[0], signal.SIGKILL)
    host.kill()
    assert is_mounted(host.mount)
    with pytest.raises(OSError):
        os.listdir(host.mount)
    host.start()
    assert "README" in os.listdir(host.mount)


def test_unmount_from_outside(host):
    umount = ["umount", str(host.mount)]  # busy while a notice is replayed through the mount
    wait_until(lambda: subprocess.run(umount, capture_output=True).returncode == 0, 5, "umount")
    assert host.answers.get(timeout=10 * SLOW) == "ended"
    assert host.stop() == 0
