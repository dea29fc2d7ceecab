# SPDX-License-Identifier: MIT
"""A user without rights mounts clusters of his own, with fusermount3."""
import os
import pwd
import shutil
import signal
import stat

import pytest

from harness import BUILD, ROOT, alive, wait_until
from user_mount import UserMount

USER, OTHER = pwd.getpwnam("nobody").pw_uid, 61002
NAMELESS = 61001


class UserDaemon(UserMount):
    """The daemon, all of it the user's own."""

    def __init__(self, configuration=""):
        super().__init__(USER, configuration)
        self.state = self.dir / "state"
        programs = self.dir / "bin"
        for path in (self.state, programs):
            path.mkdir()
        os.chown(self.state, USER, USER)
        for name in ("cyclecloudfs", "armsim", "cyclecloud-watch"):
            shutil.copy(BUILD / name, programs)
        for name in ("data", "templates"):
            shutil.copytree(ROOT / name, self.dir / name)
        self.config = self.state / "cyclecloudfs.conf"
        self.config.touch()

    def start(self, *options, uid=None):
        return self.run(self.dir / "bin" / "cyclecloudfs", "--simulate=--time-scale=0.01",
                        f"--state={self.state}", f"--config={self.config}",
                        "--listen=127.0.0.1:0", *options, self.mount, uid=uid)

    def pid(self, name="cyclecloudfs.pid"):
        path = self.state / name
        return int(path.read_text()) if path.exists() else 0

    def shell(self, script, uid=None):
        return self.run("bash", "-c", f"cd {self.mount} && {script}", uid=uid)

    def close(self):
        for pid in (self.pid(), self.pid("armsim/pid")) if self.dir.exists() else ():
            if pid and alive(pid):
                os.kill(pid, signal.SIGTERM)
                wait_until(lambda p=pid: not alive(p), 20, "the end of the daemon")
        super().close()


@pytest.fixture
def make_user_daemon():
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not shutil.which("fusermount3"):
        pytest.skip("needs root, /dev/fuse and fusermount3")
    made = []

    def make(**options):
        made.append(UserDaemon(**options))
        return made[-1]
    yield make
    for daemon in made:
        daemon.close()


def test_clusters_of_a_users_own(make_user_daemon):
    daemon = make_user_daemon()
    done = daemon.start()
    assert done.returncode == 0, done.stderr
    line = daemon.mount_line()
    assert f"user_id={USER}" in line and "default_permissions" in line and "nosuid" in line
    assert "allow_other" not in line
    done = daemon.shell("mkdir c && cp templates/simple.txt c/template && echo 1 > c/nodes/count &&"
                        "sync c/nodes/count && cat c/state c/nodes/execute-1/status")
    assert done.stdout == "started\nReady\n", done.stderr
    done = daemon.shell("mkdir users/me && echo admin > users/me/role && cat users/me/role &&"
                        "echo '[server]' > system/config && cat system/config")
    assert done.stdout == "admin\n[server]\n", done.stderr  # the tree is his, system/ and all
    for stranger in (OTHER, 0):
        assert "Permission denied" in daemon.run("ls", daemon.mount, uid=stranger).stderr
    for name in ("db", "ssh", "armsim"):
        st = (daemon.state / name).stat()
        assert (st.st_uid, stat.S_IMODE(st.st_mode)) == (USER, 0o700)


def test_its_memory_is_not_for_programs_of_the_user(make_user_daemon):
    """The daemon cannot be traced; so what he runs by mistake does not get at the secrets."""
    daemon = make_user_daemon()
    assert daemon.start().returncode == 0
    for name in ("environ", "mem", "maps"):
        assert "Permission denied" in daemon.run("cat", f"/proc/{daemon.pid()}/{name}").stderr


def test_kill_and_start_again(make_user_daemon):
    daemon = make_user_daemon()
    assert daemon.start().returncode == 0
    assert daemon.shell("mkdir c").returncode == 0
    os.kill(daemon.pid(), signal.SIGKILL)
    wait_until(lambda: not daemon.mount_line(), 10, "the mount gone")
    done = daemon.start()
    assert done.returncode == 0, done.stderr
    assert daemon.shell("cat c/state").stdout == "off\n"


def test_fusermount_ends_it(make_user_daemon):
    daemon = make_user_daemon()
    assert daemon.start().returncode == 0
    pid, simulator = daemon.pid(), daemon.pid("armsim/pid")
    assert daemon.run("fusermount3", "-u", daemon.mount).returncode == 0
    wait_until(lambda: not alive(pid) and not alive(simulator), 20, "the end of both")


def test_allow_other_needs_roots_permission(make_user_daemon):
    """fuse.conf decides; the refusal comes from fusermount3 and names it."""
    daemon = make_user_daemon()
    done = daemon.start("-o", "allow_other")
    assert done.returncode == 1 and not daemon.mount_line()
    assert "only allowed if 'user_allow_other' is set" in done.stderr
    assert str(daemon.mount) in done.stderr


def test_the_helpers_own_words_are_told(make_user_daemon):
    """fusermount3 wants its user to have a name; in the background its words would be lost."""
    daemon = make_user_daemon()
    shutil.rmtree(daemon.state)
    daemon.state.mkdir()
    os.chown(daemon.state, NAMELESS, NAMELESS)
    os.chown(daemon.mount, NAMELESS, NAMELESS)
    daemon.config = "/dev/null"
    done = daemon.start(uid=NAMELESS)
    assert done.returncode == 1 and "could not determine username" in done.stderr


def test_allow_other_with_roots_permission(make_user_daemon):
    daemon = make_user_daemon(configuration="user_allow_other")
    done = daemon.start("-o", "allow_other")
    assert done.returncode == 0, done.stderr
    assert "allow_other" in daemon.mount_line()
    assert daemon.shell("mkdir c && chmod 750 c").returncode == 0
    assert "README" in daemon.run("ls", daemon.mount, uid=OTHER).stdout
    assert "Permission denied" in daemon.shell("ls c", uid=OTHER).stderr
    assert "Permission denied" in daemon.shell("echo x > system/config", uid=OTHER).stderr
