# SPDX-License-Identifier: MIT
"""What the kernel holds is right: every change of the engine is seen, and no sooner asked for."""
import functools
import os
import re
import stat
import threading
import time

import pytest

import harness
from harness import SLOW, shell, wait_until

# Within two seconds a change of the engine must be seen.
eventually = functools.partial(harness.eventually, seconds=2)


def test_contents_and_size_follow_the_engine(host):
    path = host.path("c", "nodes", "c-1", "status")
    for word in ("Ready", "Preparing", "Failed", "Deallocated", "Off"):
        host.ask(f"status c c-1 {word}")
        eventually(path.read_text, word + "\n")
        eventually(lambda: os.stat(path).st_size, len(word) + 1)


def test_open_descriptor_sees_the_new_text(host):
    fd = os.open(host.path("c", "nodes", "c-1", "status"), os.O_RDONLY)
    try:
        assert os.pread(fd, 100, 0) == b"Acquiring\n"
        host.ask("status c c-1 Deallocated")
        eventually(lambda: os.pread(fd, 100, 0), b"Deallocated\n")
        host.ask("status c c-1 Off")
        eventually(lambda: os.pread(fd, 100, 0), b"Off\n")
    finally:
        os.close(fd)


def test_mtime_moves_with_the_contents(host):
    path = host.path("c", "nodes", "c-2", "status")
    before = os.stat(path).st_mtime_ns
    host.ask("status c c-2 Ready")
    eventually(path.read_text, "Ready\n")
    assert os.stat(path).st_mtime_ns > before
    other = host.path("c", "nodes", "c-1", "status")
    assert os.stat(other).st_mtime_ns <= os.stat(path).st_mtime_ns


def test_nodes_come_and_go(host):
    assert host.nodes() == ["c-1", "c-2", "c-3"]
    with pytest.raises(FileNotFoundError):
        os.stat(host.path("c", "nodes", "c-4"))
    host.ask("add c 1")
    eventually(host.nodes, ["c-1", "c-2", "c-3", "c-4"])
    assert host.read("c", "nodes", "c-4", "status") == "Acquiring\n"
    links = os.stat(host.path("c", "nodes")).st_nlink
    host.ask("remove c c-2")
    eventually(host.nodes, ["c-1", "c-3", "c-4"])
    assert not os.path.exists(host.path("c", "nodes", "c-2"))
    assert not os.path.lexists(host.path("c", "arrays", "execute", "nodes", "c-2"))
    assert os.stat(host.path("c", "nodes")).st_nlink == links - 1
    assert host.read("c", "nodes", "count") == "3\n"


def test_own_changes_are_seen_at_once(host):
    """Whoever wrote sees the outcome everywhere, without waiting for the notifier."""
    for i in range(30):
        n = 3 + i % 4
        host.write(f"{n}\n", "c", "nodes", "count")
        assert host.read("c", "nodes", "count") == f"{n}\n"
        assert len(host.nodes()) == n
        assert host.read("c", "error").startswith("ok")
        with pytest.raises(OSError):
            host.write("many\n", "c", "nodes", "count")
        assert host.read("c", "error").startswith("refused: nodes/count")


def test_writer_of_parameters_reads_them_back(host):
    for i in range(20):
        text = '{"n": "' + "x" * i + '"}\n'
        host.write(text, "c", "parameters")
        assert os.stat(host.path("c", "parameters")).st_size == len(host.read("c", "parameters"))
        assert "x" * i in host.read("c", "parameters")


def test_access_follows_at_once(host):
    inner = host.path("c", "nodes", "c-1", "status")
    count = host.path("c", "nodes", "count")
    assert stat.S_IMODE(os.stat(inner).st_mode) == 0o444
    assert stat.S_IMODE(os.stat(count).st_mode) == 0o644
    os.chmod(host.path("c"), 0o770)
    os.chown(host.path("c"), 1234, 4321)
    for path, mode in ((host.path("c"), 0o770), (count, 0o660), (inner, 0o440)):
        eventually(lambda path=path: stat.S_IMODE(os.stat(path).st_mode), mode)
        eventually(lambda path=path: os.stat(path).st_uid, 1234)
        eventually(lambda path=path: os.stat(path).st_gid, 4321)


def test_rename_of_a_cluster(host):
    os.listdir(host.path("c"))
    os.rename(host.path("c"), host.path("d"))
    assert not os.path.exists(host.path("c"))
    assert host.read("d", "nodes", "count") == "3\n"
    eventually(lambda: "d" in os.listdir(host.mount) and "c" not in os.listdir(host.mount), True)


def without_server(host, look):
    """What look() gives while the server is stopped. Tried several times, because the kernel may
    forget at any moment: a late notice, or somebody who drops its caches."""
    for _ in range(5):
        look()
        expected = look()
        with host.stopped() as asked:
            seen = look()
        if not asked.is_set():
            assert seen == expected
            return seen
    raise AssertionError("it always asked the server")


def test_warm_reads_do_not_reach_the_server(host):
    """What is cached is really cached: a stopped server cannot be asked."""
    names = ["status", "phase", "machine_type"]
    files = [host.path("c", "nodes", node, name) for node in host.nodes() for name in names]
    time.sleep(2.2 * SLOW)  # a file that has just changed is not read through the page cache
    for path in files:
        path.read_bytes()
    descriptors = [os.open(path, os.O_RDONLY) for path in files]

    def look():
        texts = [os.pread(fd, 4096, 0) for fd in descriptors]
        return texts, [os.stat(path).st_size for path in files], \
            os.listdir(host.path("c", "nodes", "c-1"))
    texts, sizes, names = without_server(host, look)
    assert [len(text) for text in texts] == sizes and "status" in names
    for fd in descriptors:
        os.close(fd)


def test_absence_of_editors_names_is_remembered(host):
    """Tools look for .git, .editorconfig and the like again and again: the server is asked once."""
    names = [host.path("c", ".git"), host.path(".git"), host.path("c", "nodes", ".svn"),
             host.path("c", ".template.swp")]
    assert without_server(host, lambda: [n.exists() for n in names]) == [False] * 4
    swap = names[3]
    swap.write_text("x")
    assert swap.exists() and ".template.swp" in os.listdir(host.path("c"))
    swap.unlink()
    assert not swap.exists()
    host.path("c", "x~").write_text("y")
    os.rename(host.path("c", "x~"), swap)
    assert swap.read_text() == "y"


def test_absence_of_other_names_is_not(host):
    """The engine may make them at any time, and what it made is there."""
    for name in range(4, 40):
        assert not host.path("c", "nodes", f"c-{name}").exists()
        host.ask("add c 1")
        assert host.path("c", "nodes", f"c-{name}").exists()


def test_inode_numbers_stay(host):
    def numbers():
        return {str(p): os.lstat(p).st_ino for p in host.path("c").rglob("*")}
    first = numbers()
    assert len(set(first.values())) == len(first), "two files share a number"
    shell("echo 2 > /proc/sys/vm/drop_caches")
    assert numbers() == first
    assert {e.inode() for e in os.scandir(host.path("c"))} <= set(first.values())


def test_listing_goes_on_while_entries_come_and_go(host):
    """A listing in small pieces shows every entry that was there all the time, once."""
    host.write("400\n", "c", "nodes", "count")
    stay = set(host.nodes()[:200])
    fd = os.open(host.path("c", "nodes"), os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(fd) as entries:
            seen = [next(entries).name for _ in range(20)]
            gone = sorted(set(host.nodes()) - stay - set(seen))[:50]
            for name in gone:
                host.ask(f"remove c {name}")
            host.ask("add c 30")
            seen += [e.name for e in entries]
    finally:
        os.close(fd)
    assert len(seen) == len(set(seen)), "an entry was shown twice"
    assert stay <= set(seen)


def test_big_file_is_never_mixed(host):
    """What was opened is read to the end, however the engine moves on."""
    host.write("300\n", "c", "nodes", "count")
    path = host.path("c", "status")
    for _ in range(10):
        fd = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(fd).st_size
            text = os.read(fd, 1000)
            host.ask("storm c 300")
            while piece := os.read(fd, 1000):
                text += piece
        finally:
            os.close(fd)
        assert size > 4096
        assert len(text) == size
        assert b"\0" not in text
        ready = len(re.findall(rb"^c-\d+ .*\bReady\b", text, re.M))
        assert ready in (0, 300), f"a mixture: {ready} of 300 are ready"
        wait_until(lambda: os.stat(path).st_size, 5)


def test_copying_programs_get_the_right_size(host, tmp_path):
    host.write("300\n", "c", "nodes", "count")
    shell(f"cp {host.path('c')}/status {tmp_path}/cp")
    shell(f"cd {host.mount} && tar cf {tmp_path}/t.tar c/status c/status.json c/definition")
    shell(f"cd {tmp_path} && tar xf t.tar")
    now = host.read("c", "status")
    assert (tmp_path / "cp").read_text() == now == (tmp_path / "c/status").read_text()
    assert shell(f"tail -c 30 {host.path('c', 'status')}").stdout == now[-30:]


def test_logs_grow(host):
    path = host.path("c", "logs")
    for i in range(5):
        host.ask(f"log c line {i}")
        eventually(lambda: path.read_text().count("\n"), i + 1)
        assert os.stat(path).st_size == len(path.read_text())


def test_remount_and_clean_end(host):
    assert host.stop() == 0
    assert os.listdir(host.mount) == []
    host.start()
    assert "README" in os.listdir(host.mount)


def test_walk_of_everything_ends(host):
    """No file blocks a reader and none is padded."""
    done = shell(f"timeout 60 grep -rc '' {host.mount} | wc -l", timeout=90)
    assert int(done.stdout) > 50
    assert shell(f"grep -rlP '\\x00' {host.mount} || true").stdout == ""
    assert shell(f"cd {host.mount} && tar cf - . | tar tf - | wc -l").stdout.strip() != "0"


def test_a_writer_sees_what_he_changed(host):
    """In the next listing, while the notifier has much else to tell."""
    stop = threading.Event()
    host.path("d").mkdir()
    host.ask("add d 3000")
    shell(f"cat {host.path('d', 'nodes')}/*/status > /dev/null")

    def disturb():
        while not stop.is_set():
            host.ask("storm d 3000")
    other = threading.Thread(target=disturb)
    other.start()
    try:
        for i in range(300):
            count = 3 + i % 20
            host.write(f"{count}\n", "c", "nodes", "count")
            assert len(os.listdir(host.path("c", "nodes"))) == count + 1, f"write {i}"
    finally:
        stop.set()
        other.join()


def test_scratch_files_of_a_new_cluster_stay(host):
    """While other clusters go: the notifier then drops the scratch files of those that went."""
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            host.path("other").mkdir()
            host.path("other").rmdir()
    other = threading.Thread(target=disturb)
    other.start()
    try:
        for i in range(300):
            scratch = host.path(f"new{i}", "template~")
            scratch.parent.mkdir()
            scratch.write_text("x")
            time.sleep(0.002)
            assert scratch.read_text() == "x", f"cluster {i}"
            scratch.parent.rmdir()
    finally:
        stop.set()
        other.join()
