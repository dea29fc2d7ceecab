# SPDX-License-Identifier: MIT
"""The mount for fast reading: what it shows is whole and soon new, and nothing can be written."""
import contextlib
import errno
import functools
import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time

import pytest

import harness
from harness import SLOW, shell, wait_until
from mounted import mount_flags

SOON = 5 * SLOW  # seconds within which a change of the engine must be seen
eventually = functools.partial(harness.eventually, seconds=5)
EROFS = "Read-only file system"
WORDS = ("Off", "Ready", "Failed", "Preparing", "Deallocated")


def seen(root):
    """{path: what lstat and reading give}, without what is another at every look."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            text = None
            if os.path.islink(path):
                text = os.readlink(path)
            elif os.path.isfile(path):
                with open(path) as f:
                    text = f.read()
                assert st.st_size == len(text.encode()), path
            if name == "usage":
                text = re.sub(r'"to": "[^"]*"', "", text)
            if name == "metrics":
                text = re.sub(r"^\S*(_seconds|_total)\S* .*", "", text, flags=re.M)
            found[os.path.relpath(path, root)] = (st.st_mode, st.st_uid, st.st_gid, st.st_ino,
                                                  st.st_nlink, text)
    return found


def agree(fast):
    """Waits until both mounts show the same; the assertion shows where they do not."""
    def differences():
        time.sleep(1.1)  # what is not announced is looked up again after a second
        one, other = seen(fast.fast), seen(fast.mount)
        return {path: (one.get(path), other.get(path)) for path in one.keys() | other.keys()
                if one.get(path) != other.get(path)}
    eventually(differences, {})


def test_both_show_the_same(fast):
    fast.write('{"a": 1}\n', "c", "parameters")
    fast.ask("log c some words")
    fast.ask("status c c-2 Ready")
    eventually(lambda: fast.fast_read("c", "nodes", "c-2", "status"), "Ready\n")
    eventually(lambda: fast.fast_read("c", "logs"), "some words\n")
    agree(fast)


def change_something(fast, rng, names):
    """One change by the engine or by a client of the other mount; refusals do not matter."""
    name = rng.choice(names)
    node = f"{name}-{rng.randint(1, 6)}"
    actions = [
        lambda: os.mkdir(fast.path(name)),
        lambda: fast.write(f"{rng.randint(0, 6)}\n", name, "nodes", "count"),
        lambda: fast.write(f'{{"a": "{"x" * rng.randint(0, 9000)}"}}\n', name, "parameters"),
        lambda: fast.ask(f"status {name} {node} {rng.choice(WORDS)}"),
        lambda: fast.ask(f"remove {name} {node}"),
        lambda: fast.ask(f"log {name} {'x' * rng.randint(1, 3000)}"),
        lambda: fast.ask(f"storm {name} 6"),
        lambda: os.chmod(fast.path(name), rng.choice((0o755, 0o750, 0o775))),
        lambda: os.rename(fast.path(name), fast.path(rng.choice(names))),
        lambda: os.rmdir(fast.path(name)),
    ]
    with contextlib.suppress(OSError, AssertionError):
        rng.choice(actions)()


@pytest.mark.parametrize("seed", range(6))
def test_the_same_after_anything(fast, seed):
    """Whatever was looked up while things changed, in the end both mounts agree. (What this has
    found: a directory made anew that was taken for the removed one of its name; files of nodes that
    kept the old name of their cluster.)"""
    rng, stop = random.Random(seed), threading.Event()
    commands = ("ls -lR {f}", "find {f} -size +0", "cat {f}/?/nodes/*/status", "grep -rc x {f}/?",
                "stat {f}/a/nodes/a-1/status {f}/b/parameters {f}/c/logs", "tar c {f} | tar t")

    def read(command):
        while not stop.is_set():
            shell(f"({command.format(f=fast.fast)}) > /dev/null 2>&1", check=False)
    readers = [threading.Thread(target=read, args=(command,)) for command in commands]
    for reader in readers:
        reader.start()
    for _ in range(300):
        change_something(fast, rng, "abc")
    stop.set()
    for reader in readers:
        reader.join(60 * SLOW)
        assert not reader.is_alive(), "something hangs"
    agree(fast)


def test_contents_and_size_follow_the_engine(fast):
    path = fast.fast_path("c", "nodes", "c-1", "status")
    for word in ("Ready", "Preparing", "Off", "Deallocated", "Failed"):  # longer, and shorter
        fast.ask(f"status c c-1 {word}")
        eventually(path.read_text, word + "\n")
        assert os.stat(path).st_size == len(word) + 1


def test_a_write_on_one_is_seen_on_the_other(fast):
    for n in (4, 12, 3):
        fast.write(f"{n}\n", "c", "nodes", "count")
        eventually(lambda: fast.fast_read("c", "nodes", "count"), f"{n}\n")
        eventually(lambda: len(os.listdir(fast.fast_path("c", "nodes"))), n + 1)


def test_a_descriptor_keeps_what_it_opened(fast):
    """Also when the node is gone."""
    path = fast.fast_path("c", "nodes", "c-1", "status")
    with open(path) as f:
        assert f.read() == "Acquiring\n"
        fast.ask("status c c-1 Deallocated")
        eventually(path.read_text, "Deallocated\n")
        fast.ask("remove c c-1")
        eventually(path.exists, False)
        shell("echo 1 > /proc/sys/vm/drop_caches")
        assert os.pread(f.fileno(), 100, 0) == b"Acquiring\n"


def test_names_come_and_go(fast):
    nodes = fast.fast_path("c", "nodes")
    assert sorted(os.listdir(nodes)) == ["c-1", "c-2", "c-3", "count"]
    assert not (nodes / "c-4").exists()
    fast.ask("add c 1")
    eventually(lambda: sorted(os.listdir(nodes)), ["c-1", "c-2", "c-3", "c-4", "count"])
    fast.ask("remove c c-2")
    eventually(lambda: (nodes / "c-2").exists(), False)
    assert not os.path.lexists(fast.fast_path("c", "arrays", "execute", "nodes", "c-2"))
    os.rename(fast.path("c"), fast.path("d"))
    eventually(lambda: fast.fast_path("c").exists(), False)
    assert fast.fast_read("d", "nodes", "count") == "3\n"


def test_access_follows(fast):
    status = fast.fast_path("c", "nodes", "c-1", "status")
    reader = ["setpriv", "--reuid=61001", "--clear-groups", "cat", str(status)]
    assert subprocess.run(reader, capture_output=True, text=True).stdout == "Acquiring\n"
    os.chmod(fast.path("c"), 0o750)
    os.chown(fast.path("c"), 1234, 4321)
    for path, mode in ((fast.fast_path("c"), 0o40750), (status, 0o100440)):
        eventually(lambda path=path: os.stat(path).st_mode, mode)
        eventually(lambda path=path: os.stat(path).st_uid, 1234)
        eventually(lambda path=path: os.stat(path).st_gid, 4321)
    refused = subprocess.run(reader, capture_output=True, text=True)
    assert refused.returncode == 1 and "Permission denied" in refused.stderr


def without_server(fast, command, prepare):
    """What a command prints while the server is stopped and cannot be asked. Tried several times,
    because the kernel may forget at any moment: a late notice, or somebody who drops its caches."""
    for _ in range(6):
        prepare()
        fast.process.send_signal(signal.SIGSTOP)
        try:
            done = shell(f"timeout 5 {command}", check=False)
        finally:
            fast.process.send_signal(signal.SIGCONT)
        if done.returncode == 0:
            return done.stdout
    raise AssertionError(f"{command}: it always asked the server")


def test_warm_reads_need_no_server(fast):
    """Opening, reading and closing send nothing."""
    nodes = fast.fast_path("c", "nodes")
    command = f"cat {nodes}/c-1/status {nodes}/c-2/state {nodes}/count {nodes}/c-3/phase"
    expected = shell(command).stdout
    assert without_server(fast, command, lambda: shell(f"{command}; {command}")) == expected
    assert expected.startswith("Acquiring\n")


def test_changes_keep_what_did_not_change(fast):
    """A node that changes loses its status from the cache, and not its other files."""
    node = fast.fast_path("c", "nodes", "c-1")
    words = iter(WORDS * 2)

    def change():
        # The first read drops the time of the last one, and stat(2) asks for it.
        shell(f"cat {node}/array {node}/keepalive; cat {node}/array {node}/keepalive")
        word = next(words)
        fast.ask(f"status c c-1 {word}")
        eventually((node / "status").read_text, word + "\n")
        time.sleep(0.3 * SLOW)  # the notices are through
        os.stat(node / "status")  # who may go through its directories was asked again
    kept = without_server(fast, f"cat {node}/array {node}/keepalive", change)
    assert kept == "execute\nfalse\n"


# --- whole, whatever happens meanwhile ------------------------------------------------------------


def read_while(going, path, problems):
    whole = {word + "\n" for word in WORDS} | {"Acquiring\n"}
    while going():
        with open(path) as f:
            size = os.fstat(f.fileno()).st_size
            text = f.read()
            again = os.pread(f.fileno(), 4096, 0).decode()
        if text not in whole or size != len(text) or again != text:
            problems.append((size, text, again))


def test_one_page_files_are_whole_under_change(fast):
    """Text and size belong together in every read, at every change to more and to less."""
    stop, problems = threading.Event(), []
    path = fast.fast_path("c", "nodes", "c-1", "status")
    readers = [threading.Thread(target=read_while, args=(lambda: not stop.is_set(), path, problems))
               for _ in range(3)]
    stats = threading.Thread(target=lambda: [os.stat(path) for _ in iter(stop.is_set, True)])
    for thread in readers + [stats]:
        thread.start()
    for i in range(400):
        fast.ask(f"status c c-1 {WORDS[i % len(WORDS)]}")
    stop.set()
    for thread in readers + [stats]:
        thread.join(60)
    assert problems == []
    eventually(path.read_text, WORDS[399 % len(WORDS)] + "\n")


def test_large_files_are_whole_under_change(fast):
    fast.write("300\n", "c", "nodes", "count")
    path = fast.fast_path("c", "status")
    eventually(lambda: len(re.findall("^c-", path.read_text(), re.M)), 300)
    for _ in range(10):
        with open(path, "rb", buffering=0) as f:
            size = os.fstat(f.fileno()).st_size
            text = f.read(1000)
            fast.ask("storm c 300")
            while piece := f.read(1000):
                text += piece
        ready = len(re.findall(rb"^c-\d+ .*\bReady\b", text, re.M))
        assert len(text) == size and b"\0" not in text
        assert ready in (0, 300), f"a mixture: {ready} of 300 are ready"


def test_storm(fast):
    """The grown and shrunken renderings of a hundred nodes, by the programs that monitoring uses."""
    fast.write("100\n", "c", "nodes", "count")
    nodes = fast.fast_path("c", "nodes")
    eventually(lambda: len(os.listdir(nodes)), 101)
    stop, problems = threading.Event(), []

    def run(command, allowed):
        while not stop.is_set():
            done = shell(command, check=False)
            # A name may go between two calls for the moment in which its contents change.
            bad = set(done.stdout.split("\n")) - allowed
            if bad or done.returncode:
                problems.append((command, done.returncode, bad, done.stderr[-200:]))
    words = {"Ready", "Preparing", "Acquiring", ""}
    threads = [threading.Thread(target=run, args=a) for a in (
        (f"cat {nodes}/*/status", words), (f"grep -rh '' {nodes} --include=status", words),
        (f"ls -l {nodes} | grep -c ^d", {"100", ""}), (f"grep -c Zzz {nodes}/../status || true",
                                                       {"0", ""}))]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 4 * SLOW
    while time.monotonic() < end:
        fast.ask("storm c 100")
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join(60 * SLOW)
        assert not thread.is_alive(), "something hangs"
    assert problems == []
    wait_until(lambda: shell(f"cat {nodes}/*/status").stdout
               == shell(f"cat {fast.path('c', 'nodes')}/*/status").stdout, SOON, "the last state")


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


@pytest.mark.unsanitized
def test_memory(fast):
    """What the versions of ten thousand nodes take, reported; and it is given back."""
    count = 10000
    nodes = fast.fast_path("c", "nodes")
    fast.ask(f"add c {count}", timeout=300)
    before = rss_kib(fast.process.pid)
    shell(f"grep -rc '' {nodes} | wc -l", timeout=300)
    walked = rss_kib(fast.process.pid)
    print(f"{(walked - before) / count:.2f} KiB a node after every file was read once")
    assert walked - before < 5 * count
    fast.ask(f"drop c {count}", timeout=300)
    eventually(lambda: len(os.listdir(nodes)), 4)

    def given_back():
        shell("echo 2 > /proc/sys/vm/drop_caches")  # again and again: what is in use stays
        return rss_kib(fast.process.pid) < before + (walked - before) / 3
    wait_until(given_back, 60, "memory given back", interval=1)


# --- logs ---------------------------------------------------------------------------------------


def test_logs_grow(fast):
    path = fast.fast_path("c", "logs")
    for i in range(20):
        fast.ask(f"log c line {i} {'x' * 300}")
        eventually(lambda: path.read_text().count("\n"), i + 1)
        text = path.read_text()
        assert "\0" not in text and os.stat(path).st_size == len(text) > 4096 * (i > 14)


PADDED = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
while not os.path.exists(sys.argv[2]):
    if sys.argv[3] == "stat":
        os.stat(sys.argv[1])
    elif b"\\0" in os.pread(fd, 1 << 20, 0):
        sys.exit("padded with NUL")
"""


def test_logs_are_never_padded(fast):
    """A size that is newer than the pages would be: processes, for threads take turns."""
    path, end = fast.fast_path("c", "logs"), fast.dir / "end"
    fast.ask("log c line")
    readers = [subprocess.Popen([sys.executable, "-c", PADDED, path, end, what],
                                stderr=subprocess.PIPE, text=True)
               for what in ("read", "read", "read", "stat")]
    for i in range(3000):
        fast.ask(f"log c line {i} {'x' * (i % 70)}")
    end.touch()
    assert [reader.communicate(timeout=60)[1] for reader in readers] == [""] * 4
    eventually(lambda: path.read_text().count("\n"), 3001)


def test_logs_begin_anew(fast):
    """When a log has become too long, it is cut: nobody reads the old and the new as one, or NULs.
    Until the kernel has the new size, reading is an error."""
    path = fast.fast_path("c", "logs")
    stop, problems = threading.Event(), []

    def text():
        try:
            return path.read_text()
        except OSError as e:
            if e.errno != errno.ESTALE:
                problems.append(e)
            return ""

    def read():
        while not stop.is_set():
            got = text()
            if "\0" in got:
                problems.append(got[:300])
    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(20):
        for k in range(30):
            fast.ask(f"log c line {i} {k} {'x' * 300}")
        fast.ask("cut c")
    fast.ask("log c the end")
    stop.set()
    for thread in threads:
        thread.join(60)
    eventually(text, "the end\n")
    assert problems == []


def test_tail_follows(fast):
    fast.ask("log c line 0")
    tail = subprocess.Popen(["tail", "-n", "+1", "-f", str(fast.fast_path("c", "logs"))],
                            stdout=subprocess.PIPE, text=True)
    try:
        for i in range(1, 4):
            assert tail.stdout.readline() == f"line {i - 1}\n"
            fast.ask(f"log c line {i}")
        assert tail.stdout.readline() == "line 3\n"
    finally:
        tail.kill()
        tail.wait()


# --- nothing can be written -----------------------------------------------------------------------

WRITES = [
    "echo 4 > {c}/nodes/count", "echo 4 >> {c}/nodes/count", "touch {c}/new", "mkdir {c}/../new",
    "rmdir {c}", "rm {c}/template", "mv {c} {c}x", "mv {c}/template {c}/template~",
    "ln -s a {c}/link", "ln {c}/template {c}/other", "chmod 700 {c}", "chown 1 {c}",
    "touch {c}/state", "truncate -s 0 {c}/template", "mknod {c}/pipe p", "sync {c}/nodes/count",
    "sync {c}/state", "sync {c}/nodes/c-1/state", "sync {c}/arrays/execute/count",
]


@pytest.mark.parametrize("writable", [False, True], ids=["as mounted", "remounted by hand"])
def test_every_write_is_refused(fast, writable):
    """By the kernel, and by the server for whoever has mounted it writable by hand."""
    before = seen(fast.mount)
    if writable:
        shell(f"mount -o remount,bind,rw {fast.fast}")
    assert ("rw" if writable else "ro") in mount_flags(fast.fast)
    for command in WRITES:
        done = shell(command.format(c=fast.fast_path("c")), check=False)
        assert done.returncode != 0, command
        assert EROFS in done.stderr, f"{command}: {done.stderr}"
    after = seen(fast.mount)
    assert {k: v for k, v in after.items() if "metrics" not in k and "usage" not in k} == {
        k: v for k, v in before.items() if "metrics" not in k and "usage" not in k}


def test_sync_of_what_does_not_wait(fast):
    shell(f"sync {fast.fast_path('c', 'status')} {fast.fast_path('c', 'logs')}")


# --- those who wait for changes -------------------------------------------------------------------


def test_poll(fast):
    """A descriptor is ready when its file says something else; the next one is not."""
    path = fast.fast_path("c", "nodes", "c-1", "status")
    with open(path) as f:
        p = select.poll()
        p.register(f, select.POLLIN | select.POLLPRI)
        assert p.poll(200) == []
        threading.Timer(0.3, fast.ask, ("status c c-1 Ready",)).start()
        begun = time.monotonic()
        assert [events & select.POLLPRI for _, events in p.poll(20000 * SLOW)] == [select.POLLPRI]
        assert 0.2 < time.monotonic() - begun < 10 * SLOW
        assert p.poll(0) != []
    with open(path) as f:
        assert f.read() == "Ready\n"
        p = select.poll()
        p.register(f, select.POLLIN)
        assert p.poll(100) == []
    with open(fast.fast_path("c", "logs")) as f:
        p = select.poll()
        p.register(f, select.POLLIN)
        assert p.poll(0) != []


def watch(path, *events):
    process = subprocess.Popen(["inotifywait", "-m", "-q", "--format", "%e %f",
                                *(f"-e{e}" for e in events), str(path)],
                               stdout=subprocess.PIPE, text=True)
    time.sleep(0.5 * SLOW)
    return process


def test_inotify(fast):
    """A watch goes on telling, although each new text is another inode."""
    fast.fast_read("c", "nodes", "c-1", "status")
    file = watch(fast.fast_path("c", "nodes", "c-1", "status"), "modify")
    directory = watch(fast.fast_path("c", "nodes"), "create", "delete")
    try:
        for word in ("Ready", "Failed", "Off"):
            fast.ask(f"status c c-1 {word}")
            assert file.stdout.readline() == "MODIFY \n"
            eventually(fast.fast_path("c", "nodes", "c-1", "status").read_text, word + "\n")
            time.sleep(1.1)  # a file gets one event a second
        fast.ask("add c 1")
        assert directory.stdout.readline() == "CREATE,ISDIR c-4\n"
        os.listdir(fast.fast_path("c", "nodes"))
        fast.ask("remove c c-4")
        assert directory.stdout.readline() == "DELETE,ISDIR c-4\n"
    finally:
        for process in (file, directory):
            process.kill()
            process.wait()
