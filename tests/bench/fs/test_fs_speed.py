# SPDX-License-Identifier: MIT
"""Warm operations on 10,000 nodes: against tmpfs, and against the laboratory file system if there."""
import os
import shutil
import statistics
import subprocess
import time

import pytest

from fs_host import Host
from harness import BUILD, KIND, is_mounted, shared

NODES = 10000
ROUNDS = 5
OPERATIONS = ["statone", "pread", "readdir", "lsl", "walk", "grepr"]
LABORATORY = "timeout=100000 neg=100000 data=keep rdp=auto noopendir=1 noflush=1 noxattr=1"
BROKEN = 0.3  # of the laboratory file system: without caches it is a tenth and less; the goal is 0.9


def laboratory():
    """Where its sources are, or None."""
    found = shared() and shared() / "tools" / "fsbench"
    return found if found and (found / "memfs.c").exists() else None


def make_tmpfs(path):
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(path)], check=True)
    for i in range(1, NODES + 1):
        node = path / "nodes" / f"n-{i}"
        node.mkdir(parents=True)
        for name in ("status", "state", "phase"):
            (node / name).write_text("Acquiring\n")
    return path / "nodes"


def make_laboratory(path, tmp_path):
    sources = laboratory()
    if not sources:
        return None
    build = tmp_path / "laboratory"
    shutil.copytree(sources, build)
    subprocess.run(["make", "-s", "-C", str(build), "memfs"], check=True, capture_output=True)
    process = subprocess.Popen([str(build / "memfs"), str(path), *LABORATORY.split(),
                                f"nodes={NODES}", f"flat={NODES}"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not is_mounted(path) and time.monotonic() < end:
        time.sleep(0.05)
    return process


@pytest.fixture
def trees(tmp_path):
    """{name: directory of node directories}"""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse")
    places = {name: tmp_path / name for name in ("tmpfs", "best")}
    for place in places.values():
        place.mkdir()
    host = Host()
    process = None
    try:
        host.start().make_cluster("c")
        host.ask(f"add c {NODES}")
        found = {"tmpfs": make_tmpfs(places["tmpfs"]), "cyclecloudfs": host.path("c", "nodes")}
        process = make_laboratory(places["best"], tmp_path)
        if process:
            found["best"] = places["best"] / "nodes"
        yield found
    finally:
        host.cleanup()
        for place in places.values():
            subprocess.run(["umount", "-l", str(place)], capture_output=True)
        if process:
            process.kill()
            process.wait()


def measure(operation, nodes):
    path = nodes
    if operation in ("statone", "pread"):
        path = next(d for d in nodes.iterdir() if d.is_dir()) / "status"
    seconds = "0.2" if operation in ("statone", "pread", "readdir", "lsl") else "0.05"
    done = subprocess.run([str(BUILD / "tests/bench/fs/fsops"), operation, str(path), seconds],
                          capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.unsanitized
def test_speed(trees):
    for nodes in trees.values():  # everything is looked up and read once
        measure("walk", nodes)
        measure("lsl", nodes)
        measure("grepr", nodes)
    time.sleep(2.5)  # what has just changed is not read through the page cache
    rates = {(o, t): [] for o in OPERATIONS for t in trees}
    for _ in range(ROUNDS):
        for operation in OPERATIONS:
            for tree, nodes in trees.items():
                rates[operation, tree].append(measure(operation, nodes))
    median = {key: statistics.median(values) for key, values in rates.items()}
    names = list(trees)
    print("| operation | " + " | ".join(f"{n} /s" for n in names) + " | of tmpfs | of best |")
    slow = []
    for operation in OPERATIONS:
        own = median[operation, "cyclecloudfs"]
        of_best = own / median[operation, "best"] if "best" in trees else None
        print(f"| {operation} | " + " | ".join(f"{median[operation, n]:,.0f}" for n in names)
              + f" | {own / median[operation, 'tmpfs']:.0%} | "
              + (f"{of_best:.2f} |" if of_best else "- |"))
        if of_best and of_best < BROKEN:
            slow.append(f"{operation}: {of_best:.2f} of the laboratory file system")
    assert KIND not in ("asan", "tsan") and not slow
