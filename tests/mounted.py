# SPDX-License-Identifier: MIT
"""What tests do with a tree, whichever server shows it."""
import os
import pathlib
import shutil
import subprocess
import tempfile


def is_mounted(path):
    with open("/proc/self/mountinfo") as f:
        return any(line.split()[4] == str(path) for line in f)


def mount_flags(path):
    """The words of mount(8) for what is mounted there: ro, noexec ..."""
    with open("/proc/self/mountinfo") as f:
        return next(line for line in f if line.split()[4] == str(path)).split()[5].split(",")


def take_away(path):
    """Unmounts whatever is left there."""
    while is_mounted(path):
        if subprocess.run(["umount", "-l", str(path)], capture_output=True).returncode:
            break


class Mounted:
    """A temporary directory with a mount point in it, and the files of what is mounted there."""

    def __init__(self, prefix):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.dir.chmod(0o755)
        self.mount = self.dir / "mnt"
        self.mount.mkdir()

    def remove(self):
        """Unmounts whatever is left, and takes the directory away."""
        take_away(self.mount)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return self.mount.joinpath(*parts)

    def read(self, *parts):
        return self.path(*parts).read_text()

    def write(self, text, *parts, flags=os.O_WRONLY | os.O_TRUNC):
        """One write(2) of the whole text; raises OSError as the caller of write or close sees it."""
        fd = os.open(self.path(*parts), flags)
        try:
            data = text.encode() if isinstance(text, str) else text
            while data:
                data = data[os.write(fd, data):]
        finally:
            os.close(fd)

    def error(self, cluster="c"):
        return self.read(cluster, "error")

    def nodes(self, cluster="c"):
        """Names of the node directories."""
        return sorted(n for n in os.listdir(self.path(cluster, "nodes")) if n != "count")
