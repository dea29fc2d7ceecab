# SPDX-License-Identifier: MIT
"""A place where a user may mount, also on machines whose /dev/fuse is for root alone."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

SCRIPT = """
mount -t tmpfs -o mode=755,dev none "$1" && mknod -m 666 "$1/fuse" c 10 229 &&
mount --bind "$1/fuse" /dev/fuse && echo "$2" > "$1/conf" && touch /etc/fuse.conf &&
mount --bind "$1/conf" /etc/fuse.conf && echo ready && read end
"""


class UserMount:
    """A mount namespace of its own, in which anybody opens /dev/fuse; and a user's directory."""

    def __init__(self, uid, configuration=""):
        self.uid = uid
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ccfs-user-"))
        self.dir.chmod(0o755)
        device = self.dir / "dev"
        self.mount = self.dir / "mnt"
        for path in (device, self.mount):
            path.mkdir()
        os.chown(self.mount, uid, uid)
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", str(device),
             configuration], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            self.close()
            pytest.skip("no mount namespace with a /dev/fuse for all can be made here")

    def as_user(self, *command, uid=None):
        """A command line that runs as the user, or another one, in the namespace."""
        uid = self.uid if uid is None else uid
        return ["nsenter", f"--target={self.holder.pid}", "--mount", "setpriv", f"--reuid={uid}",
                f"--regid={uid}", "--clear-groups", *map(str, command)]

    def run(self, *command, uid=None):
        return subprocess.run(self.as_user(*command, uid=uid), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=240)

    def mount_line(self):
        """The mount's line of mountinfo, None when nothing is mounted."""
        text = pathlib.Path(f"/proc/{self.holder.pid}/mountinfo").read_text()
        return next((line for line in text.splitlines() if line.split()[4] == str(self.mount)), None)

    def close(self):
        """Ends the namespace; with its last process its mounts are gone."""
        self.holder.stdin.close()
        self.holder.wait(30)
        self.holder.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)
