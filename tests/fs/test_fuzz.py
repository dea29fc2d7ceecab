# SPDX-License-Identifier: MIT
"""Random operations by several processes at once: no crash, no hang, and no errno, text or listing
that the contract lacks. Some share clusters, so that of an operation only a set of outcomes is
known; others have clusters of their own, for which tree_model.py knows everything."""
import collections
import contextlib
import errno
import os
import pathlib
import random
import stat
import time
import traceback

import pytest

import tree_model
from harness import shell, wait_until

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


def attempt(run):
    """(errno or 0, what it gave)."""
    try:
        return 0, run()
    except OSError as e:
        return e.errno, None


class Careful:
    """One process's random operations on clusters of its own, each compared with the model."""

    TEXTS = [b"", b"5\n", b"3", b"0\n", b"+1\n", b"-2\n", b"execute=4\n", b"1 2\n", b"many\n", b"99999\n",
             b"\n", b"started\n", b"terminated", b"true\n", b"\0\n", b"{}", b'{"a": 1}\n',
             b"[cluster a]\n", b"[cluster b]\nnonsense\n", b"# a comment without an end"]
    FLAGS = {"creat": os.O_CREAT, "excl": os.O_EXCL, "trunc": os.O_TRUNC, "append": os.O_APPEND}

    def __init__(self, mount, seed, own):
        self.mount = mount
        self.rng = random.Random(seed)
        self.model = tree_model.Model()
        self.own = [f"{own}{c}" for c in "abc"]
        self.history = collections.deque(maxlen=100)

    def real(self, parts):
        return os.path.join(self.mount, *parts)

    def parts(self):
        """A path below a cluster of this process; mostly one that is there."""
        rng = self.rng
        names = [rng.choice(self.own) if rng.random() < .97 else
                 rng.choice(["a b", ".x", "x" * 256, "nodes", "README", "-x", "é" * 40])]
        if rng.random() < .9:
            names += rng.choice([["template"], ["parameters"], ["state"], ["control"], ["status"],
                                 ["nodes"], ["arrays"], ["arrays", "execute"], ["error"],
                                 ["nodes", "count"], ["nodes", "count"], ["nodes", "n1"],
                                 ["arrays", "execute", "count"], ["arrays", "execute", "nodes"],
                                 ["template~"], ["x.lock"], ["4913"], [".template.swp"],
                                 ["sedABCDEF"], [rng.choice(ODD)]])
        cluster = self.model.clusters.get(names[0])
        if cluster and cluster.nodes and rng.random() < .2:
            node = rng.choice(sorted(cluster.nodes))
            names[1:] = rng.choice([["nodes", node], ["nodes", node, "state"],
                                    ["arrays", "execute", "nodes", node],
                                    ["arrays", "execute", "nodes", node, "status"],
                                    ["nodes", node, "keepalive"], ["nodes", node, "status"]])
        if rng.random() < .05:
            names.append(rng.choice(ODD))
        return [n for n in names if n != "."]

    def bytes(self):
        rng = self.rng
        if rng.random() < .05:
            return bytes(rng.choices(b"ab =#\xc3\xff", k=rng.choice([1, 100, 70000])))
        return rng.choice(self.TEXTS)

    # Each returns (what the model says, what to try, how to judge its result or None).

    def plan_stat(self):
        parts = self.parts()

        def judge(st, place):
            assert stat.S_ISDIR(st.st_mode) == place.is_dir and \
                stat.S_ISLNK(st.st_mode) == place.is_link
            text = self.model.text(place)
            assert text is None or place.is_link or st.st_size == len(text)
        return lambda: self.model.plain(parts), lambda: os.lstat(self.real(parts)), judge

    def plan_list(self):
        parts = self.parts()

        def judge(names, place):
            must, may = self.model.names(place)
            assert len(names) == len(set(names)), "an entry twice"
            assert must <= set(names), f"{must - set(names)} is missing"
            if place.kind == "cluster":
                may = may | {"template.rejected", "parameters.rejected", "logs.1"}
            assert may is None or set(names) <= must | may, f"{set(names) - must} is too much"
        return lambda: self.model.listing(parts), lambda: os.listdir(self.real(parts)), judge

    def plan_readlink(self):
        parts = self.parts()

        def judge(target, place):
            wanted = f"../../../nodes/{place.name}" if place.kind == "node link" else \
                place.scratch.target
            assert target == wanted
        return lambda: self.model.readlink(parts), lambda: os.readlink(self.real(parts)), judge

    def plan_read(self):
        parts = self.parts()

        def judge(text, place):
            wanted = self.model.text(place)
            assert wanted is None or text == wanted, f"{text!r} instead of {wanted!r}"
        return (lambda: self.model.read(parts),
                lambda: pathlib.Path(self.real(parts)).read_bytes(), judge)

    def plan_write(self):
        rng = self.rng
        parts, text = self.parts(), self.bytes()
        flags = set(rng.choice([(), ("trunc",), ("append",), ("creat",), ("creat", "excl"),
                                ("creat", "trunc"), ("creat", "trunc")]))
        offset = 0 if rng.random() < .8 else rng.choice([3, 5000, 1 << 30])

        def run():
            bits = sum(self.FLAGS[f] for f in flags)
            fd = os.open(self.real(parts), os.O_WRONLY | bits, 0o644)
            try:
                if text:
                    os.pwrite(fd, text, offset)
                if rng.random() < .3:
                    os.fsync(fd)
            except OSError:
                with contextlib.suppress(OSError):
                    os.close(fd)
                raise
            os.close(fd)
        return lambda: self.model.write(parts, flags, text, offset), run, None

    def plan_truncate(self):
        parts, size = self.parts(), self.rng.choice([0, 1, 4096, 1 << 30])
        return (lambda: self.model.truncate(parts, size),
                lambda: os.truncate(self.real(parts), size), None)

    def plan_mkdir(self):
        parts, mode = self.parts(), self.rng.choice([0o755, 0o700])
        if self.rng.random() < .5:
            parts = parts[:1]
        return lambda: self.model.mkdir(parts, mode), lambda: os.mkdir(self.real(parts), mode), None

    def plan_rmdir(self):
        parts = self.parts()
        return lambda: self.model.rmdir(parts), lambda: os.rmdir(self.real(parts)), None

    def plan_unlink(self):
        parts = self.parts()
        return lambda: self.model.unlink(parts), lambda: os.unlink(self.real(parts)), None

    def plan_rename(self):
        parts, new = self.parts(), self.parts()
        if self.rng.random() < .3:  # what editors do
            new = parts[:1] + [self.rng.choice(["template", "parameters", "template~", "x.lock"])]
        return (lambda: self.model.rename(parts, new),
                lambda: os.rename(self.real(parts), self.real(new)), None)

    def plan_symlink(self):
        parts = self.parts()
        return (lambda: self.model.symlink(parts, "nowhere"),
                lambda: os.symlink("nowhere", self.real(parts)), None)

    def plan_link(self):
        parts, new = self.parts(), self.parts()
        return (lambda: self.model.link(parts, new),
                lambda: os.link(self.real(parts), self.real(new)), None)

    def plan_chmod(self):
        parts, mode = self.parts(), self.rng.choice([0o755, 0o775, 0o644, 0o700])
        try:
            now = os.stat(self.real(parts)).st_mode & 0o7777
        except OSError:
            now = None
        return (lambda: self.model.chmod(parts, mode, now),
                lambda: os.chmod(self.real(parts), mode), None)

    def plan_times(self):
        parts = self.parts()
        return (lambda: self.model.plain(parts, follow=True),
                lambda: os.utime(self.real(parts)), None)

    def settle(self):
        """What the model cannot know is read back: the names of new nodes, and which of two texts
        a document has."""
        for name, cluster in self.model.clusters.items():
            for document in [d for d, text in cluster.documents.items() if text is None]:
                path = pathlib.Path(self.real([name, document]))
                cluster.documents[document] = path.read_bytes()
            if cluster.wanted is None:
                continue
            nodes = set(os.listdir(self.real([name, "nodes"]))) - {"count"}
            assert len(nodes) == cluster.wanted
            for gone in cluster.nodes - nodes:  # the kernel is told a moment after the writer
                path = self.real([name, "nodes", gone])
                wait_until(lambda p=path: not os.path.lexists(p), 10, f"the end of {path}")
            cluster.nodes, cluster.wanted = nodes, None
            cluster.terminated &= nodes

    def one(self):
        name = self.rng.choice(self.PLANS)
        predict, run, judge = getattr(self, name)()
        cells = zip(run.__code__.co_freevars, run.__closure__)
        self.history.append((name, {n: c.cell_contents for n, c in cells
                                    if n not in ("self", "rng")}))
        try:
            verdict = predict()
        except tree_model.Refused as r:
            verdict = tree_model.Verdict(*r.errnos)
        code, result = attempt(run)
        names = [errno.errorcode.get(w, "success") for w in verdict.errnos]
        assert code in verdict.errnos, f"{errno.errorcode.get(code, 'success')}, not {names}; " \
            f"tried again: {errno.errorcode.get(attempt(run)[0], 'success')}"
        if code == 0:
            verdict.done()
            if judge:
                judge(result, verdict.place)
            self.settle()

    PLANS = [n for n in list(vars()) if n.startswith("plan_")]

    def run(self, end):
        """Returns "" or what went wrong, with the operations that led there."""
        try:
            count = 0
            while time.monotonic() < end:
                self.one()
                count += 1
        except Exception:
            return "\n".join([*(str(h)[:300] for h in self.history), traceback.format_exc()])
        return "" if count > 100 else f"only {count} operations"


def fuzz_in_child(mount, seed, end, report, own):
    pid = os.fork()
    if pid:
        return pid
    try:
        text = (Fuzzer(mount, seed) if own is None else Careful(mount, seed, own)).run(end)
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
    owners = [None, None, "p", "q"]
    children = [fuzz_in_child(host.mount, seed + i, end, reports[i], own)
                for i, own in enumerate(owners)]
    i = 0
    while time.monotonic() < end:
        i += 1
        host.ask(f"log c line {i}")
        host.ask("storm c 3")
        time.sleep(0.01)
    for pid in children:
        os.waitpid(pid, 0)
    said = "".join(r.read_text() for r in reports)
    print(said)
    assert not said, "see above"
    assert host.process.poll() is None, "the server died"
    assert "README" in os.listdir(host.mount)
    shell(f"timeout 60 find {host.mount} > /dev/null", timeout=90)
    shell("echo 2 > /proc/sys/vm/drop_caches")
    assert host.stop() == 0
