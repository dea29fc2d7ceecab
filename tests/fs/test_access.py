# SPDX-License-Identifier: MIT
"""Three users and a group: nobody gets what the mode bits forbid."""
import os
import stat

import pytest

from people import GROUP, MATRIX, MEMBER, OWNER, as_user, write


def read_all(c):
    os.listdir(c)
    os.listdir(c / "nodes")
    for name in ("status", "template", "nodes/count", "nodes/c-1/status"):
        (c / name).read_text()


def scale(c):
    write(c / "nodes" / "count", "2\n")
    write(c / "state", "started\n")
    write(c / "nodes" / "c-1" / "keepalive", "1\n")


def make_and_drop(c):
    os.mkdir(c / "nodes" / "made")
    os.rmdir(c / "nodes" / "made")


def remove(c):
    os.rename(c, c.parent / "renamed")
    os.rename(c.parent / "renamed", c)


ACTIONS = {"r": read_all, "s": scale, "e": lambda c: write(c / "template", "[cluster x]\n"),
           "c": make_and_drop, "d": remove}


@pytest.fixture
def cluster(host):
    path = host.path("c")
    host.write("2\n", "c", "nodes", "count")
    os.chown(path, OWNER, GROUP)
    return path


@pytest.mark.parametrize("mode", MATRIX)
def test_matrix(cluster, mode):
    os.chmod(cluster, mode)
    for user, allowed in MATRIX[mode].items():
        for letter, action in ACTIONS.items():
            code = as_user(user, lambda a=action: a(cluster))
            if letter in allowed:
                assert code == 0, f"{user} may {letter} with {mode:o}: {os.strerror(code)}"
            else:
                assert code in (1, 13), f"{user} must not {letter} with {mode:o}: {code}"


def test_who_makes_it_owns_it(host):
    path = host.path("mine")
    assert as_user("member", lambda: os.mkdir(path, 0o777)) == 0
    st = os.stat(path)
    assert (st.st_uid, st.st_gid) == (MEMBER, MEMBER)
    assert as_user("stranger", lambda: os.rmdir(path)) in (1, 13)
    assert as_user("member", lambda: os.rmdir(path)) == 0


def test_mode_and_owner(cluster):
    change = {
        "owner": [(lambda: os.chmod(cluster, 0o750), 0), (lambda: os.chown(cluster, 0, -1), 1)],
        "member": [(lambda: os.chmod(cluster, 0o777), 1), (lambda: os.chown(cluster, MEMBER, -1), 1)],
        "stranger": [(lambda: os.chmod(cluster, 0o777), 1)],
    }
    for user, actions in change.items():
        for action, code in actions:
            assert as_user(user, action) == code, user
    assert stat.S_IMODE(os.stat(cluster).st_mode) == 0o750


def test_files_of_one_open_cluster_only(host, cluster):
    """What is closed for a user stays closed after it was cached for another one."""
    os.chmod(cluster, 0o700)
    assert as_user("owner", lambda: read_all(cluster)) == 0
    read_all(cluster)
    assert as_user("stranger", lambda: os.stat(cluster / "status")) == 13
    assert as_user("stranger", lambda: os.listdir(cluster)) == 13
    os.chmod(cluster, 0o755)
    assert as_user("stranger", lambda: read_all(cluster)) == 0


def test_last_error_is_each_users_own(host, cluster):
    os.chmod(cluster, 0o777)

    def refused(text):
        try:
            write(cluster / "nodes" / "count", text)
        except OSError:
            pass

    as_user("member", lambda: refused("hers\n"))
    as_user("stranger", lambda: refused("his\n"))

    def check(word):
        if word not in (host.path("last_error")).read_text():
            raise OSError(5, "another user's words")
    assert as_user("member", lambda: check("hers")) == 0
    assert as_user("stranger", lambda: check("his")) == 0
    assert as_user("member", lambda: check("hers")) == 0
    assert as_user("stranger", lambda: check("hers")) == 5
