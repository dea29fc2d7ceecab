# SPDX-License-Identifier: MIT
"""fstab and mount(8), and the ways to take a mount away: umount, umount -l, umount -f."""
import os
import pathlib
import signal
import subprocess
import time

import pytest

from harness import BUILD, SLOW, alive, is_mounted, wait_for_mount, wait_until

LINKS = {"/usr/local/bin/cyclecloudfs": "cyclecloudfs",  # mount(8) clears PATH
         "/sbin/mount.cyclecloudfs": "cyclecloudfs"}     # as `meson install` makes it


@pytest.fixture
def installed():
    """The program and the link where mount(8) looks for them; taken away again."""
    links = {pathlib.Path(path): BUILD / program for path, program in LINKS.items()}
    for link in links:
        if link.exists() or link.is_symlink():
            pytest.skip(f"{link} is there already")
    made = []
    try:
        for link, program in links.items():
            link.symlink_to(program)
            made.append(link)
        yield
    finally:
        for link in made:
            link.unlink()


def fstab(daemon, kind):
    options = (f"state={daemon.state},config={daemon.config},listen=127.0.0.1:{daemon.port},"
               "simulate=--time-scale=0.01,_netdev,nofail,x-systemd.automount")
    path = daemon.dir / "fstab"
    path.write_text(f"cyclecloud {daemon.mount} {kind} {options} 0 0\n")
    return path


@pytest.mark.parametrize("kind", ["fuse.cyclecloudfs", "cyclecloudfs"])
@pytest.mark.parametrize("command", [["{mount}"], ["-a"]])
def test_fstab(make_daemon, installed, kind, command):
    """`mount /mnt/x` and `mount -a` with a line as the manual has it."""
    daemon = make_daemon()
    done = subprocess.run(["mount", "-T", fstab(daemon, kind),
                           *(c.format(mount=daemon.mount) for c in command)],
                          capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    with open("/proc/self/mounts") as f:
        source, _, kind, options, *_ = next(
            line for line in f if line.split()[1] == str(daemon.mount)).split()
    assert (source, kind) == ("cyclecloud", "fuse.cyclecloudfs")
    assert {"allow_other", "default_permissions", "nosuid", "nodev"} <= set(options.split(","))
    assert daemon.read("system", "version")
    pid = daemon.pid
    subprocess.run(["umount", str(daemon.mount)], check=True)
    wait_until(lambda: not alive(pid), 20, "the end of the daemon")


def test_fstab_refused(make_daemon, installed):
    daemon = make_daemon()
    table = fstab(daemon, "cyclecloudfs")
    table.write_text(table.read_text().replace("state=", "stte="))
    done = subprocess.run(["mount", "-T", table, str(daemon.mount)], capture_output=True, text=True)
    assert done.returncode != 0 and "did you mean 'state'" in done.stderr
    assert not is_mounted(daemon.mount)


# --- taking it away ------------------------------------------------------------------------------

def umount(daemon, *options):
    return subprocess.run(["umount", *options, str(daemon.mount)], capture_output=True, text=True,
                          timeout=60 * SLOW)


def ends(pid, simulator=None):
    wait_until(lambda: not alive(pid), 20, "the end of the daemon")
    assert simulator is None or not alive(simulator)


def test_umount_of_a_busy_mount(daemon):
    """Refused, and nothing happened."""
    with open(daemon.path("status")):
        done = umount(daemon)
        assert done.returncode != 0 and "busy" in done.stderr
    os.mkdir(daemon.path("c"))
    assert daemon.read("c", "state") == "off\n" and alive(daemon.pid)


def test_lazy_umount(daemon):
    """Nobody finds the tree any more; who has a file open goes on until he closes it."""
    pid, simulator = daemon.pid, daemon.simulator_pid
    os.mkdir(daemon.path("c"))
    fd = os.open(daemon.path("c", "error"), os.O_RDONLY)
    try:
        assert umount(daemon, "-l").returncode == 0
        assert not is_mounted(daemon.mount) and os.listdir(daemon.mount) == []
        assert os.pread(fd, 100, 0) == b"ok\n"
        assert alive(pid)
        done = daemon.try_start()
        assert done.returncode == 1 and str(pid) in done.stderr  # it has the state directory
    finally:
        os.close(fd)
    ends(pid, simulator)
    daemon.start()
    assert daemon.read("c", "state") == "off\n"


def stopped(pid):
    """True when no thread of a process runs any more; the notifier may wait for the others."""
    stats = [(t / "stat").read_text() for t in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    return all(text.rsplit(")", 1)[1].split()[0] in "TD" for text in stats)


def test_forced_umount_of_a_stopped_daemon(daemon):
    """What is left when the daemon answers nothing: readers are freed with an error, not killed."""
    pid = daemon.pid
    daemon.make_cluster("c")
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: stopped(pid), 10, "every thread stopped")
    try:
        reader = subprocess.Popen(["cat", str(daemon.path("c", "status"))], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        writer = subprocess.Popen(["mkdir", str(daemon.path("d"))], stderr=subprocess.PIPE,
                                  text=True)
        time.sleep(0.5)
        assert reader.poll() is None and writer.poll() is None, "nobody answers them"
        assert umount(daemon, "-f", "-l").returncode == 0
        for process in (reader, writer):
            words = process.communicate(timeout=10 * SLOW)[1]
            assert process.returncode == 1
            assert "abort" in words or "not connected" in words, words
        assert not is_mounted(daemon.mount)
    finally:
        os.kill(pid, signal.SIGCONT)
    ends(pid)
    daemon.start()
    assert "c" in os.listdir(daemon.mount)


def test_a_cut_mount_is_a_failure(make_daemon):
    """systemd starts it again (Restart=on-failure); after an unmount it does not."""
    for status in 1, 0:
        daemon = make_daemon()
        running = subprocess.Popen(daemon.command("-f"), stderr=subprocess.DEVNULL)
        wait_for_mount(daemon.mount, 20)
        if status:
            abort(os.minor(os.stat(daemon.mount).st_dev))
        else:
            assert umount(daemon).returncode == 0
        assert running.wait(30 * SLOW) == status


def abort(device):
    control = pathlib.Path("/sys/fs/fuse/connections")
    if not control.is_mount():
        subprocess.run(["mount", "-t", "fusectl", "none", str(control)], check=True)
    (control / str(device) / "abort").write_text("1")


def test_connection_aborted_by_hand(daemon):
    """Through /sys/fs/fuse/connections, which works when nothing else does."""
    pid = daemon.pid
    abort(os.minor(os.stat(daemon.mount).st_dev))
    ends(pid)
    wait_until(lambda: not is_mounted(daemon.mount), 10, "the mount gone")
    assert "the mount was cut off" in daemon.log()
    daemon.start()
    assert daemon.read("system", "version")
