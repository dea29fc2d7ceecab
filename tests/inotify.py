# SPDX-License-Identifier: MIT
"""inotify(7) for tests."""
import ctypes
import os
import select
import struct
import time

from harness import SLOW

MODIFY, CLOSE_WRITE, CREATE, DELETE = 0x2, 0x8, 0x100, 0x200
LIBC = ctypes.CDLL(None, use_errno=True)


class Inotify:
    """Events of watched paths."""

    def __init__(self):
        self.fd = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    def watch(self, path, mask):
        wd = LIBC.inotify_add_watch(self.fd, str(path).encode(), mask)
        assert wd >= 0, os.strerror(ctypes.get_errno())
        return wd

    def events(self, seconds):
        """What comes within a time, as (watch, mask, name)."""
        found = []
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                break
            data = os.read(self.fd, 65536)
            while data:
                wd, mask, _, size = struct.unpack_from("iIII", data)
                found.append((wd, mask, data[16:16 + size].rstrip(b"\0").decode()))
                data = data[16 + size:]
        return found

    def wait_for(self, mask, name=None, seconds=5):
        """The first event of that kind."""
        end = time.monotonic() + seconds * SLOW
        seen = []
        while time.monotonic() < end:
            seen += self.events(0.1)
            for event in seen:
                if event[1] & mask and name in (None, event[2]):
                    return event
        raise AssertionError(f"no such event; these came: {seen}")

    def close(self):
        os.close(self.fd)
