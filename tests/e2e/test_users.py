# SPDX-License-Identifier: MIT
"""users/NAME/: made, written, refused, kept; and a password that nobody reads back."""
import errno
import os
import subprocess

import pytest

from harness import shell, wait_until

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHmnhNJSm0Fq6dWmYYfJqC3QO5xRoCs4kD5m8tB4dQbC me@host\n"
FILES = ["authorized_keys", "disabled", "gid", "password", "role", "shell", "uid"]


def make_user(daemon, name):
    os.mkdir(daemon.path("users", name))


def refusal(daemon, text, *parts):
    """The errno of a write, and the words for it."""
    with pytest.raises(OSError) as caught:
        daemon.write(text, *parts)
    return caught.value.errno, daemon.read("last_error")


@pytest.fixture
def users(shared_daemon):
    """No users at all."""
    for name in os.listdir(shared_daemon.path("users")):
        os.rmdir(shared_daemon.path("users", name))
    return shared_daemon


def test_make_and_remove(users):
    make_user(users, "alice")
    assert os.listdir(users.path("users")) == ["alice"]
    assert sorted(os.listdir(users.path("users", "alice"))) == FILES
    assert users.read("users", "alice", "uid") == "20000\n"
    assert users.read("users", "alice", "role") == "user\n"
    make_user(users, "bob")
    assert users.read("users", "bob", "uid") == "20001\n"
    os.rmdir(users.path("users", "alice"))
    assert os.listdir(users.path("users")) == ["bob"]
    assert not users.path("users", "alice").exists()
    make_user(users, "alice")  # a new one, that nothing of the old is left of
    assert users.read("users", "alice", "uid") == "20002\n"


def test_values(users):
    make_user(users, "alice")
    shell("cd users/alice; echo 4242 > uid; echo 100 > gid; echo admin > role;"
          "echo /bin/zsh > shell; echo true > disabled", cwd=users.mount)
    values = {name: users.read("users", "alice", name) for name in FILES if name != "password"}
    assert values == {"uid": "4242\n", "gid": "100\n", "role": "admin\n", "shell": "/bin/zsh\n",
                      "disabled": "true\n", "authorized_keys": ""}
    assert "alice: role changed" in users.read("logs")


@pytest.mark.parametrize("name, code", [
    ("Alice", errno.EINVAL), ("a b", errno.EINVAL), ("root", errno.EINVAL), (".x", errno.EINVAL),
    ("a" * 32, errno.EINVAL), ("a" * 300, errno.ENAMETOOLONG), ("there", errno.EEXIST)])
def test_bad_names(users, name, code):
    make_user(users, "there")
    with pytest.raises(OSError) as caught:
        make_user(users, name)
    assert caught.value.errno == code
    assert os.listdir(users.path("users")) == ["there"]


@pytest.mark.parametrize("name, text, code, words", [
    ("uid", "me\n", errno.EINVAL, '"me" is not a number'),
    ("uid", "0\n", errno.ERANGE, "0 is no uid for a user"),
    ("uid", "20001\n", errno.EEXIST, "uid 20001 is bob's"),
    ("gid", "1\n", errno.ERANGE, "from 100"),
    ("role", "king\n", errno.EINVAL, "write user or admin"),
    ("shell", "zsh\n", errno.EINVAL, "absolute path"),
    ("password", "short\n", errno.EINVAL, "at least 8"),
    ("disabled", "perhaps\n", errno.EINVAL, "true or false"),
    ("authorized_keys", "not a key\n", errno.EINVAL, "line 1 is not a public key"),
    ("authorized_keys", "#\n" * 40000, errno.EFBIG, "65536"),
])
def test_refusals(users, name, text, code, words):
    make_user(users, "alice")
    make_user(users, "bob")
    got, said = refusal(users, text, "users", "alice", name)
    assert got == code
    assert said.startswith("refused: ") and name in said and words in said
    assert users.read("users", "alice", "uid") == "20000\n"
    assert users.read("users", "alice", "authorized_keys") == ""


def test_nothing_else_changes(users):
    make_user(users, "alice")
    for command in ("mkdir users/alice/x", "rmdir users", "mv users/alice users/bob",
                    "touch users/x", "rm users/alice/uid", "chmod 600 users/alice",
                    "ln users/alice/uid users/y", "mv users people"):
        assert shell(command, check=False, cwd=users.mount).returncode != 0, command
    assert os.listdir(users.path("users")) == ["alice"]


@pytest.mark.parametrize("command", [
    "cp {key} authorized_keys",
    "cat {key} > authorized_keys",
    "cat {key} >> authorized_keys",
    "install -m 644 {key} authorized_keys; true",
    "cp {key} authorized_keys; sed -i s/me@host/me@host/ authorized_keys",
    "rsync --inplace {key} authorized_keys",
    "rsync {key} authorized_keys",
])
def test_keys_by_programs(users, command, tmp_path):
    if "rsync" in command and not shell("command -v rsync", check=False).stdout:
        pytest.skip("needs rsync")
    make_user(users, "alice")
    source = tmp_path / "id.pub"
    source.write_text(KEY)
    shell(command.format(key=source), cwd=users.path("users", "alice"))
    assert users.read("users", "alice", "authorized_keys") == KEY


def test_password_is_never_read(users):
    make_user(users, "alice")
    password = "correct horse battery"
    users.write(password + "\n", "users", "alice", "password")
    with pytest.raises(PermissionError):  # for root too
        users.read("users", "alice", "password")
    assert oct(users.path("users", "alice", "password").stat().st_mode & 0o777) == "0o200"
    everything = subprocess.run(["grep", "-r", "-l", "-a", "-e", "horse", "-e", "[$]y[$]", "."],
                                cwd=users.mount, capture_output=True, text=True)
    assert everything.stdout == ""
    assert "horse" not in users.log()
    for path in users.state.rglob("*"):
        if path.is_file():
            assert password.encode() not in path.read_bytes(), path


def test_only_the_owner_writes(users):
    make_user(users, "alice")
    for command in ("mkdir users/bob", "echo admin > users/alice/role", "rmdir users/alice",
                    "echo longenough > users/alice/password"):
        done = subprocess.run(["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
                               "bash", "-c", command], cwd=users.mount, capture_output=True,
                              text=True)
        assert done.returncode != 0 and "Permission denied" in done.stderr, command
    assert os.listdir(users.path("users")) == ["alice"]
    assert users.read("users", "alice", "role") == "user\n"


def test_survive_a_kill(make_daemon):
    daemon = make_daemon().start()
    make_user(daemon, "alice")
    daemon.write("4242\n", "users", "alice", "uid")
    daemon.write(KEY, "users", "alice", "authorized_keys")
    inode = daemon.path("users", "alice", "uid").stat().st_ino
    daemon.kill()
    subprocess.run(["umount", "-l", str(daemon.mount)], capture_output=True)
    daemon.start()
    assert daemon.read("users", "alice", "uid") == "4242\n"
    assert daemon.read("users", "alice", "authorized_keys") == KEY
    assert daemon.path("users", "alice", "uid").stat().st_ino == inode


def test_events(users):
    before = len(users.read("events"))
    make_user(users, "eve")
    wait_until(lambda: "user eve added" in users.read("events")[before:], 2, "the event")
