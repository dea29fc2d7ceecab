# SPDX-License-Identifier: MIT
"""Three users and a group on the daemon: nobody gets what the mode bits forbid."""
import errno
import os
import stat
import subprocess

import pytest

from harness import SIMPLE, wait_until
from people import GROUP, MATRIX, OWNER, USERS, as_user, ask, write

REFUSED = (errno.EACCES, errno.EPERM)


def move(cluster):
    os.rename(cluster, cluster.parent / "moved")
    os.rename(cluster.parent / "moved", cluster)


# What each letter of the matrix allows, in an order in which nothing is in the way of the next.
ACTIONS = {
    "r": {
        "list": os.listdir,
        "list nodes": lambda c: os.listdir(c / "nodes"),
        "status": lambda c: (c / "status").read_text(),
        "template": lambda c: (c / "template").read_text(),
        "parameters": lambda c: (c / "parameters").read_text(),
        "logs": lambda c: (c / "logs").read_text(),
        "count": lambda c: (c / "nodes" / "count").read_text(),
    },
    "e": {
        "template": lambda c: write(c / "template", SIMPLE),
        "parameters": lambda c: write(c / "parameters", "MaxExecuteCount = 100\n"),
        "scratch file": lambda c: (c / "template~").write_text("x") and os.unlink(c / "template~"),
        "replace": lambda c: (c / "template.tmp").write_text(SIMPLE)
        and os.rename(c / "template.tmp", c / "template"),
    },
    "d": {"rename": move},
    "c": {
        "mkdir": lambda c: os.mkdir(c / "nodes" / f"execute-{os.getuid()}"),
        "rmdir": lambda c: os.rmdir(c / "nodes" / f"execute-{os.getuid()}"),
    },
    "s": {
        "count": lambda c: write(c / "nodes" / "count", "1\n"),
        "array's count": lambda c: write(c / "arrays" / "execute" / "count", "1\n"),
        "max_count": lambda c: write(c / "arrays" / "execute" / "max_count", "50\n"),
        "keepalive": lambda c: write(c / "nodes" / "execute-1" / "keepalive", "true\n"),
        "no keepalive": lambda c: write(c / "nodes" / "execute-1" / "keepalive", "false\n"),
        "node's state": lambda c: write(c / "nodes" / "execute-1" / "state", "started\n"),
        "control": lambda c: write(c / "control", "retry\n"),
        "state": lambda c: write(c / "state", "started\n"),
    },
}


@pytest.fixture(scope="module")
def server(shared_daemon):
    assert "default_permissions" in next(
        line for line in open("/proc/self/mountinfo") if f" {shared_daemon.mount} " in line)
    return shared_daemon


def make_cluster(server, name, mode):
    server.make_cluster(name)
    server.write("1\n", name, "nodes", "count")
    server.write("true\n", name, "nodes", "execute-1", "keepalive")
    os.chmod(server.path(name), mode)
    os.chown(server.path(name), OWNER, GROUP)
    return server.path(name)


@pytest.mark.parametrize("mode", MATRIX)
def test_matrix(server, mode):
    cluster = make_cluster(server, f"c{mode:o}", mode)
    off = server.path(f"off{mode:o}")
    os.mkdir(off)
    os.chmod(off, mode)
    os.chown(off, OWNER, GROUP)
    for letter, actions in ACTIONS.items():
        place = off if letter == "d" else cluster
        for user, allowed in MATRIX[mode].items():
            for what, action in actions.items():
                code = as_user(user, lambda a=action: a(place))
                expected = (0,) if letter in allowed else REFUSED
                if letter == "c" and what == "rmdir" and letter not in allowed:
                    expected += (errno.ENOENT,)  # nobody made it
                assert code in expected, f"{what} by {user} with {mode:o}: {os.strerror(code)}"


def test_only_root_and_the_owner_remove(server):
    for mode in (0o755, 0o777):
        cluster = server.path("removed")
        os.mkdir(cluster)
        os.chmod(cluster, mode)
        os.chown(cluster, OWNER, GROUP)
        for user in ("stranger", "member"):
            assert as_user(user, lambda: os.rmdir(cluster)) in REFUSED
            assert as_user(user, lambda: os.chmod(cluster, 0o777)) in REFUSED
            assert as_user(user, lambda: os.chown(cluster, USERS[user][0], -1)) in REFUSED
        assert as_user("owner", lambda: os.chmod(cluster, 0o750)) == 0
        assert as_user("owner", lambda: os.rmdir(cluster)) == 0


def test_who_makes_a_cluster_owns_it(server):
    path = server.path("made")
    assert as_user("member", lambda: os.mkdir(path, 0o777)) == 0
    st = path.stat()
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (USERS["member"][0],) * 2 + (0o755,)
    assert as_user("member", lambda: os.rmdir(path)) == 0


@pytest.mark.parametrize("umask, mode", [(0o022, 0o755), (0o077, 0o700), (0o000, 0o755)])
def test_umask_of_who_makes_it(server, umask, mode):
    path = server.path("masked")
    assert as_user("member", lambda: os.umask(umask) and 0 or os.mkdir(path)) == 0
    assert stat.S_IMODE(path.stat().st_mode) == mode
    os.rmdir(path)


def test_access_survives_a_restart(make_daemon):
    daemon = make_daemon().start()
    os.mkdir(daemon.path("kept"))
    os.chown(daemon.path("kept"), OWNER, GROUP)
    os.chmod(daemon.path("kept"), 0o750)
    daemon.kill()
    wait_until(lambda: daemon.try_start().returncode == 0, 20, "another start")
    st = daemon.path("kept").stat()
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (OWNER, GROUP, 0o750)
    assert as_user("stranger", lambda: os.listdir(daemon.path("kept"))) == errno.EACCES
    assert as_user("member", lambda: os.listdir(daemon.path("kept"))) == 0


def test_root_directory_without_a_simulator(make_daemon):
    """In earnest, the root is 01775: who is not in its group makes no cluster."""
    daemon = make_daemon(simulate=None).start()
    st = os.stat(daemon.mount)
    assert stat.S_IMODE(st.st_mode) == 0o1775
    path = daemon.path("mine")
    assert as_user("stranger", lambda: os.mkdir(path)) == errno.EACCES
    assert as_user("root", lambda: os.mkdir(path)) == 0
    assert as_user("stranger", lambda: os.rmdir(path)) in REFUSED


# --- every file of the tree ----------------------------------------------------------------------

def allowed_bits(st, user):
    """What the mode bits of a file give a user, as rwx in three bits."""
    uid, groups = USERS[user]
    if uid == st.st_uid:
        return st.st_mode >> 6 & 7
    return st.st_mode >> 3 & 7 if st.st_gid in groups else st.st_mode & 7


def walk(top):
    """Every path below, links left out."""
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                yield path


def open_code(path, flags):
    try:
        os.close(os.open(path, flags))
        return 0
    except OSError as e:
        return e.errno


def gone_or_hidden(code):
    """A node may have gone since it was listed, and its directory may be closed."""
    return code in (errno.ENOENT, errno.ESTALE)


def look_at_all(stats, user):
    """Where what open(2) says is not what the mode bits say."""
    wrong = []
    for path, (st, closed) in stats.items():
        bits = 0 if closed else allowed_bits(st, user)
        if stat.S_ISDIR(st.st_mode):
            tests = [(4, os.O_RDONLY | os.O_DIRECTORY)]
        else:
            tests = [(4, os.O_RDONLY), (2, os.O_WRONLY)]
        for bit, flags in tests:
            code = open_code(path, flags)
            if not gone_or_hidden(code) and (code == 0) != bool(bits & bit):
                wrong.append((path, oct(st.st_mode), flags, code))
    return wrong


@pytest.fixture(scope="module")
def whole(server):
    """Attributes of every file, and whether a directory above is closed, for each user."""
    make_cluster(server, "open", 0o775)
    make_cluster(server, "closed", 0o700)
    os.mkdir(server.path("users", "alice"))
    assert server.sync("open", "nodes", "count") == ""
    return {path: os.lstat(path) for path in walk(server.mount)}


@pytest.mark.parametrize("user", ["owner", "member", "stranger"])
def test_every_file_gives_what_its_bits_say(server, whole, user):
    def closed(path):
        parents = [str(server.mount)]
        for part in os.path.relpath(path, server.mount).split(os.sep)[:-1]:
            parents.append(os.path.join(parents[-1], part))
        return any(not allowed_bits(whole[p], user) & 1 for p in parents[1:])

    stats = {path: (st, closed(path)) for path, st in whole.items()}
    assert len(stats) > 150
    assert any(c for _, c in stats.values()) == (user != "owner")
    assert ask(user, lambda: look_at_all(stats, user)) == (0, [])


def test_root_is_not_above_the_tables(server, whole):
    """What no file takes is refused for root, too, whom mode bits do not stop."""
    for path, st in whole.items():
        if stat.S_ISREG(st.st_mode) and not st.st_mode & 0o222:
            assert open_code(path, os.O_WRONLY) in (errno.EACCES, errno.ENOENT), path


def test_servers_own_files(server, whole):
    """users/ and system/ are for root to change, and for all to read but passwords."""
    refused = {
        "mkdir users/bob": lambda m: os.mkdir(m / "users" / "bob"),
        "rmdir users/alice": lambda m: os.rmdir(m / "users" / "alice"),
        "password": lambda m: write(m / "users/alice/password", "long enough\n"),
        "read password": lambda m: (m / "users/alice/password").read_text(),
        "keys": lambda m: write(m / "users/alice/authorized_keys", "x\n"),
        "role": lambda m: write(m / "users/alice/role", "admin\n"),
        "config": lambda m: write(m / "system/config", "[server]\n"),
        "account": lambda m: write(m / "system/accounts/azure", "region = x\n"),
        "beside config": lambda m: (m / "system/config~").write_text("x"),
        "replace config": lambda m: os.rename(m / "system/config", m / "system/config~"),
        "remove config": lambda m: os.unlink(m / "system/config"),
        "chmod": lambda m: os.chmod(m / "system/config", 0o666),
        "chown": lambda m: os.chown(m / "users", OWNER, -1),
    }
    for user in ("owner", "member", "stranger"):
        for what, action in refused.items():
            code = as_user(user, lambda a=action: a(server.mount))
            assert code in REFUSED, f"{what} by {user}: {os.strerror(code)}"
    assert server.read("users", "alice", "role") == "user\n"


def test_last_error_is_each_users_own(server):
    cluster = make_cluster(server, "words", 0o777)
    for user in ("owner", "member", "stranger"):
        assert as_user(user, lambda u=user: write(cluster / "nodes/count", f"{u}x\n")) == \
            errno.EINVAL
    for user in ("owner", "member", "stranger"):
        words = ask(user, lambda: server.read("last_error"))[1]
        assert words.startswith("refused: nodes/count: ") and f"{user}x" in words
        for other in ("owner", "member", "stranger"):
            assert other == user or f"{other}x" not in words


def test_the_mount_for_fast_reading(make_daemon):
    """The same bits, the same words, and nothing of it is another user's."""
    daemon = make_daemon()
    fast = daemon.dir / "fast"
    fast.mkdir()
    try:
        daemon.start(f"--fast_read={fast}")
        open_to_all = make_cluster(daemon, "open", 0o777)
        make_cluster(daemon, "closed", 0o700)
        for user in ("owner", "member", "stranger"):
            as_user(user, lambda u=user: write(open_to_all / "nodes/count", f"{u}x\n"))
        for user in ("owner", "member", "stranger"):
            assert f"{user}x" in ask(user, lambda: (fast / "last_error").read_text())[1]
            code = as_user(user, lambda: (fast / "closed" / "state").read_text())
            assert code == (0 if user == "owner" else errno.EACCES)
            assert as_user(user, lambda: write(fast / "open" / "state", "started\n")) == errno.EROFS
    finally:
        daemon.terminate()
        subprocess.run(["umount", "-l", str(fast)], capture_output=True)
