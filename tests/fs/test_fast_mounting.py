# SPDX-License-Identifier: MIT
"""The mount for fast reading comes and goes with the other one, and only where it may."""
import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import threading
import time

import pytest

from fs_host import connections, gone, mounted_devices
from harness import BUILD, SLOW, alive, shell, wait_until
from mounted import is_mounted, mount_flags

EROFS = "Read-only file system"


def test_end_and_start(fast):
    assert fast.stop() == 0
    assert os.listdir(fast.mount) == [] and os.listdir(fast.fast) == []
    fast.start()
    assert "README" in os.listdir(fast.mount) and "README" in os.listdir(fast.fast)


def test_kill(fast):
    """Both mounts go, whoever has a file open gets an error, and a start mounts both."""
    devices = {os.minor(os.stat(path).st_dev) for path in (fast.mount, fast.fast)}
    kept = os.open(fast.fast_path("c", "logs"), os.O_RDONLY)
    fast.kill()
    gone(fast.mount)
    gone(fast.fast)
    with pytest.raises(OSError):
        os.fstatvfs(kept)
    with contextlib.suppress(OSError):
        os.close(kept)
    wait_until(lambda: not devices & (connections() - mounted_devices()), 5, "no connection left")
    fast.start().make_cluster("c", 1)
    wait_until(lambda: fast.fast_read("c", "nodes", "count") == "1\n", 10, "the new node")


def test_kill_at_once(fast):
    """The guard may not have heard of the mounts yet when the server dies: it reads what was said."""
    for _ in range(20 if SLOW == 1 else 5):
        fast.kill()
        gone(fast.mount)
        gone(fast.fast)
        fast.start()


def test_kill_without_its_guard(fast):
    """The dead mounts stay, and a start takes both away."""
    with open(f"/proc/{fast.process.pid}/task/{fast.process.pid}/children") as f:
        guards = [int(pid) for pid in f.read().split()]
    time.sleep(1.5 * SLOW)  # no notice is under way
    fast.process.send_signal(signal.SIGSTOP)
    for guard in guards:
        os.kill(guard, signal.SIGKILL)
    fast.kill()
    for path in (fast.mount, fast.fast):
        assert is_mounted(path)
        with pytest.raises(OSError):
            os.listdir(path)
    fast.start()
    assert "README" in os.listdir(fast.mount) and "README" in os.listdir(fast.fast)


def test_kill_again_and_again_under_load(fast):
    stop = threading.Event()

    def read():
        while not stop.is_set():
            shell(f"cat {fast.fast_path('c', 'nodes')}/*/status {fast.fast_path('c', 'status')}",
                  check=False)
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(10 if SLOW == 1 else 4):
            for _ in range(10):
                fast.ask("add c 3")
                fast.ask("storm c 30")
            pid = fast.process.pid
            fast.process.send_signal(signal.SIGKILL)
            fast.process.wait(10 * SLOW)
            assert not alive(pid)
            fast.start().make_cluster("c", 3)
    finally:
        stop.set()
        for reader in readers:
            reader.join(30)


def test_unmounted_from_outside(fast):
    """The other mount goes on, and the connection ends with the next change."""
    device = os.minor(os.stat(fast.fast).st_dev)
    shell(f"umount {fast.fast}")
    assert os.listdir(fast.fast) == []

    def ended():
        fast.ask("storm c 3")
        return device not in connections()
    wait_until(ended, 20, "the end of the connection", 0.5)
    assert fast.nodes() == ["c-1", "c-2", "c-3"]
    assert fast.stop() == 0


def test_aborted(fast):
    """Its connection may end in any way: the other one goes on."""
    device = os.minor(os.stat(fast.fast).st_dev)
    connections()
    with open(f"/sys/fs/fuse/connections/{device}/abort", "w") as f:
        f.write("1")
    gone(fast.fast)
    fast.ask("add c 1")
    assert fast.read("c", "nodes", "count") == "4\n"
    assert fast.stop() == 0


@pytest.mark.skipif(not shutil.which("fusermount3"), reason="needs fusermount3")
def test_a_user_mounts():
    """Without root: fusermount3 makes it read-only, changes are seen, and kill -9 leaves nothing."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse")
    if not os.stat("/dev/fuse").st_mode & stat.S_IWOTH:
        pytest.skip("/dev/fuse is for root alone here")
    uid = pwd.getpwnam("nobody").pw_uid
    place = shell("mktemp -d /tmp/ccfs-user-XXXXXX").stdout.strip()
    program = shutil.copy(BUILD / "tests/fs/fs-host", f"{place}/fs-host")
    shell(f"mkdir {place}/mnt {place}/fast; chown -R {uid} {place}; chmod 755 {place}")
    run = ["setpriv", f"--reuid={uid}", "--clear-groups"]
    server = subprocess.Popen([*run, program, f"{place}/mnt", "", f"{place}/fast"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "ready\n"
        assert "ro" in mount_flags(f"{place}/fast")
        script = (f"cd {place} && mkdir mnt/c && echo 2 > mnt/c/nodes/count && sleep {0.5 * SLOW}"
                  "&& cat fast/c/nodes/count && echo 3 > mnt/c/nodes/count"
                  f"&& sleep {0.5 * SLOW} && cat fast/c/nodes/count; echo 4 > fast/c/nodes/count")
        done = subprocess.run([*run, "sh", "-c", script], capture_output=True, text=True,
                              timeout=20 * SLOW)
        assert done.stdout == "2\n3\n", done.stderr
        assert EROFS in done.stderr
        server.kill()
        server.wait(10)
        gone(f"{place}/mnt")
        gone(f"{place}/fast")
    finally:
        server.kill()
        server.wait()
        subprocess.run(["umount", "-l", f"{place}/fast", f"{place}/mnt"], capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("mount,fast_read,words", [
    ("m", "m", "the mount point itself"),
    ("m", "m/inside", "inside the mount point"),
    ("m/inside", "m", "above the mount point"),
    ("m", "link", "the mount point itself"),
    ("m", "nothing", "mkdir -p"),
    ("m", "file", "not a directory"),
    ("m", "full", "not empty"),
], ids=lambda value: value)
def test_refused_places(tmp_path, mount, fast_read, words):
    (tmp_path / "m" / "inside").mkdir(parents=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "one").write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("m")
    done = subprocess.run([str(BUILD / "tests/fs/fs-host"), str(tmp_path / mount), "", "0",
                           str(tmp_path / fast_read)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60 * SLOW)
    assert done.returncode == 1
    assert words in done.stderr and str(tmp_path / fast_read) in done.stderr
    assert not is_mounted(tmp_path / mount) and not is_mounted(tmp_path / fast_read)
