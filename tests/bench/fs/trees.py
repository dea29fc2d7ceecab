# SPDX-License-Identifier: MIT
"""Trees of the same shape: both mounts of cyclecloudfs, tmpfs, and the laboratory file system."""
import os
import pathlib
import shutil
import subprocess

from fs_host import FastHost
from harness import is_mounted, shared, wait_until

# The laboratory file system does nothing but answer, with every cache that the kernel offers.
CACHES = "timeout=100000 neg=100000 data=keep rdp=auto noopendir=1 noxattr=1"
BEST = f"{CACHES} noflush=1"
NOOPEN = f"{CACHES} noopen=1 noflush=2 otrunc=0"  # opening and closing send nothing


class Shape:
    """Names of node directories, and the names and sizes of the files in each of them."""

    def __init__(self, nodes):
        self.nodes = [entry.name for entry in os.scandir(nodes) if entry.is_dir()]
        self.beside = [entry.name for entry in os.scandir(nodes) if not entry.is_dir()]
        first = pathlib.Path(nodes, self.nodes[0])
        self.files = [(name, (first / name).stat().st_size) for name in sorted(os.listdir(first))]


class Tree:
    """A mounted tree: where the node directories are, and who answers (None: the kernel)."""

    def __init__(self, nodes, pid=None):
        self.nodes = pathlib.Path(nodes)
        self.pid = pid

    def requests(self):
        """How many requests its process has read from the kernel so far."""
        with open(f"/proc/{self.pid}/io") as f:
            return int(dict(line.split(":") for line in f)["syscr"])


def plant(root, shape):
    """Makes the shape with mkdir(2) and write(2)."""
    nodes = pathlib.Path(root, "nodes")
    nodes.mkdir()
    for name in shape.beside:
        (nodes / name).write_text("x\n")
    for node in shape.nodes:
        os.mkdir(nodes / node)
        for name, size in shape.files:
            fd = os.open(nodes / node / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(fd, b"x" * size)
            os.close(fd)
    return nodes


def commands(shape):
    """The shape in the words of the laboratory file system's command channel."""
    yield "adddir /nodes"
    for name in shape.beside:
        yield f"add /nodes/{name} x"
    for node in shape.nodes:
        yield f"adddir /nodes/{node}"
        for name, size in shape.files:
            yield f"add /nodes/{node}/{name} {'x' * size}"
    yield "stats"


def laboratory():
    """Where the sources of the laboratory file system are, or None."""
    found = shared() and shared() / "tools" / "fsbench"
    return found if found and (found / "memfs.c").exists() else None


class Trees:
    """All of them, mounted below a directory, with this many nodes. `best` and `noopen`, to which our
    two mounts are compared, only where the laboratory file system is."""

    def __init__(self, directory, nodes):
        self.directory = pathlib.Path(directory)
        self.mounts = []
        self.processes = []
        self.host = FastHost()
        self.trees = {}
        try:
            self._make(nodes)
        except BaseException:
            self.close()
            raise

    def _make(self, nodes):
        self.host.start().make_cluster("c")
        self.host.ask(f"add c {nodes}")
        own = Tree(self.host.path("c", "nodes"), self.host.process.pid)
        shape = Shape(own.nodes)
        self.trees["tmpfs"] = Tree(plant(self._mount_tmpfs(), shape))
        self.trees["cyclecloudfs"] = own
        self.trees["fast_read"] = Tree(self.host.fast_path("c", "nodes"), own.pid)
        for name, options in (("best", BEST), ("noopen", NOOPEN)):
            if laboratory():
                self.trees[name] = self._laboratory(shape, name, options)

    def _place(self, name):
        place = self.directory / name
        place.mkdir()
        self.mounts.append(place)
        return place

    def _mount_tmpfs(self):
        place = self._place("tmpfs")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True)
        return place

    def _laboratory(self, shape, name, options):
        build = self.directory / f"laboratory-{name}"
        shutil.copytree(laboratory(), build)
        subprocess.run(["make", "-s", "-C", str(build), "memfs"], check=True, capture_output=True)
        place, channel, said = self._place(name), build / "channel", build / "said"
        os.mkfifo(channel)
        with open(said, "w") as out:
            process = subprocess.Popen([str(build / "memfs"), str(place), *options.split(),
                                        f"ctl={channel}"], stdout=out, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        wait_until(lambda: is_mounted(place), 20, "the laboratory file system")
        with open(channel, "w") as f:
            f.writelines(line + "\n" for line in commands(shape))
        wait_until(lambda: "\nstats:" in said.read_text(), 120, "its tree")
        return Tree(place / "nodes", process.pid)

    def close(self):
        self.host.cleanup()
        for mount in self.mounts:
            subprocess.run(["umount", "-l", str(mount)], capture_output=True)
        for process in self.processes:
            process.kill()
            process.wait()
