# SPDX-License-Identifier: MIT
"""`-o fast_read=DIR` of the daemon: the same tree on a second mount, for reading."""
import os
import re
import shutil
import subprocess

import pytest

from fs_host import connections
from harness import BUILD, SLOW, alive, shell, wait_until
from mounted import is_mounted, take_away

SOON = 10 * SLOW


@pytest.fixture
def make_fast(make_daemon):
    """Makes daemons, not started, with a directory for the second mount."""
    made = []

    def make():
        daemon = make_daemon()
        daemon.fast = daemon.dir / "fast"
        daemon.fast.mkdir()
        made.append(daemon)
        return daemon
    yield make
    for daemon in made:
        take_away(daemon.fast)


@pytest.fixture
def fast(make_fast):
    daemon = make_fast()
    return daemon.start(f"--fast_read={daemon.fast}")


def eventually(function, expected):
    wait_until(lambda: function() == expected, SOON, f"{expected!r}", 0.02)


def test_a_session_is_followed(fast):
    """What is written on one is seen on the other, up to the last node and its removal."""
    fast.make_cluster("hpc")
    eventually(lambda: (fast.fast / "hpc" / "template").read_text(), fast.read("hpc", "template"))
    fast.write("3\n", "hpc", "nodes", "count")
    assert fast.sync("hpc", "nodes", "count") == ""
    nodes = fast.fast / "hpc" / "nodes"
    eventually(lambda: shell(f"cat {nodes}/*/status").stdout, "Ready\n" * 4)
    for name in ("status", "state", "plan", "nodes/count", "logs", "parameters", "definition",
                 "nodes/execute-1/private_ip", "nodes/execute-1/state"):
        eventually((fast.fast / "hpc" / name).read_text, fast.read("hpc", name))
    fast.write("console\n", "hpc", "nodes", "execute-1", "control")
    wait_until(lambda: fast.read("hpc", "nodes", "execute-1", "console"), SOON, "a console")
    eventually((nodes / "execute-1" / "console").read_text,
               fast.read("hpc", "nodes", "execute-1", "console"))
    assert "hpc" in (fast.fast / "status").read_text()
    assert "cyclecloud" in (fast.fast / "metrics").read_text()
    shell("echo terminated > hpc/state; sync hpc/state; rmdir hpc", cwd=fast.mount)
    eventually((fast.fast / "hpc").exists, False)


def test_nothing_can_be_written(fast):
    fast.make_cluster("c")
    eventually((fast.fast / "c").exists, True)
    for command in ("echo 1 > c/nodes/count", "mkdir d", "rmdir c", "mv c d", "chmod 700 c",
                    "cp c/template c/template~", "sync c/nodes/count"):
        done = shell(command, check=False, cwd=fast.fast)
        assert done.returncode != 0 and "Read-only file system" in done.stderr, command
    assert fast.read("c", "nodes", "count") == "0\n" and not fast.path("d").exists()


def test_tail_follows(fast):
    fast.make_cluster("c")
    eventually((fast.fast / "c" / "logs").exists, True)
    tail = subprocess.Popen(["tail", "-n", "+1", "-f", str(fast.fast / "c" / "logs")],
                            stdout=subprocess.PIPE, text=True)
    try:
        fast.write("1\n", "c", "nodes", "count")
        assert fast.sync("c", "nodes", "count") == ""
        wait_until(lambda: "execute-1: ready" in tail.stdout.readline(), SOON, "the node's line")
    finally:
        tail.kill()
        tail.wait()


def test_end(fast):
    fast.terminate()
    for path in (fast.mount, fast.fast):
        assert not is_mounted(path) and os.listdir(path) == []


def test_umount_of_the_first_ends_both(fast):
    pid = fast.pid
    shell(f"umount {fast.mount}")
    wait_until(lambda: not alive(pid), 20, "the end of the daemon")
    assert not is_mounted(fast.fast)


def test_umount_of_the_second(fast):
    """The daemon goes on and says it; the next start mounts it again."""
    shell(f"umount {fast.fast}")
    fast.make_cluster("c")

    def said():
        fast.write("started\n", "c", "state")
        fast.write("terminated\n", "c", "state")
        return f"{fast.fast} was unmounted" in fast.log()
    wait_until(said, 30, "the warning", 0.5)
    assert fast.read("c", "template")
    fast.terminate()
    fast.start(f"--fast_read={fast.fast}")
    assert "c" in os.listdir(fast.fast)


def test_cut_off(fast):
    """A dead second mount is taken away at once, and the daemon goes on."""
    device = os.minor(os.stat(fast.fast).st_dev)
    assert device in connections()
    with open(f"/sys/fs/fuse/connections/{device}/abort", "w") as f:
        f.write("1")
    wait_until(lambda: not is_mounted(fast.fast), 10, "no dead mount")
    wait_until(lambda: f"{fast.fast} was cut off" in fast.log(), 10, "the warning")
    fast.make_cluster("c")
    assert fast.read("c", "template")


def test_kill_and_restart(fast):
    fast.make_cluster("c")
    fast.kill()
    wait_until(lambda: not is_mounted(fast.mount) and not is_mounted(fast.fast), 10, "no mounts")
    fast.start(f"--fast_read={fast.fast}")
    assert (fast.fast / "c" / "template").read_text() == fast.read("c", "template")


def test_mount_option(make_fast):
    """As mount(8) runs it for an fstab line."""
    daemon = make_fast()
    helper = daemon.dir / "mount.cyclecloudfs"
    helper.symlink_to(BUILD / "cyclecloudfs")
    options = ",".join(["rw", "noexec", f"state={daemon.state}", f"config={daemon.config}",
                        f"listen=127.0.0.1:{daemon.port}", "simulate",
                        f"fast_read={daemon.fast}", "_netdev", "nofail"])
    shell(f"{helper} cyclecloud {daemon.mount} -o {options}")
    with open("/proc/self/mountinfo") as f:
        lines = {line.split()[4]: line for line in f}
    first, second = lines[str(daemon.mount)], lines[str(daemon.fast)]
    assert "fuse.cyclecloudfs cyclecloud" in first and "fuse.cyclecloudfs cyclecloud" in second
    assert {"rw", "noexec"} <= set(first.split()[5].split(","))
    assert {"ro", "noexec", "nosuid", "nodev"} <= set(second.split()[5].split(","))


@pytest.mark.skipif(not shutil.which("mount.fuse"), reason="needs mount.fuse")
def test_mount_program(make_fast):
    """mount(8) itself, by an fstab of its own; the program is not in its PATH here."""
    daemon = make_fast()
    fstab = daemon.dir / "fstab"
    fstab.write_text(f"{BUILD}/cyclecloudfs#cyclecloud {daemon.mount} fuse state={daemon.state},"
                     f"config={daemon.config},listen=127.0.0.1:{daemon.port},simulate,"
                     f"fast_read={daemon.fast} 0 0\n")
    shell(f"mount -T {fstab} {daemon.mount}")
    assert "README" in os.listdir(daemon.mount) and "README" in os.listdir(daemon.fast)


def test_relative_directory(make_fast):
    daemon = make_fast()
    done = subprocess.run(daemon.command("--fast_read=fast"), cwd=daemon.dir, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    assert "README" in os.listdir(daemon.fast)


@pytest.mark.parametrize("place,words", [
    ("{d}/mnt", "the mount point itself"), ("{d}/mnt/in", "inside the mount point"),
    ("{d}", "above the mount point"), ("{d}/nothing", "mkdir -p"), ("{d}/full", "not empty"),
    ("{d}/file", "not a directory"), ("", "needs a value"),
], ids=["same", "inside", "above", "missing", "full", "file", "empty"])
def test_refusals(make_fast, place, words):
    daemon = make_fast()
    (daemon.dir / "full" / "one").mkdir(parents=True)
    (daemon.dir / "file").write_text("")
    (daemon.mount / "in").mkdir()
    done = daemon.try_start(f"--fast_read={place.format(d=daemon.dir)}")
    assert done.returncode in (1, 2) and re.search(words, done.stderr), done.stderr
    assert "fast_read" in done.stderr or place.format(d=daemon.dir) in done.stderr
    assert not is_mounted(daemon.mount) and not alive(daemon.pid)


def test_taken_by_another(fast, make_fast):
    """A live mount is not taken over, whichever it is."""
    other = make_fast()
    done = other.try_start(f"--fast_read={fast.fast}")
    assert done.returncode == 1 and "a cyclecloudfs is mounted there already" in done.stderr
    assert not is_mounted(other.mount)
    assert "README" in os.listdir(fast.fast)
