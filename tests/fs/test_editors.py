# SPDX-License-Identifier: MIT
"""Editors on a terminal: a good text is stored, a bad one is refused where the user sees it."""
import os
import pty
import re
import select
import shutil
import signal
import struct
import tempfile
import fcntl
import subprocess
import termios
import time

import pytest

from harness import SLOW, shell, wait_until

OLD = "[cluster Old]\n# in force\n"


class Terminal:
    """A program on a terminal of its own, in a home directory of its own."""

    def __init__(self, *command):
        self.text = ""
        self.home = tempfile.TemporaryDirectory(prefix="ccfs-home-")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", HOME=self.home.name, LC_ALL="C.UTF-8")
            os.chdir(self.home.name)
            os.execvp(command[0], [str(c) for c in command])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))

    def read(self, seconds=0.4):
        """What is printed until it is quiet for a moment."""
        end = time.monotonic() + 10 * SLOW
        while select.select([self.fd], [], [], seconds)[0] and time.monotonic() < end:
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                break
        return self.text

    def type(self, keys):
        os.write(self.fd, keys.encode())
        return self.read()

    def wait_for(self, words, timeout=10):
        """Until these words are on the screen; colours and cursor movements do not count."""
        end = time.monotonic() + timeout * SLOW
        while time.monotonic() < end:
            plain = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()].|[=>])", "", self.read(0.1))
            if words in plain:
                return plain
        raise AssertionError(f"'{words}' is not on the screen:\n{self.text[-1500:]}")

    def end(self, timeout=5):
        until = time.monotonic() + timeout * SLOW
        while time.monotonic() < until:
            self.read(0.05)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                self.pid = 0
                break
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@pytest.fixture
def template(host):
    host.write(OLD, "c", "template")
    return host.path("c", "template")


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"needs {program}")


def leftovers(host):
    return [n for n in os.listdir(host.path("c")) if n.endswith("~") or n.startswith((".", "#"))]


VIM = {
    "default": "",
    "backupcopy-yes": "set backupcopy=yes",
    "backupcopy-no": "set backupcopy=no",
    "nowritebackup": "set nowritebackup",
    "backup": "set backup",
    "undofile": "set undofile undodir=.",
}


@needs("vim")
@pytest.mark.parametrize("setting", VIM)
def test_vim(host, template, setting):
    def save(text):
        return subprocess.run(
            ["vim", "-u", "NONE", "-N", "-V1", "-es", "-c", VIM[setting], "-c",
             "set fsync swapfile", "-c", f"2s/.*/{text}/", "-c", "write", "-c", "qa!",
             str(template)],
            capture_output=True, text=True, timeout=30 * SLOW, env={**os.environ, "HOME": "/none"})

    done = save("# saved by vim")
    assert host.read("c", "template") == "[cluster Old]\n# saved by vim\n", done.stderr
    assert host.read("c", "error").startswith("ok")
    done = save("nonsense")
    assert re.search("E667|E512|E514", done.stderr), done.stderr
    assert host.read("c", "template") == "[cluster Old]\n# saved by vim\n"
    assert host.read("c", "error").startswith("refused: template:")
    assert save("# again").returncode == 0
    assert host.read("c", "template") == "[cluster Old]\n# again\n"
    kept = [".un~"] if setting == "undofile" else ["template~"] if setting == "backup" else []
    assert all(any(k in n for k in kept) for n in leftovers(host))


@needs("vim")
def test_vim_on_a_terminal(host, template):
    vim = Terminal("vim", "-u", "NONE", "-N", template)
    vim.wait_for("in force")
    vim.type("Go# typed\x1b:w\r")
    vim.wait_for("written")
    assert host.read("c", "template") == OLD + "# typed\n"
    vim.type("Gononsense\x1b:w\r")
    vim.wait_for("E512")
    assert host.read("c", "template") == OLD + "# typed\n"
    vim.type("\r:q!\r")
    vim.end()
    assert leftovers(host) == []


@needs("nano")
@pytest.mark.parametrize("options", [[], ["-B"]])
def test_nano(host, template, options):
    nano = Terminal("nano", "-I", *options, template)
    nano.wait_for("in force")
    nano.type("\x1b/# typed\x0f\r")  # the end of the buffer; write out; that name
    nano.wait_for("Wrote")
    assert host.read("c", "template") == OLD + "# typed\n"
    nano.type("\x1b/nonsense\x0f\r")
    nano.wait_for("Invalid argument")
    assert host.read("c", "template") == OLD + "# typed\n"
    assert host.read("c", "error").startswith("refused: template:")
    nano.type("\x18n")
    nano.end()


@needs("emacs")
@pytest.mark.parametrize("settings", ["", "(setq make-backup-files nil)",
                                      "(setq backup-by-copying t)"])
def test_emacs(host, template, settings):
    emacs = Terminal("emacs", "-nw", "-Q", "--eval", f"(progn (setq inhibit-x-resources t){settings})",
                     template)
    emacs.wait_for("in force", 20)
    emacs.type("\x1b>")
    emacs.type("# typed\r")
    emacs.type("\x18\x13")
    wait_until(lambda: host.read("c", "template") == OLD + "# typed\n", 10, "the saved text")
    assert not any(n.startswith(".#") for n in os.listdir(host.path("c")))
    emacs.type("nonsense\r")
    emacs.type("\x18\x13")
    emacs.wait_for("nvalid argument")
    assert host.read("c", "template") == OLD + "# typed\n"
    assert host.read("c", "error").startswith("refused: template:")
    emacs.end(0.5)


def test_scratch_names_are_plain_files(host):
    c = host.path("c")
    for name in (".template.swp", "template~", "4913", "#template#", "sedAb12Cd", ".template.Ab12Cd",
                 "x.lock", ".template.un~"):
        shell(f"echo scratch > '{c}/{name}' && cat '{c}/{name}' && ls '{c}' && rm '{c}/{name}'")
        assert not os.path.exists(c / name)
    os.symlink("user@host.1:2", c / ".#template")
    assert os.readlink(c / ".#template") == "user@host.1:2"
    with pytest.raises(PermissionError):
        os.rename(c / ".#template", c / "template")  # a link is no document
    os.unlink(c / ".#template")
    os.rename(c / "template", c / "template~")
    os.rename(c / "template~", c / "template")
    assert "template" in os.listdir(c)
