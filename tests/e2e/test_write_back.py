# SPDX-License-Identifier: MIT
"""Files that are written back, copied or emptied: nothing starts, nothing ends, nothing is lost."""
import errno
import json
import os
import shutil

import pytest

from harness import SIMPLE, shell, wait_until

BAD = "[clutser x]\n"


@pytest.fixture(scope="module")
def server(shared_daemon):
    shared_daemon.make_cluster("x")
    shared_daemon.write("MaxExecuteCount = 7\n", "x", "parameters")
    shell("mkdir empty; mkdir users/alice", cwd=shared_daemon.mount)
    return shared_daemon


def writable(server):
    """The files that root can read and write: all that take a write, but for the password."""
    found = []
    for at, dirs, names in os.walk(server.mount):
        dirs[:] = [d for d in dirs if not os.path.islink(os.path.join(at, d))]
        found += [os.path.join(at, n) for n in names
                  if os.stat(os.path.join(at, n)).st_mode & 0o600 == 0o600]
    return sorted(found)


def requests(server):
    """What was asked of the cloud that changes something there."""
    with open(server.azure_log) as log:
        lines = [json.loads(line) for line in log]
    return [(line["method"], line.get("path") or line.get("url")) for line in lines
            if line.get("method") in ("PUT", "PATCH", "DELETE")
            or (line.get("method") == "POST" and "/oauth2/" not in str(line)
                and "Graph" not in str(line))]


def world(server):
    return {"events": server.read("events"), "requests": requests(server),
            "documents": [server.read(c, n) for c in ("x", "empty") for n in ("template", "parameters")],
            "counts": server.read("x", "nodes", "count"),
            "max": server.read("x", "arrays", "execute", "max_count"),
            "config": server.read("system", "config")}


def write_back(server):
    before = world(server)
    files = writable(server)
    for path in files:
        with open(path, "rb") as f:
            text = f.read()
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(fd, text)
        finally:
            os.close(fd)
    assert world(server) == before
    return {os.path.relpath(p, server.mount) for p in files}


def test_what_was_read_is_written(server):
    """In each state that lasts; those that a cluster passes through are test-view-write-back's."""
    rows = write_back(server)
    assert {"x/control", "x/template", "x/parameters", "x/state", "x/nodes/count", "empty/template",
            "x/arrays/execute/count", "x/arrays/execute/max_count", "x/nodes/head/keepalive",
            "x/nodes/head/control", "system/config", "users/alice/uid"} <= rows
    server.write("2\n", "x", "nodes", "count")
    assert server.sync("x", "nodes", "count") == ""
    wait_until(lambda: server.read("x", "state") == "started\n", 20, "the start")
    write_back(server)
    with pytest.raises(OSError):
        server.write(BAD, "x", "template")
    write_back(server)
    assert server.error("x").startswith("ok\n")  # the last write was a good one
    assert not server.path("x", "template.rejected").exists()


@pytest.mark.skipif(not shutil.which("vim"), reason="needs vim")
@pytest.mark.parametrize("name", ["control", "state", "nodes/count", "template", "parameters"])
def test_saved_by_vim(server, name):
    before = world(server)
    shell(f"vim -es -u NONE -c wq x/{name}", cwd=server.mount)
    assert world(server) == before


COPIES = {
    "cp": "mkdir {to}; cp -r x/. {to}/",
    "rsync": "rsync -a x/ {to}/",
    "tar": "mkdir {to}; tar -C x -cf - . | tar -C {to} -xf -",
    "python": "python3 -c 'import shutil, os; os.mkdir(\"{to}\");"
              " shutil.copytree(\"x\", \"{to}\", dirs_exist_ok=True)'",
}


def definition(server, cluster):
    return server.read(cluster, "definition").replace(f'"{cluster}"', '"NAME"')


@pytest.mark.parametrize("program", COPIES)
def test_copies_are_off(server, program):
    if not shutil.which(program.replace("python", "python3")):
        pytest.skip(f"needs {program}")
    to, before = f"copy-{program}", requests(server)
    shell(COPIES[program].format(to=to), cwd=server.mount, check=False)
    assert server.read(to, "state") == "off\n"
    assert server.nodes(to) == ["head"]
    assert server.read(to, "nodes", "count") == "0\n"
    for name in ("template", "parameters"):
        assert server.read(to, name) == server.read("x", name)
    assert definition(server, to) == definition(server, "x")
    assert requests(server) == before
    shell(f"rmdir {to}", cwd=server.mount)


def test_restored_over_itself(server, tmp_path):
    """cp -r backup/. x/: nothing that a backup holds ends what runs."""
    shell(f"cp -r x/. {tmp_path}/x", cwd=server.mount)
    before = world(server)
    shell(f"cp -r {tmp_path}/x/. x/", cwd=server.mount, check=False)
    assert world(server) == before


EMPTY = {
    "rename": "cp /dev/null template.tmp; mv -f template.tmp template",
    "rsync": "rsync {empty} template",
    "by path": "python3 -c 'import os; os.truncate(\"template\", 0)'",
    "larger": "truncate -s 5M template",
    "larger by path": "python3 -c 'import os; os.truncate(\"template\", 5 << 20)'",
    "shorter": "truncate -s 30 template",
    "parameters": "cp /dev/null parameters.tmp; mv -f parameters.tmp parameters",
    "comments": "echo '# all gone' > parameters.tmp; mv -f parameters.tmp parameters",
}


@pytest.mark.parametrize("how", EMPTY)
def test_emptied(server, tmp_path, how):
    """A document that lost its text is refused, in words, and the old one stays."""
    if "rsync" in how and not shutil.which("rsync"):
        pytest.skip("needs rsync")
    (tmp_path / "empty").write_text("")
    before = world(server)
    done = shell(EMPTY[how].format(empty=tmp_path / "empty"), cwd=server.path("x"), check=False)
    assert done.returncode != 0
    assert done.stderr
    assert world(server) == before
    if "larger" not in how and how != "shorter":
        assert "and what was stored stays" in server.error("x") or \
            "and those stored stay" in server.error("x")
    shell("rm -f *.tmp", cwd=server.path("x"))


@pytest.mark.parametrize("command", [
    ": > template; cp /dev/null parameters", "truncate -s 0 template",
    "rsync --inplace /dev/null template || true"])
def test_truncation_alone_says_nothing(server, command):
    """A program truncates a document before it has a text for it."""
    before = world(server)
    shell(command, cwd=server.path("x"))
    assert world(server) == before


def test_a_shorter_text_is_written(server):
    """truncate(2) is a write as any other: what is left is checked, and comes into force."""
    text = SIMPLE + "# the end\n"
    shell("mkdir t", cwd=server.mount)
    server.write(text, "t", "template")
    os.truncate(server.path("t", "template"), len(SIMPLE))
    assert server.read("t", "template") == SIMPLE
    with pytest.raises(OSError) as refused:
        os.truncate(server.path("t", "template"), len(SIMPLE) + 1)  # a NUL byte
    assert refused.value.errno == errno.EINVAL
    assert server.read("t", "template") == SIMPLE
    shell("rmdir t", cwd=server.mount)
