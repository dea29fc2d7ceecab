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


def test_with_open_files_and_parked_syncs(host):
    device = host.device
    host.write("30\n", "c", "nodes", "count")
    descriptors = []
    for node in host.nodes()[:25]:
        descriptors.append(os.open(host.path("c", "nodes", node, "status"), os.O_RDONLY))
        descriptors.append(os.open(host.path("c", "nodes", node, "keepalive"), os.O_WRONLY))
    syncs = [subprocess.Popen(["sync", str(host.path("c", "nodes", "count"))],
                              stderr=subprocess.DEVNULL) for _ in range(20)]
    time.sleep(0.3 * SLOW)
    host.kill()
    begun = time.monotonic()
    assert [p.wait(5 * SLOW) for p in syncs] == [1] * 20
    for fd in descriptors:
        with pytest.raises(OSError):
            os.fstatvfs(fd)
        with contextlib.suppress(OSError):
            os.close(fd)
    gone(host.mount)
    assert os.listdir(host.mount) == []
    assert time.monotonic() - begun < 2 * SLOW
    wait_until(lambda: device not in connections() - mounted_devices(), 5,
               "no connection left over")
    host.start()
    assert "README" in os.listdir(host.mount)


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
            host.process.wait(2 * SLOW)
            assert not alive(pid)
            begun = time.monotonic()
            host.start().make_cluster("c", 3)
            assert time.monotonic() - begun < 2 * SLOW
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
