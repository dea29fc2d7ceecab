# SPDX-License-Identifier: MIT
"""Random operations by four processes at once: no crash, no hang, no errno that the contract lacks."""
import errno
import os
import random
import stat
import time
import traceback

import pytest

from harness import shell

FILES = ["status", "template", "parameters", "state", "control", "error", "nodes", "nodes/count",
         "arrays", "arrays/execute/count", "logs", "events", "nodes/c-1/state", "nodes/c-2/status",
         "nodes/c-3/keepalive", "nodes/new", "template~", ".template.swp", "4913", "x.lock",
         "arrays/execute/nodes/c-1/status", "status.json", "definition", "plan"]
ODD = ["\n", ".", "a b", "ünïcödé", "x" * 255, "x" * 256, "-", "~", "sed12345", ".#template",
       "\x01", "nodes\n", "%s%n", "*"]
# (No "..": it would lead out of the mount, and random operations with it.)
# What an operation may fail with, besides success.
COMMON = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ESTALE}
ALLOWED = {
    "stat": set(),
    "list": set(),
    "readlink": {errno.EINVAL},
    "read": {errno.EISDIR, errno.EACCES, errno.EINVAL},
    "write": {errno.EISDIR, errno.EACCES, errno.EINVAL, errno.ERANGE, errno.EDQUOT, errno.EFBIG,
              errno.E2BIG, errno.EBUSY, errno.EPERM, errno.EEXIST, errno.ENOSPC},
    "mkdir": {errno.EEXIST, errno.EINVAL, errno.EPERM, errno.EBUSY, errno.EDQUOT, errno.ENOSPC},
    "rmdir": {errno.EPERM, errno.EBUSY, errno.EINVAL, errno.ENOTEMPTY, errno.EXDEV},
    "unlink": {errno.EPERM, errno.EISDIR},
    "rename": {errno.EPERM, errno.EBUSY, errno.EINVAL, errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR,
               errno.EACCES, errno.EFBIG, errno.EXDEV},
    "symlink": {errno.EPERM, errno.EEXIST},
    "link": {errno.EPERM, errno.EEXIST, errno.EXDEV},
    "chmod": {errno.EPERM},
    "truncate": {errno.EACCES, errno.EISDIR, errno.EFBIG, errno.EINVAL},
    "times": {errno.EPERM},
}


class Fuzzer:
    """One process's random operations."""

    def __init__(self, mount, seed):
        self.mount = os.fsencode(mount)
        self.rng = random.Random(seed)

    def path(self):
        rng = self.rng
        cluster = rng.choice(["c", "c", "d", "e", "status", "README", "system", "x" * 63])
        if rng.random() < 0.15:
            cluster = rng.choice(ODD)
        parts = [cluster]
        if rng.random() < 0.85:
            parts.append(rng.choice(FILES))
        if rng.random() < 0.1:
            parts.append(rng.choice(ODD))
        return os.path.join(self.mount, *(os.fsencode(p) for p in parts))

    def text(self):
        rng = self.rng
        choices = ["5\n", "+1\n", "-1\n", "3", "many\n", "99999\n", "started\n", "terminated\n",
                   "[cluster a]\n", "[cluster b]\nnonsense\n", "{}\n", '{"a": 1}\n', "\0\n", "",
                   "1\n", "0\n"]
        if rng.random() < 0.1:
            return bytes(rng.randrange(256) for _ in range(rng.randrange(6000)))
        return rng.choice(choices).encode()

    def op_stat(self):
        st = os.lstat(self.path())
        assert st.st_ino and st.st_size >= 0 and stat.S_IFMT(st.st_mode)

    def op_list(self):
        names = os.listdir(self.path())
        assert len(names) == len(set(names)), "an entry twice"

    def op_readlink(self):
        os.readlink(self.path())

    def op_read(self):
        fd = os.open(self.path(), os.O_RDONLY)
        try:
            os.pread(fd, self.rng.choice([1, 100, 4096, 100000]),
                     self.rng.choice([0, 0, 1, 4095, 4096, 1 << 20, 1 << 40]))
        finally:
            os.close(fd)

    def op_write(self):
        rng = self.rng
        flags = os.O_WRONLY | rng.choice([0, os.O_TRUNC, os.O_APPEND, os.O_CREAT,
                                          os.O_CREAT | os.O_EXCL, os.O_CREAT | os.O_TRUNC])
        fd = os.open(self.path(), flags, 0o644)
        try:
            for _ in range(rng.randrange(3)):
                os.pwrite(fd, self.text(), rng.choice([0, 0, 3, 5000, 1 << 30]))
            if rng.random() < 0.3:
                os.ftruncate(fd, rng.choice([0, 10, 1 << 30]))
            if rng.random() < 0.3:
                os.fsync(fd)
        finally:
            os.close(fd)

    def op_mkdir(self):
        os.mkdir(self.path(), self.rng.choice([0o755, 0o700, 0]))

    def op_rmdir(self):
        path = self.path()
        if path != os.path.join(self.mount, b"c"):
            os.rmdir(path)

    def op_unlink(self):
        os.unlink(self.path())

    def op_rename(self):
        source = self.path()
        if source != os.path.join(self.mount, b"c"):
            os.rename(source, self.path())

    def op_symlink(self):
        os.symlink("target", self.path())

    def op_link(self):
        os.link(self.path(), self.path())

    def op_chmod(self):
        os.chmod(self.path(), self.rng.choice([0o755, 0o775, 0o644, 0o700]))

    def op_truncate(self):
        os.truncate(self.path(), self.rng.choice([0, 1, 4096, 1 << 30]))

    def op_times(self):
        os.utime(self.path())

    def run(self, end):
        """Returns "" or what went wrong."""
        count = 0
        while time.monotonic() < end:
            name = self.rng.choice(list(ALLOWED))
            try:
                getattr(self, f"op_{name}")()
            except OSError as e:
                if e.errno not in ALLOWED[name] | COMMON:
                    return f"{name}: {traceback.format_exc()}"
            except ValueError:
                pass  # a NUL in a path never reaches the kernel
            count += 1
        return "" if count > 100 else f"only {count} operations"


def fuzz_in_child(mount, seed, end, report):
    pid = os.fork()
    if pid:
        return pid
    try:
        text = Fuzzer(mount, seed).run(end)
    except BaseException:
        text = traceback.format_exc()
    report.write_text(text)
    os._exit(0)


@pytest.mark.parametrize("seconds", [8, pytest.param(600, marks=pytest.mark.long)])
def test_tree(host, tmp_path, seconds):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    end = time.monotonic() + seconds
    reports = [tmp_path / f"report-{i}" for i in range(4)]
    children = [fuzz_in_child(host.mount, seed + i, end, r) for i, r in enumerate(reports)]
    i = 0
    while time.monotonic() < end:
        i += 1
        host.ask(f"log c line {i}")
        host.ask("storm c 3")
        time.sleep(0.01)
    for pid in children:
        os.waitpid(pid, 0)
    assert [r.read_text() for r in reports] == ["", "", "", ""]
    assert host.process.poll() is None, "the server died"
    assert "README" in os.listdir(host.mount)
    shell(f"timeout 60 find {host.mount} > /dev/null", timeout=90)
    shell("echo 2 > /proc/sys/vm/drop_caches")
    assert host.stop() == 0
