# SPDX-License-Identifier: MIT
"""cyclecloud-watch as the daemon uses it: started with a pipe, real files changed under it."""
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("CYCLECLOUDFS_BUILD", Path(__file__).resolve().parents[2] / "build"))
PROGRAM = BUILD / "cyclecloud-watch"
TIMEOUT_S = 60
SETTLE_S = 0.8  # several coalescing windows


class Watch:
    """A running watcher, its lines read by a thread."""

    def __init__(self, *paths, cwd=None):
        self.process = subprocess.Popen(
            [PROGRAM, *map(str, paths)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        assert self.next() == "ready"

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def next(self):
        return self.lines.get(timeout=TIMEOUT_S)

    def until(self, path):
        """Reads until a path is told; returns all the paths told so far."""
        seen = []
        while True:
            line = self.next()
            assert line is not None, f"ended; told {seen}: {self.process.stderr.read()}"
            word, told = line.split(" ", 1)
            assert word == "changed"
            seen.append(told)
            if told == str(path):
                return seen

    def settle(self):
        """All that is told until nothing more comes for a while."""
        seen = []
        while True:
            try:
                seen.append(self.lines.get(timeout=SETTLE_S).removeprefix("changed "))
            except queue.Empty:
                return seen

    @contextlib.contextmanager
    def stopped(self):
        """What happens meanwhile it sees at one go, however slow the machine is."""
        self.process.send_signal(signal.SIGSTOP)
        yield
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.kill()
        self.process.wait()
        assert self.process.stderr.read() == ""


@pytest.fixture
def watch():
    started = []

    def start(*paths, **kwargs):
        started.append(Watch(*paths, **kwargs))
        return started[-1]

    yield start
    for w in started:
        w.close()


def test_writes_are_told_once(watch, tmp_path):
    w = watch(tmp_path)
    with w.stopped():
        for piece in range(20):
            (tmp_path / "slurm.txt").write_text("x" * piece)
    assert w.settle() == [str(tmp_path / "slurm.txt")]


def test_reading_is_no_change(watch, tmp_path):
    (tmp_path / "a").write_text("a")
    w = watch(tmp_path)
    assert (tmp_path / "a").read_text() == "a"
    os.listdir(tmp_path)
    assert w.settle() == []


def test_a_file_is_told_when_it_is_closed(watch, tmp_path):
    w = watch(tmp_path)
    with open(tmp_path / "long", "w") as f:
        f.write("half")
        f.flush()
        assert w.settle() == []
        f.write("whole")
    w.until(tmp_path / "long")


def test_rename_over_and_delete(watch, tmp_path):
    template = tmp_path / "t.txt"
    template.write_text("old")
    w = watch(tmp_path)
    (tmp_path / ".t.txt.tmp").write_text("new")
    os.rename(tmp_path / ".t.txt.tmp", template)
    assert w.settle() == [str(template)]
    template.unlink()
    assert w.settle() == [str(template)]


def test_links_are_told(watch, tmp_path):
    (tmp_path / "a").write_text("a")
    w = watch(tmp_path)
    os.symlink("a", tmp_path / "soft")
    os.link(tmp_path / "a", tmp_path / "hard")
    seen = w.settle()
    assert {str(tmp_path / "soft"), str(tmp_path / "hard")} <= set(seen)


def test_scratch_files_are_not(watch, tmp_path):
    (tmp_path / ".git").mkdir()
    w = watch(tmp_path)
    for name in (".a.swp", "a~", ".#a", ".git/index"):
        (tmp_path / name).write_text("x")
    (tmp_path / "end").write_text("x")
    assert w.until(tmp_path / "end") == [str(tmp_path / "end")]


def test_new_directories_are_watched(watch, tmp_path):
    w = watch(tmp_path)
    (tmp_path / "p" / "q").mkdir(parents=True)
    w.until(tmp_path / "p")
    w.settle()
    (tmp_path / "p" / "q" / "f").write_text("x")
    assert w.settle() == [str(tmp_path / "p" / "q" / "f")]


def test_files_made_with_their_directory_are_not_lost(watch, tmp_path):
    """What is in a new directory before it is watched is told by the directory's own line."""
    w = watch(tmp_path)
    for i in range(30):
        (tmp_path / f"d{i}").mkdir()
        (tmp_path / f"d{i}" / "f").write_text("x")
    seen = set(w.settle())
    for i in range(30):
        assert str(tmp_path / f"d{i}") in seen or str(tmp_path / f"d{i}" / "f") in seen


def test_a_moved_directory_keeps_no_old_name(watch, tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "old" / "sub").mkdir(parents=True)
    outside.mkdir()
    w = watch(root)
    os.rename(root / "old", root / "new")
    seen = w.settle()
    assert str(root / "old") in seen and str(root / "new") in seen
    (root / "new" / "sub" / "f").write_text("x")
    assert w.settle() == [str(root / "new" / "sub" / "f")]
    os.rename(root / "new", outside / "gone")
    w.until(root)
    w.settle()
    (outside / "gone" / "sub" / "f").write_text("y")
    assert w.settle() == []


def test_a_directory_made_again_under_its_name(watch, tmp_path):
    sub = tmp_path / "sub"
    sub.mkdir()
    w = watch(tmp_path)
    for text in "abc":
        sub.rmdir()
        sub.mkdir()
        w.settle()
        (sub / "f").write_text(text)
        assert w.settle() == [str(sub / "f")]
        (sub / "f").unlink()
        w.settle()


def test_root_deleted_and_made_again(watch, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_text("a")
    w = watch(root)
    (root / "a").unlink()
    root.rmdir()
    w.until(root)
    w.settle()
    root.mkdir()
    w.until(root)
    w.settle()
    (root / "b").write_text("b")
    assert w.settle() == [str(root / "b")]


def test_root_and_the_directory_above_it_made_later(watch, tmp_path):
    root = tmp_path / "etc" / "cyclecloud"
    w = watch(root)
    root.mkdir(parents=True)
    w.until(root)
    w.settle()
    (root / "f").write_text("x")
    assert w.settle() == [str(root / "f")]


def test_root_replaced_by_rename(watch, tmp_path):
    root, fresh = tmp_path / "root", tmp_path / "fresh"
    root.mkdir()
    fresh.mkdir()
    w = watch(root)
    os.rename(root, tmp_path / "aside")
    os.rename(fresh, root)
    w.until(root)
    w.settle()
    (root / "f").write_text("x")
    (tmp_path / "aside" / "g").write_text("x")
    assert w.settle() == [str(root / "f")]


def test_file_root(watch, tmp_path):
    config = tmp_path / "cyclecloud.conf"
    config.write_text("a")
    w = watch(config)
    (tmp_path / "other").write_text("x")
    assert w.settle() == []
    config.write_text("b")
    assert w.settle() == [str(config)]
    (tmp_path / "new").write_text("c")
    os.rename(tmp_path / "new", config)
    assert w.settle() == [str(config)]
    config.unlink()
    assert w.settle() == [str(config)]
    config.write_text("d")
    assert w.settle() == [str(config)]


def test_file_root_that_is_a_link(watch, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "conf").write_text("a")
    (tmp_path / "link").symlink_to("real/conf")
    w = watch(tmp_path / "link")
    (tmp_path / "real" / "conf").write_text("b")
    assert w.settle() == [str(tmp_path / "link")]
    (tmp_path / "real" / "conf2").write_text("c")
    (tmp_path / "l2").symlink_to("real/conf2")
    os.rename(tmp_path / "l2", tmp_path / "link")
    w.until(tmp_path / "link")
    w.settle()
    (tmp_path / "real" / "conf2").write_text("d")
    assert w.settle() == [str(tmp_path / "link")]


def test_an_unchanged_file_is_not_told_with_a_directory(watch, tmp_path):
    (tmp_path / "conf").write_text("a")
    (tmp_path / "dir" / "sub").mkdir(parents=True)
    w = watch(tmp_path / "conf", tmp_path / "dir")
    (tmp_path / "dir" / "sub").rmdir()
    assert str(tmp_path / "conf") not in w.settle()


def test_relative_paths_become_absolute(watch, tmp_path):
    (tmp_path / "d").mkdir()
    w = watch("d/", cwd=tmp_path)
    (tmp_path / "d" / "f").write_text("x")
    assert w.settle() == [str(tmp_path / "d" / "f")]


def test_a_line_break_in_a_name_breaks_no_line(watch, tmp_path):
    w = watch(tmp_path)
    (tmp_path / "a\nchanged etc").write_text("x")
    assert w.settle() == [str(tmp_path)]


def test_a_burst_beyond_the_bound(watch, tmp_path):
    w = watch(tmp_path)
    with w.stopped():
        for i in range(6000):
            (tmp_path / f"f{i}").touch()
    told = {w.next().removeprefix("changed ")}
    while str(tmp_path) not in told and len(told) < 6000:
        told.add(w.next().removeprefix("changed "))
    w.settle()
    (tmp_path / "after").write_text("x")
    w.until(tmp_path / "after")


def test_it_keeps_no_descriptors(watch, tmp_path):
    sub = tmp_path / "sub"
    w = watch(tmp_path)
    fds = f"/proc/{w.process.pid}/fd"
    before = len(os.listdir(fds))
    for _ in range(3):
        sub.mkdir()
        w.settle()
        sub.rmdir()
        w.settle()
    assert len(os.listdir(fds)) == before


def test_it_ends_when_nobody_reads(tmp_path):
    process = subprocess.Popen([PROGRAM, tmp_path], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    assert process.wait(timeout=TIMEOUT_S) == 0


def test_it_ends_with_its_parent(tmp_path):
    """The parent dies while the pipe stays open elsewhere."""
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen(sys.argv[1:])\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, PROGRAM, tmp_path], stdout=subprocess.PIPE, text=True)
    lines = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
    assert "ready" in lines
    pid = int((lines - {"ready"}).pop())
    parent.kill()
    parent.wait()
    until = time.monotonic() + TIMEOUT_S
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "Z":  # ended; whoever took it over has not looked yet
            break
        time.sleep(0.1)
    else:
        assert not Path(f"/proc/{pid}").exists()
    parent.stdout.close()


@pytest.mark.parametrize("arguments, status", [([], 2), (["--wrong"], 2), (["--help"], 0), (["--version"], 0)])
def test_command_line(arguments, status):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == status
    assert "cyclecloud-watch" in (done.stdout if status == 0 else done.stderr)
