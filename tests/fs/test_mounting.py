# SPDX-License-Identifier: MIT
"""Ways to mount: by root, by a user, by mount(8) and fstab, by systemd; and completion."""
import os
import pwd
import re
import shutil
import subprocess

import pytest

from harness import BUILD, ROOT, SLOW, is_mounted, shell, wait_until
from user_mount import UserMount


def mount_line(path):
    with open("/proc/self/mountinfo") as f:
        return next(line for line in f if line.split()[4] == str(path))


def test_root_mounts_for_everybody(host):
    line = mount_line(host.mount)
    assert "fuse.cyclecloudfs cyclecloud" in line
    for word in ("nosuid", "nodev", "default_permissions", "allow_other"):
        assert word in line
    done = subprocess.run(["setpriv", "--reuid=61001", "--clear-groups", "cat",
                           str(host.path("c", "nodes", "count"))], capture_output=True, text=True)
    assert done.stdout == "3\n", done.stderr


def test_option_that_fuse_does_not_know(tmp_path):
    done = subprocess.run([str(BUILD / "tests/fs/fs-host"), str(tmp_path), "no_such_option"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "no_such_option" in done.stderr and "correct -o" in done.stderr
    assert not is_mounted(tmp_path)


@pytest.mark.parametrize("mountpoint,words", [("nothing", "mkdir -p"), ("file", "not a directory")])
def test_bad_mountpoint(tmp_path, mountpoint, words):
    (tmp_path / "file").write_text("")
    done = subprocess.run([str(BUILD / "tests/fs/fs-host"), str(tmp_path / mountpoint)],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert words in done.stderr


@pytest.fixture
def user_mount():
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not shutil.which("fusermount3"):
        pytest.skip("needs root, /dev/fuse and fusermount3")
    place = UserMount(pwd.getpwnam("nobody").pw_uid)
    yield place
    place.close()


def test_a_user_mounts(user_mount):
    """Without root: seen by that user alone, and gone after kill -9, too."""
    program = shutil.copy(BUILD / "tests/fs/fs-host", user_mount.dir)
    server = subprocess.Popen(user_mount.as_user(program, user_mount.mount), text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == "ready\n"
        assert "allow_other" not in user_mount.mount_line()
        script = f"cd {user_mount.mount} && mkdir c && echo 2 > c/nodes/count && cat c/nodes/count"
        done = user_mount.run("sh", "-c", script)
        assert done.stdout == "2\n", done.stderr
        assert "Permission denied" in user_mount.run("ls", user_mount.mount, uid=0).stderr
        server.kill()
        server.wait(10)
        wait_until(lambda: not user_mount.mount_line(), 5, "the mount gone")
    finally:
        server.kill()
        server.wait()


def test_mount_helper(make_daemon):
    """As mount(8) runs it for `-t cyclecloudfs` and for fstab."""
    daemon = make_daemon()
    helper = daemon.dir / "mount.cyclecloudfs"
    helper.symlink_to(BUILD / "cyclecloudfs")
    options = ",".join(["rw", "allow_other", "default_permissions", "_netdev", "nofail",
                        f"state={daemon.state}", f"config={daemon.config}",
                        f"listen=127.0.0.1:{daemon.port}", "simulate", "dev", "suid"])
    done = subprocess.run([str(helper), "cyclecloud", str(daemon.mount), "-o", options],
                          capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    assert "README" in os.listdir(daemon.mount)
    assert "fuse.cyclecloudfs cyclecloud" in mount_line(daemon.mount)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_unit(tmp_path):
    unit = tmp_path / "cyclecloudfs.service"
    text = (ROOT / "contrib" / "cyclecloudfs.service").read_text()
    unit.write_text(text.replace("/usr/bin/cyclecloudfs", str(BUILD / "cyclecloudfs")))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "cyclecloudfs.service" not in done.stderr
    for word in ("PrivateTmp=", "ProtectSystem=", "PrivateMounts="):
        assert f"\n{word}" not in text


def complete(line, cwd):
    """What bash offers at the end of a line."""
    script = f"""
        source {ROOT}/contrib/cyclecloudfs.bash-completion
        export PATH={BUILD}:$PATH
        cd {cwd}
        read -ra COMP_WORDS <<< "{line}"
        [[ "{line}" == *' ' ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        function=$(complete -p "${{COMP_WORDS[0]}}" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $function "${{COMP_WORDS[0]}}" "${{COMP_WORDS[COMP_CWORD]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return shell(script).stdout.split()


def test_completion(host, tmp_path):
    c = host.path("c")
    assert complete("echo > state ", c) == ["started", "terminated"]
    assert complete("echo > state ter", c) == ["terminated"]
    assert complete("echo > nodes/c-1/state ", c) == ["started", "terminated", "deallocated"]
    assert set(complete("echo > control ", c)) == set(re.findall("^# (\\w+)  ", host.read("c", "control"), re.M))
    assert complete("echo > nodes/c-1/keepalive ", c) == ["true", "false"]
    assert complete("echo > arrays/execute/max_count d", c) == ["default"]
    assert complete("echo > status ", c) == []
    (tmp_path / "state").write_text("")
    assert complete("echo > state ", tmp_path) == []
    assert "--simulate" in complete("cyclecloudfs --s", tmp_path)
    assert complete("cyclecloudfs --fas", tmp_path) == ["--fast_read"]
    assert complete("cyclecloud-template ", tmp_path) == ["check", "expand", "schema", "format",
                                                          "lsp"]
    assert "--parameters" in complete("cyclecloud-template check --p", tmp_path)
    assert complete("cyclecloud-template check --format = s", tmp_path) == ["sarif"]
    assert complete("cyclecloud-template check sta", tmp_path) == ["state"]
