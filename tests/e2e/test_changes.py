# SPDX-License-Identifier: MIT
"""Changes of the tree itself: mkdir, rmdir, mv, chmod, chown; and the watched real directories."""
import errno
import json
import os
import subprocess
import time

import pytest

from harness import SLOW, shell, wait_until


@pytest.fixture
def cluster(shared_daemon):
    """A cluster that is off, called c."""
    shared_daemon.make_cluster("c")
    yield shared_daemon
    for name in os.listdir(shared_daemon.mount):
        path = shared_daemon.path(name)
        if path.is_dir() and not path.is_symlink() and name not in ("system", "users"):
            shell(f"echo terminated > {name}/state; sync {name}/state; rmdir {name}",
                  cwd=shared_daemon.mount)


def fails(call, *arguments):
    """The errno with which a system call is refused."""
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return caught.value.errno


def mode(path):
    return oct(path.stat().st_mode & 0o7777)


# --- mv ------------------------------------------------------------------------------------------

def test_rename(cluster):
    inode = cluster.path("c").stat().st_ino
    shell("mv c renamed", cwd=cluster.mount)
    assert not cluster.path("c").exists()
    assert cluster.path("renamed").stat().st_ino == inode
    assert cluster.read("renamed", "template")
    assert cluster.read("status").startswith("renamed ")
    os.mkdir(cluster.path("c"))  # the old name is free


def test_rename_with_a_file_open(cluster):
    with open(cluster.path("c", "state")) as state:
        os.rename(cluster.path("c"), cluster.path("d"))
        assert state.read() == "off\n"
    assert cluster.read("d", "state") == "off\n"


@pytest.mark.parametrize("name, code, words", [
    ("jobs", errno.EINVAL, "reserved"), (".x", errno.EINVAL, "reserved"),
    ("a b", errno.EINVAL, "is not a name"), ("a" * 64, errno.EINVAL, "at most 63"),
    ("other", errno.EEXIST, "exists"), ("users/c", errno.EPERM, ""), ("system/c", errno.EPERM, "")])
def test_rename_refused(cluster, name, code, words):
    os.mkdir(cluster.path("other"))
    assert fails(os.rename, cluster.path("c"), cluster.path(name)) == code
    assert words in cluster.read("last_error")
    assert cluster.path("c", "template").exists()


def test_rename_while_it_runs(cluster):
    cluster.write("started\n", "c", "state")
    assert fails(os.rename, cluster.path("c"), cluster.path("d")) == errno.EBUSY
    assert "only while it is off" in cluster.error("c")


@pytest.mark.parametrize("path", ["system", "users", "c/nodes", "c/arrays", "c/arrays/execute",
                                  "c/state", "status"])
def test_nothing_else_is_renamed(cluster, path):
    assert fails(os.rename, cluster.path(path), cluster.path("d")) in (errno.EPERM, errno.EXDEV)


# --- chmod, chown --------------------------------------------------------------------------------

def test_access_is_kept(make_daemon):
    daemon = make_daemon().start()
    daemon.make_cluster("c")
    daemon.path("c").chmod(0o770)
    os.chown(daemon.path("c"), 1234, 5678)
    for _ in range(2):
        stat = daemon.path("c").stat()
        assert (stat.st_uid, stat.st_gid, mode(daemon.path("c"))) == (1234, 5678, "0o770")
        assert mode(daemon.path("c", "state")) == "0o660"
        assert mode(daemon.path("c", "status")) == "0o440"
        assert daemon.path("c", "nodes", "count").stat().st_gid == 5678
        daemon.kill()
        wait_until(lambda: daemon.try_start().returncode == 0, 20, "another start")


def test_access_is_asked(cluster):
    def other(command):
        return subprocess.run(["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
                               "bash", "-c", command], cwd=cluster.mount, capture_output=True,
                              text=True)
    cluster.path("c").chmod(0o755)
    assert other("cat c/status").returncode == 0
    for command in ("echo 1 > c/nodes/count", "echo x > c/template", "rmdir c", "chmod 777 c",
                    "chown 12345 c", "mkdir c/nodes/execute-5", "mv c d"):
        assert other(command).returncode != 0, command
    cluster.path("c").chmod(0o750)
    assert other("cat c/status").returncode != 0
    os.chown(cluster.path("c"), 12345, -1)
    assert other("cat c/status; chmod 700 c").returncode == 0
    assert mode(cluster.path("c")) == "0o700"


def test_inside_nothing_changes(cluster):
    for name in ("state", "template", "nodes", "nodes/count", "arrays/execute"):
        assert fails(os.chmod, cluster.path("c", name), 0o600) == errno.EPERM
        assert fails(os.chown, cluster.path("c", name), 1, 1) == errno.EPERM
    for path in ("system", "users", "README", "system/config"):
        assert fails(os.chmod, cluster.path(path), 0o600) == errno.EPERM


def test_umask(cluster):
    shell("umask 027; mkdir tight", cwd=cluster.mount)
    assert mode(cluster.path("tight")) == "0o750"


# --- nodes ---------------------------------------------------------------------------------------

def test_node_by_name(cluster):
    assert fails(os.mkdir, cluster.path("c", "nodes", "execute-77")) == errno.EBUSY
    assert "the cluster is off" in cluster.error("c")
    cluster.write("started\n", "c", "state")
    os.mkdir(cluster.path("c", "nodes", "execute-77"))
    assert cluster.read("c", "nodes", "count") == "1\n"
    assert cluster.read("c", "nodes", "execute-77", "array") == "execute\n"
    assert cluster.sync("c", "nodes", "count") == ""
    assert cluster.read("c", "nodes", "execute-77", "status") == "Ready\n"
    assert os.readlink(cluster.path("c", "arrays", "execute", "nodes", "execute-77")) == \
        "../../../nodes/execute-77"
    cluster.write("true\n", "c", "nodes", "execute-77", "keepalive")
    assert fails(os.rmdir, cluster.path("c", "nodes", "execute-77")) == errno.EBUSY
    assert "keepalive" in cluster.error("c")
    cluster.write("false\n", "c", "nodes", "execute-77", "keepalive")
    os.rmdir(cluster.path("c", "nodes", "execute-77"))
    assert cluster.read("c", "nodes", "count") == "0\n"
    assert cluster.sync("c", "nodes", "count") == ""
    assert cluster.nodes("c") == ["head"]


@pytest.mark.parametrize("name, code, words", [
    ("other-1", errno.EINVAL, "no nodearray fits"), ("head-1", errno.EINVAL, "no nodearray fits"),
    ("count", errno.EEXIST, ""), ("a.b", errno.EINVAL, "is not a name"),
    ("execute-" + "x" * 60, errno.EINVAL, "at most 63")])
def test_bad_nodes(cluster, name, code, words):
    assert fails(os.mkdir, cluster.path("c", "nodes", name)) == code
    assert words in cluster.error("c") if words else True
    assert cluster.read("c", "state") == "off\n"


def test_full_array(cluster):
    cluster.write("0\n", "c", "arrays", "execute", "max_count")
    assert fails(os.mkdir, cluster.path("c", "nodes", "execute-1")) == errno.EDQUOT
    assert "max_count" in cluster.error("c") or "MaxCount" in cluster.error("c")


# --- templates and projects ----------------------------------------------------------------------

def changed(daemon, path, since):
    """True when an event after `since` bytes names this path, or a directory above it that was
    just made: that stands for everything in it (cyclecloud-watch(1))."""
    told = [json.loads(line)["data"]["message"]
            for line in daemon.read("events")[since:].splitlines()]
    above = [p for p in path.parents if daemon.state in p.parents and p.parent != daemon.state]
    return any(f"changed: {p}" in told for p in [path, *above])


@pytest.mark.parametrize("top, name", [
    ("templates", "new.txt"), ("templates", "deep/er/new.txt"),
    ("projects", "slurm/project.ini"), ("projects", "slurm/specs/default/cluster-init/a.sh")])
def test_library_changes_are_events(shared_daemon, top, name):
    real = shared_daemon.state / top / name
    assert os.readlink(shared_daemon.path(top)) == str(shared_daemon.state / top)
    since = len(shared_daemon.read("events"))
    shared_daemon.path(top, name).parent.mkdir(parents=True, exist_ok=True)
    shared_daemon.path(top, name).write_text("text\\n")  # through the mount's link
    wait_until(lambda: changed(shared_daemon, real, since), 10 * SLOW, "the event", 0.02)
    time.sleep(0.5)  # what is told together is behind us
    since = len(shared_daemon.read("events"))
    real.unlink()
    wait_until(lambda: changed(shared_daemon, real, since), 5, "the event of the removal", 0.02)
