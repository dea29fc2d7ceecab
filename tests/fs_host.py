# SPDX-License-Identifier: MIT
"""fs-host: the real file system over a pretended engine that tests drive line by line."""
import contextlib
import os
import pathlib
import queue
import signal
import subprocess
import threading
import time

from harness import BUILD, SLOW, wait_until
from mounted import Mounted, is_mounted, take_away

CONNECTIONS = pathlib.Path("/sys/fs/fuse/connections")


def listen(stdout, answers):
    for line in stdout:
        answers.put(line.strip())
    answers.put("the end of its output")


class Host(Mounted):
    """fs-host on a temporary mount."""

    def __init__(self, *options, program="fs-host"):
        super().__init__("ccfs-host-")
        self.program = BUILD / "tests/fs" / program
        self.options = options
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [str(self.program), str(self.mount), *self.options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answers = queue.Queue()
        threading.Thread(target=listen, args=(self.process.stdout, self.answers),
                         daemon=True).start()
        assert self.answers.get(timeout=30 * SLOW) == "ready"
        return self

    @property
    def device(self):
        return os.minor(os.stat(self.mount).st_dev)

    def ask(self, line, timeout=60):
        """Has the pretended engine change something; returns when it is published."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.answers.get(timeout=timeout * SLOW)
        assert answer == "ok", f"{line}: {answer}"

    @contextlib.contextmanager
    def stopped(self):
        """The server cannot be asked meanwhile. Whoever asks it all the same waits for some seconds,
        until it goes on, and the event that this gives is set."""
        asked = threading.Event()

        def go_on():
            asked.set()
            self.process.send_signal(signal.SIGCONT)
        timer = threading.Timer(5 * SLOW, go_on)
        self.process.send_signal(signal.SIGSTOP)
        timer.start()
        try:
            yield asked
        finally:
            timer.cancel()
            self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait(30 * SLOW)

    def stop(self):
        """Ends it as the end of its input does; returns its exit status."""
        self.process.stdin.close()
        return self.process.wait(30 * SLOW)

    def cleanup(self):
        if self.process and self.process.poll() is None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self.stop()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.remove()

    def make_cluster(self, name="c", nodes=0):
        os.mkdir(self.path(name))
        if nodes:
            self.write(f"{nodes}\n", name, "nodes", "count")
        return self


class FastHost(Host):
    """fs-host with the mount for fast reading beside the other one."""

    def __init__(self):
        super().__init__()
        self.fast = self.dir / "fast"
        self.fast.mkdir()
        self.options = ("", "0", str(self.fast))

    def fast_path(self, *parts):
        return self.fast.joinpath(*parts)

    def fast_read(self, *parts):
        return self.fast_path(*parts).read_text()

    def remove(self):
        take_away(self.fast)
        super().remove()


def waiting_workers(pid, patience=5):
    """The threads that wait for requests of the kernel, looked for until there is one; empty where
    /proc/PID/task/TID/wchan tells nothing."""
    end = time.monotonic() + patience * SLOW
    while True:
        tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
        found = [int(t.name) for t in tasks if "fuse_dev" in (t / "wchan").read_text()]
        if found or time.monotonic() > end:
            return found
        time.sleep(0.01)


def connections():
    """Numbers of the FUSE connections that the kernel has."""
    if not CONNECTIONS.is_mount():
        subprocess.run(["mount", "-t", "fusectl", "none", str(CONNECTIONS)], check=True)
    return {int(p.name) for p in CONNECTIONS.iterdir()}


def mounted_devices():
    """Minor numbers of what is mounted: a number is used again."""
    with open("/proc/self/mountinfo") as f:
        return {int(line.split()[2].split(":")[1]) for line in f}


def gone(path):
    """Waits until nothing is mounted at a path."""
    wait_until(lambda: not is_mounted(path), 10, f"no mount at {path}")
