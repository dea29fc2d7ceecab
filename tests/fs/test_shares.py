# SPDX-License-Identifier: MIT
"""What users can make grow: no one user takes it from the others, and memory comes back."""
import contextlib
import errno
import os
import re
import resource

import pytest

from people import ask

HANDLES = 16384 // 8  # of one user
SCRATCH_FILES = 1024 // 8
DOCUMENT_MIB = 256 // 8
MIB = 1 << 20


@pytest.fixture
def open_to_all(host):
    host.path("c").chmod(0o777)
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    return host


def rss_mib(host):
    with open(f"/proc/{host.process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


def last_error(host):
    return host.path("last_error").read_text()


def attempt(action):
    """0, or the errno."""
    try:
        action()
        return 0
    except OSError as e:
        return e.errno


@contextlib.contextmanager
def opened(path, n, flags=os.O_RDONLY):
    """n descriptors, or as many as there are; (the descriptors, the errno of the last try)."""
    fds = []
    code = 0
    try:
        while len(fds) < n and not code:
            try:
                fds.append(os.open(path, flags))
            except OSError as e:
                code = e.errno
        yield fds, code
    finally:
        for fd in fds:
            with contextlib.suppress(OSError):  # what was written into them is no document
                os.close(fd)


def test_open_files(open_to_all):
    """The greedy one is refused, in words; the other and root are not."""
    host, path = open_to_all, open_to_all.path("c", "template")
    ready, go_on = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        def greedy():
            with opened(path, HANDLES + 1) as (fds, code):
                os.write(ready[1], b"%d %d\n" % (len(fds), code))
                os.read(go_on[0], 1)
        ask("stranger", greedy)
        os._exit(0)
    count, code = map(int, os.read(ready[0], 100).split())
    try:
        assert (count, code) == (HANDLES, errno.ENFILE)
        assert ask("member", lambda: path.read_text())[0] == 0
        assert host.path("c", "status").read_text()
    finally:
        os.write(go_on[1], b"x")
        os.waitpid(pid, 0)
    assert ask("stranger", path.read_text)[0] == 0


def test_scratch_files(open_to_all):
    host = open_to_all

    def greedy():
        for i in range(SCRATCH_FILES + 1):
            code = attempt(lambda: host.path("c", f"x{i}.tmp").write_text("x"))
            if code:
                return i, code, last_error(host)
    assert ask("stranger", greedy) == (0, (SCRATCH_FILES, errno.EDQUOT, last_words(host, "stranger")))
    assert "the share of one user" in last_words(host, "stranger")
    assert ask("member", lambda: host.path("c", "y.tmp").write_text("y"))[0] == 0
    host.path("c", "z.tmp").write_text("z")
    assert ask("stranger", lambda: os.unlink(host.path("c", "x0.tmp")))[0] == 0
    assert ask("stranger", lambda: host.path("c", "x.tmp").write_text("x"))[0] == 0


def last_words(host, user):
    return ask(user, lambda: last_error(host))[1]


def test_scratch_bytes(open_to_all):
    host = open_to_all

    def greedy():
        for i in range(20):
            code = attempt(lambda: host.path("c", f"x{i}.tmp").write_bytes(bytes(8 * MIB)))
            if code:
                return i, code
    assert ask("stranger", greedy) == (0, (4, errno.EDQUOT))
    assert ask("member", lambda: host.path("c", "y.tmp").write_bytes(bytes(8 * MIB)))[0] == 0


def fill(host, n, write):
    """Opens a document n times and changes each buffer. (how many went, the errno of the last)"""
    with opened(host.path("c", "template"), n, os.O_RDWR | os.O_TRUNC) as (fds, _):
        for i, fd in enumerate(fds):
            code = attempt(lambda: write(fd))
            if code:
                return i, code, host.read("c", "error")
        return len(fds), rss_mib(host)


def test_open_documents(open_to_all):
    host = open_to_all
    code, found = ask("stranger", lambda: fill(host, 100, lambda fd: os.write(fd, b"#" * (4 * MIB))))
    assert (code, *found[:2]) == (0, DOCUMENT_MIB // 4, errno.EDQUOT)
    assert "one user may have" in found[2]
    code, found = ask("member", lambda: fill(host, 2, lambda fd: os.write(fd, b"#" * (4 * MIB))))
    assert found[0] == 2


def test_what_was_only_made_longer_costs_nothing(open_to_all):
    host, before = open_to_all, rss_mib(open_to_all)
    code, found = ask("stranger", lambda: fill(host, 500, lambda fd: os.ftruncate(fd, 4 * MIB)))
    assert code == 0
    assert found[0] == 500
    assert found[1] < before + 100


def test_it_is_filled_when_it_is_read(open_to_all):
    with open(open_to_all.path("c", "template"), "r+b") as f:
        f.truncate(0)
        f.write(b"ab")
        f.flush()
        f.truncate(10)
        f.seek(0)
        assert os.pread(f.fileno(), 100, 0) == b"ab" + bytes(8)
        os.pwrite(f.fileno(), b"z", 5)
        f.truncate(8)
        assert os.pread(f.fileno(), 100, 0) == b"ab\0\0\0z\0\0"
        f.truncate(0)
        f.write(b"# fine\n")
        f.seek(0)
        os.pwrite(f.fileno(), b"# fine\n", 0)
        f.truncate(7)
    assert open_to_all.read("c", "template") == "# fine\n"
