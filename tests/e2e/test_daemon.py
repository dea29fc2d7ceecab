# SPDX-License-Identifier: MIT
"""Starting and ending: background, a second start, dead mounts, mount(8), configuration."""
import errno
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

from harness import (BUILD, ROOT, SLOW, SUBSCRIPTION, SIMPLE, alive, free_port, is_mounted, shell,
                     wait_for_mount, wait_until)


def test_ready_when_it_returns(make_daemon):
    daemon = make_daemon()
    daemon.start()
    assert is_mounted(daemon.mount)
    assert os.stat(daemon.mount).st_mode & 0o7777 == 0o1777
    assert "README" in os.listdir(daemon.mount)
    assert daemon.read("system", "version").strip() in shell(f"{BUILD}/cyclecloudfs -V").stdout


def test_health_over_http(daemon):
    got = shell(f"curl -sf http://127.0.0.1:{daemon.port}/health && "
                f"curl -sf http://127.0.0.1:{daemon.port}/metrics")
    assert got.stdout.startswith("ok") and "# TYPE" in got.stdout


def test_second_start_is_refused(daemon):
    done = daemon.try_start()
    assert done.returncode == 1
    assert str(daemon.pid) in done.stderr and "cyclecloudfs: " in done.stderr
    assert alive(daemon.pid) and alive(daemon.simulator_pid)
    assert daemon.read("system", "version")


def test_same_mount_other_state_is_refused(daemon, make_daemon):
    other = make_daemon()
    other.mount.rmdir()
    other.mount = daemon.mount
    done = other.try_start()
    other.mount = other.dir / "mnt"
    assert done.returncode == 1 and str(daemon.mount) in done.stderr
    assert daemon.read("system", "version")


def test_terminate_unmounts(daemon):
    simulator = daemon.simulator_pid
    daemon.terminate()
    assert not is_mounted(daemon.mount)
    assert not alive(simulator)
    assert daemon.pid == 0 and os.listdir(daemon.mount) == []


def test_terminate_with_open_files_and_waiting_sync(daemon):
    """Whoever waits gets an error, not a hang."""
    daemon.make_cluster("c")
    daemon.write("3\n", "c", "nodes", "count")
    kept = open(daemon.path("c", "status"))
    waiting = subprocess.Popen(["sync", str(daemon.path("c", "nodes", "count"))],
                               stderr=subprocess.PIPE)
    time.sleep(0.1)
    daemon.terminate()
    waiting.wait(timeout=20)
    kept.close()


def test_umount_ends_the_daemon(daemon):
    pid, simulator = daemon.pid, daemon.simulator_pid
    subprocess.run(["umount", str(daemon.mount)], check=True)
    wait_until(lambda: not alive(pid), 20, "the end of the daemon")
    assert not alive(simulator)


def children(pid):
    """What a process started and what still is its child, but for the simulator."""
    found = shell(f"pgrep -P {pid} -l", check=False).stdout.split("\n")
    return [int(line.split()[0]) for line in found if line and "armsim" not in line]


def is_dead(path):
    """True for a mount whose server is gone. (The kernel may still know its attributes.)"""
    try:
        os.statvfs(path)
        return False
    except OSError as e:
        return e.errno == errno.ENOTCONN


def test_killed_server_leaves_no_dead_mount(daemon):
    """What the guard is for: without any restart, readers see an empty directory, not a hang."""
    daemon.kill()
    wait_until(lambda: not is_mounted(daemon.mount), 10, "the end of the mount")
    assert os.listdir(daemon.mount) == []


def test_dead_mount_is_cleaned_up(daemon):
    daemon.make_cluster("c")
    simulator, port = daemon.simulator_pid, daemon.simulator_port
    for child in children(daemon.pid):  # the guard would clean up by itself
        os.kill(child, signal.SIGKILL)
    daemon.kill()
    wait_until(lambda: is_dead(daemon.mount), 10, "the end of the last thread")
    assert alive(simulator)
    begun = time.monotonic()
    daemon.start()
    assert daemon.read("c", "template") == SIMPLE
    assert time.monotonic() - begun < 10
    assert (daemon.simulator_pid, daemon.simulator_port) == (simulator, port)


def test_simulator_comes_back_on_its_port(daemon):
    """Killed with the daemon: the next start runs it on the same file and port."""
    port, simulator = daemon.simulator_port, daemon.simulator_pid
    daemon.kill()
    os.kill(simulator, signal.SIGKILL)
    wait_until(lambda: not alive(simulator), 10, "the death of the simulator")
    daemon.start()
    assert daemon.simulator_port == port and daemon.simulator_pid != simulator


def test_simulator_away_for_a_while(daemon):
    """Work resumes when it is back; meanwhile health says so."""
    daemon.make_cluster("c")
    daemon.write("2\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    os.kill(daemon.simulator_pid, signal.SIGKILL)
    daemon.write("5\n", "c", "nodes", "count")
    wait_until(lambda: not daemon.read("system", "health").startswith("ok"), 60, "bad health")
    assert daemon.read("c", "nodes", "count") == "5\n"
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.sync("c", "nodes", "count", timeout=180) == ""
    wait_until(lambda: daemon.read("system", "health").startswith("ok"), 60, "good health")
    assert len(daemon.azure().machines()) == 6


def test_foreground(make_daemon):
    daemon = make_daemon()
    running = subprocess.Popen(daemon.command("-f"), stderr=subprocess.PIPE, text=True)
    try:
        wait_for_mount(daemon.mount, 20)
        assert daemon.pid == running.pid
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 0
        assert "mounted" in running.stderr.read()
    finally:
        running.kill()
        running.stderr.close()


@pytest.fixture
def installed():
    """The program where mount(8), which clears PATH, finds it; taken away again."""
    link = pathlib.Path("/usr/local/bin/cyclecloudfs")
    if link.exists() or link.is_symlink():
        pytest.skip(f"{link} is there already")
    link.symlink_to(BUILD / "cyclecloudfs")
    yield
    link.unlink()


def test_mount_command(make_daemon, installed):
    """mount(8) and fstab: the options behind -o."""
    daemon = make_daemon()
    options = (f"state={daemon.state},config={daemon.config},listen=127.0.0.1:{daemon.port},"
               "simulate=--time-scale=0.01,nosuid,_netdev")
    done = subprocess.run(["mount", "-t", "fuse.cyclecloudfs", "cloud", str(daemon.mount),
                           "-o", options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line = next(x for x in open("/proc/self/mounts") if x.split()[1] == str(daemon.mount))
    assert line.split()[0] == "cloud" and line.split()[2] == "fuse.cyclecloudfs"
    assert "nosuid" in line and daemon.read("system", "version")


def test_mount_command_refused(make_daemon, installed):
    daemon = make_daemon()
    done = subprocess.run(["mount", "-t", "fuse.cyclecloudfs", "cloud", str(daemon.mount),
                           "-o", "simulat"], capture_output=True, text=True)
    assert done.returncode != 0 and "did you mean 'simulate'" in done.stderr


@pytest.mark.parametrize("arguments, words", [
    ([], "no mount point given"),
    (["--stat=x", "/m"], "did you mean 'state'"),
    (["--simulate", "--state=/proc/x", "/mnt"], "/proc/x"),
    (["--config=/nonexistent", "--state={state}", "{mount}"], "/nonexistent"),
    (["--simulate", "--state={state}", "--listen=127.0.0.1:0", "{mount}/none"], "{mount}/none"),
    (["--simulate=--no-such-option", "--state={state}", "{mount}"], "no-such-option"),
])
def test_refused_starts(make_daemon, arguments, words):
    daemon = make_daemon()
    places = {"state": daemon.state, "mount": daemon.mount}
    command = [str(BUILD / "cyclecloudfs")] + [a.format(**places) for a in arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 2)
    assert words.format(**places) in done.stderr and not is_mounted(daemon.mount)


ACCOUNT = """[account own]
subscription = {subscription}
tenant = simulated
client_id = simulated
client_secret_file = {secret}
region = eastus
resource_manager = http://127.0.0.1:{port}
authority = http://127.0.0.1:{port}
"""


@pytest.fixture
def apart(make_daemon):
    """A simulator started apart, and a daemon with an account section for it."""
    daemon = make_daemon(simulate=None)
    port = free_port()
    log = open(daemon.dir / "armsim.log", "wb")
    simulator = subprocess.Popen([str(BUILD / "armsim"), f"--listen=127.0.0.1:{port}",
                                  f"--state={daemon.dir}/armsim", "--time-scale=0.01"],
                                 stdout=log, stderr=log)
    shell(f"for i in $(seq 100); do curl -sf http://127.0.0.1:{port}/simulator/health && break;"
          "sleep 0.1; done")
    secret = daemon.dir / "secret"
    secret.write_text("simulated\n")
    secret.chmod(0o600)
    daemon.config.write_text(ACCOUNT.format(subscription=SUBSCRIPTION, secret=secret, port=port))
    yield daemon
    daemon.terminate()
    simulator.terminate()
    simulator.wait(timeout=30)
    log.close()


def test_account_section(apart):
    apart.start()
    apart.make_cluster("c", SIMPLE.replace("DefaultValue = azure", "DefaultValue = own"))
    apart.write("2\n", "c", "nodes", "count")
    assert apart.sync("c", "nodes", "count") == ""
    assert os.stat(apart.mount).st_mode & 0o7777 == 0o1775


def test_wrong_credentials(apart):
    """Refused by the cloud: sync ends with EIO and says why; mended, the work goes on."""
    secret = apart.dir / "secret"
    secret.write_text("wrong\n")
    apart.start()
    apart.make_cluster("c", SIMPLE.replace("DefaultValue = azure", "DefaultValue = own"))
    apart.write("2\n", "c", "nodes", "count")
    said = apart.sync("c", "nodes", "count")
    assert "Input/output error" in said
    everything = apart.error("c") + apart.read("c", "status") + apart.read("system", "health")
    assert "client_secret_file" in everything or "credential" in everything.lower()
    secret.write_text("simulated\n")
    os.kill(apart.pid, signal.SIGHUP)
    wait_until(lambda: "configuration read" in apart.log(), 10, "the new configuration")
    assert apart.sync("c", "nodes", "count") == ""


def test_configuration_is_watched(apart):
    """A changed file is read again; a bad one changes nothing and the log says why."""
    apart.start()
    good = apart.config.read_text()
    apart.config.write_text(good + "[account x\n")
    wait_until(lambda: "no closing bracket" in apart.log(), 10, "the complaint")
    apart.config.write_text(good.replace("account own", "account renamed"))
    wait_until(lambda: "configuration read" in apart.log(), 10, "the new configuration")


def test_a_change_the_watcher_missed_is_found(apart):
    """While the watcher is away the file is edited; the next one finds it, with nothing to tell."""
    apart.start()
    watcher = int(shell(f"pgrep -P {apart.pid} -x cyclecloud-watc").stdout)
    os.kill(watcher, signal.SIGKILL)
    wait_until(lambda: "cyclecloud-watch ended" in apart.log(), 10, "its end")
    good = apart.config.read_text()
    apart.config.write_text(good.replace("account own", "account renamed"))
    wait_until(lambda: "configuration read" in apart.log(), 10, "the new configuration")
    wait_until(lambda: "changed: " in apart.read("events"), 10, "the event")


def test_readable_secret_is_warned_of(apart):
    (apart.dir / "secret").chmod(0o644)
    done = apart.try_start()
    assert done.returncode == 0 and "can be read by other users" in done.stderr


def test_concurrent_starts(make_daemon):
    """Of several at once exactly one runs."""
    daemon = make_daemon()
    results = []
    threads = [threading.Thread(target=lambda: results.append(daemon.try_start()))
               for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(r.returncode for r in results) == [0, 1, 1, 1]
    assert daemon.read("system", "version") and alive(daemon.pid)


@pytest.mark.parametrize("program, page", [("cyclecloudfs", "cyclecloudfs.8"),
                                           ("armsim", "armsim.1")])
def test_manual_names_every_option(program, page):
    text = shell(f"{BUILD}/{program} --help").stdout
    options = re.findall(r"^\s+(?:-\w, )?(--[\w-]+)", text, re.MULTILINE)
    manual = (ROOT / "man" / page).read_text().replace("\\-", "-")
    assert len(options) >= 8
    assert [o for o in options if o not in manual] == []


def test_sync_at_the_end(make_daemon):
    """Who waits when the server stops hears that the wait was canceled."""
    daemon = make_daemon(simulate="--time-scale=100 --seed=1").start()
    daemon.make_cluster("c")
    daemon.write("1\n", "c", "nodes", "count")
    waits = subprocess.Popen(["sync", str(daemon.path("c", "nodes", "count"))],
                             stderr=subprocess.PIPE, text=True)
    wait_until(lambda: "fsync" in pathlib.Path(f"/proc/{waits.pid}/stack").read_text(), 10,
               "a wait for the cloud")
    daemon.terminate()
    assert "Operation canceled" in waits.communicate(timeout=10 * SLOW)[1]


def test_room(daemon):
    """df and df -i tell what can be made yet."""
    empty = os.statvfs(daemon.mount)
    assert 0 < empty.f_bavail == empty.f_blocks
    assert empty.f_favail == empty.f_files > 0
    daemon.make_cluster("c")
    daemon.path("c", "x.tmp").write_bytes(bytes(1 << 20))
    full = os.statvfs(daemon.mount)
    assert full.f_bavail == empty.f_bavail - (1 << 20) // full.f_frsize
    assert full.f_files - full.f_favail == 2  # the cluster and its head
