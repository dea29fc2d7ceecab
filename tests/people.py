# SPDX-License-Identifier: MIT
"""Users other than root, for tests of permissions: what they do is done in a process of their own."""
import os
import pickle
import traceback

OWNER, MEMBER, STRANGER, GROUP = 61001, 61002, 61003, 61100

# Each with the groups that he is in, his own one first; a supplementary group counts.
USERS = {
    "owner": (OWNER, [OWNER]),
    "member": (MEMBER, [MEMBER, GROUP]),
    "stranger": (STRANGER, [STRANGER]),
    "root": (0, [0]),
}

# Per mode of a cluster: who may what. r = look inside and read, s = scale and write values,
# e = edit documents, c = create nodes, d = remove the cluster (the sticky root: owner and root).
MATRIX = {
    0o755: {"owner": "rsecd", "member": "r", "stranger": "r", "root": "rsecd"},
    0o775: {"owner": "rsecd", "member": "rsec", "stranger": "r", "root": "rsecd"},
    0o770: {"owner": "rsecd", "member": "rsec", "stranger": "", "root": "rsecd"},
    0o750: {"owner": "rsecd", "member": "r", "stranger": "", "root": "rsecd"},
    0o700: {"owner": "rsecd", "member": "", "stranger": "", "root": "rsecd"},
    0o777: {"owner": "rsecd", "member": "rsec", "stranger": "rsec", "root": "rsecd"},
}


def become(user):
    uid, groups = USERS[user]
    os.setgroups(groups)
    os.setresgid(groups[0], groups[0], groups[0])
    os.setresuid(uid, uid, uid)


def attempt(action):
    try:
        return 0, action()
    except OSError as e:
        return e.errno, None
    except BaseException:
        return 255, traceback.format_exc()


def ask(user, action):
    """Runs action() as a user. Returns 0 or the errno of what it raised, and what it returned."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        become(user)
        with os.fdopen(writer, "wb") as out:
            pickle.dump(attempt(action), out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        code, value = pickle.load(answer)
    os.waitpid(pid, 0)
    assert code != 255, value
    return code, value


def as_user(user, action):
    """Runs action() as a user. Returns 0 or the errno of what it raised."""
    return ask(user, action)[0]


def write(path, text):
    """One write(2) of a text, as echo does."""
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
