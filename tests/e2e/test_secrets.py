# SPDX-License-Identifier: MIT
"""Credentials are never readable: not in the tree, not beside it, not while they are on their way."""
import errno
import mmap
import os
import pathlib
import resource
import signal
import stat
import subprocess

import pytest

from harness import SIMPLE, SUBSCRIPTION, is_mounted, shell, wait_for_mount, wait_until
from people import GROUP, OWNER, USERS, ask

TEMPLATE = SIMPLE.replace("MaxCount = $MaxExecuteCount\n", """MaxCount = $MaxExecuteCount
KeyPairPassword = $Pw
Comment = ${Strcat("before ", Pw, " behind")}
    [[[configuration]]]
    my.secret = $Pw
    my.joined = ${Strcat("x", Pw)}
""") + """[[[parameter Pw]]]
ParameterType = Password
[[[parameter Limit]]]
ParameterType = Integer
DefaultValue = 3
"""

# Every secret of these tests begins with this word, and nothing else does.
MARK = "hunter2"
REFUSED_PARAMETERS = [
    '{"Pw": "hunter2-a" "Limit": 1}', '{"Pw": hunter2-b}', '{"Pw": "hunter2-c', "Pw hunter2-d\n",
    '{"Pw": "hunter2-e\\q"}', "Pw = hunter2-f\nLimit = x\n", '{"Pw": "hunter2-g", "Limit": "x"}',
    "Pw := hunter2-h\n", "Pw := Strcat('hunter2-i', 'hunter2-j'\n", '{"Pw": ["hunter2-k", {}]}]',
    '{"Pw": {"a": "hunter2-l"}}', "Pw = '''hunter2-m\nhunter2-n\n", '{"Pw": "\\u00hunter2-o"}',
]
ACCOUNT = f"""subscription = {SUBSCRIPTION}
tenant = simulated
client_id = simulated
region = eastus
resource_manager = http://127.0.0.1:{{port}}
authority = http://127.0.0.1:{{port}}
"""
REFUSED_ACCOUNTS = ["client_secret hunter2-p\n", "client_secret: hunter2-q\n", "hunter2-r\n",
                    "client_secret = hunter2-s\nclient_secret =\n", "hunter2-z==\n",
                    "client_secret = hunter2-s\nclient_secret = hunter2-t\n",
                    "client_secrets = hunter2-u\n", "client_secret = hunter2-v\nregion = \n"]
REFUSED_PASSWORDS = ["hunter2-w\nhunter2-x\n", "hunter2-\x01y\n", "hunter2" * 1000 + "\n",
                     "hunter2"[:7] + "\n"]


def refused(server, text, *parts):
    with pytest.raises(OSError):
        server.write(text, *parts)


@pytest.fixture(scope="module")
def server(shared_daemon):
    """Secrets of every kind, accepted and refused, in a daemon that tells all it does."""
    d = shared_daemon
    account = ACCOUNT.format(port=d.simulator_port)
    d.write(f"[server]\nlog_level = debug\n[account own]\n{account}client_secret = hunter2-own\n",
            "system", "config")
    d.make_cluster("c", TEMPLATE)
    os.chmod(d.path("c"), 0o775)
    os.chown(d.path("c"), OWNER, GROUP)
    d.write('{"Pw": "hunter2-parameter"}', "c", "parameters")
    os.mkdir(d.path("users", "alice"))
    d.write("hunter2-user\n", "users", "alice", "password")
    d.write("2\n", "c", "nodes", "count")
    assert d.sync("c", "nodes", "count") == ""
    return d


def found(server, user, *places):
    """What grep finds as a user, names and lines."""
    def grep():
        return subprocess.run(["grep", "-r", "-a", "-i", "-e", MARK, "-e", "[$]y[$]", "-e",
                               "PRIVATE KEY", *map(str, places or [server.mount])],
                              capture_output=True, text=True).stdout
    return ask(user, grep)[1]


@pytest.mark.parametrize("user", USERS)
def test_nowhere_in_the_tree(server, user):
    assert "********" in server.read("c", "parameters")
    for path in ("definition", "arrays/execute/attributes", "nodes/execute-1/configuration"):
        assert "********" in server.read("c", *path.split("/")), path
    assert found(server, user) == ""


@pytest.mark.parametrize("text", REFUSED_PARAMETERS)
def test_refused_parameters(server, text):
    refused(server, text, "c", "parameters")
    assert server.error("c").startswith("refused: parameters: ")
    for user in USERS:
        assert found(server, user) == ""
    assert "Pw" in server.read("c", "parameters.rejected")


def test_refused_parameters_before_a_template(server):
    os.mkdir(server.path("early"))
    refused(server, '{"Pw": "hunter2-early', "early", "parameters")
    server.write('{"Pw": "hunter2-early"}', "early", "parameters")
    assert found(server, "root") == ""
    os.rmdir(server.path("early"))


def test_refused_accounts(server):
    text = server.read("system", "accounts", "own").replace("client_secret = ********\n", "")
    config = server.read("system", "config").split("[account own]\n")[0]
    for line in REFUSED_ACCOUNTS:
        refused(server, text + line, "system", "accounts", "own")
        refused(server, f"{config}[account own]\n{text}{line}", "system", "config")
        assert found(server, "root") == "", line


@pytest.mark.parametrize("text", REFUSED_PASSWORDS)
def test_refused_passwords(server, text):
    refused(server, text, "users", "alice", "password")
    assert found(server, "root") == ""


def test_logs_and_the_outside(server):
    """The log, the program's arguments and environment, and what HTTP tells."""
    assert found(server, "root", server.state / "log") == ""
    for name in ("cmdline", "environ"):
        assert MARK not in pathlib.Path(f"/proc/{server.pid}/{name}").read_text(), name
    for page in ("metrics", "health"):
        assert MARK not in shell(f"curl -sf http://127.0.0.1:{server.port}/{page}").stdout


def test_a_password_is_kept_as_a_hash_only(server):
    kept = shell(f"grep -r -l -a hunter2-user {server.state}", check=False).stdout
    assert kept == ""


def test_state_directory(server):
    """A stranger reads the template library and the projects, and learns the pid; no more."""
    open_to_all = ("templates", "projects", "cyclecloudfs.pid")
    paths = sorted(server.state.rglob("*"))
    assert len(paths) > 20 and stat.S_IMODE(server.state.stat().st_mode) == 0o711

    def readable():
        return [str(p) for p in paths if os.access(p, os.R_OK)]
    for user in ("owner", "member", "stranger"):
        for path in ask(user, readable)[1]:
            assert pathlib.Path(path).relative_to(server.state).parts[0] in open_to_all, path
        assert found(server, user, server.state) == ""
    for path in paths:
        assert not path.stat().st_mode & 0o022, path
    for name, mode in {"secrets": 0o700, "ssh": 0o700, "db": 0o700, "armsim": 0o700, "log": 0o640,
                       "ssh/id_ed25519": 0o600, "db/data.mdb": 0o600}.items():
        assert stat.S_IMODE((server.state / name).stat().st_mode) == mode, name


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_a_state_directory_that_others_write_is_refused(make_daemon, mode):
    daemon = make_daemon()
    daemon.state.mkdir()
    daemon.state.chmod(mode)
    done = daemon.try_start()
    assert done.returncode == 1
    assert "others can write to the state directory" in done.stderr and "chmod go-w" in done.stderr
    assert list(daemon.state.iterdir()) == [] and not is_mounted(daemon.mount)
    daemon.state.chmod(mode & 0o755)
    assert daemon.try_start().returncode == 0


# --- on their way --------------------------------------------------------------------------------

def test_unsaved_text_is_the_writers_alone(server):
    fd = os.open(server.path("c", "parameters"), os.O_RDWR | os.O_TRUNC)
    try:
        os.write(fd, b'{"Pw": "hunter2-unsaved"}')
        assert b"hunter2-unsaved" in os.pread(fd, 100, 0)
        assert found(server, "root") == ""
        os.ftruncate(fd, 0)
        os.write(fd, b"")
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, b'{"Pw": "hunter2-saved"}')
    finally:
        os.close(fd)
    assert found(server, "root") == ""


def test_scratch_file_that_becomes_the_document(server):
    """Its pages, which a mapping may have brought into the kernel's cache, do not show through."""
    scratch = server.path("c", "parameters.tmp")
    scratch.write_text('{"Pw": "hunter2-scratch"}\n')
    scratch.chmod(0o600)
    with open(scratch) as f, mmap.mmap(f.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as pages:
        assert b"hunter2-scratch" in pages[:]
        os.rename(scratch, server.path("c", "parameters"))
        assert found(server, "root", server.path("c", "parameters")) == ""
    assert found(server, "root") == ""
    assert stat.S_IMODE(server.path("c", "parameters").stat().st_mode) == 0o664


def test_what_editors_keep_is_theirs_alone(server):
    """A swap file holds what was typed: nobody but who edits reads it, whatever its mode was."""
    def edit():
        os.umask(0)
        for name in (".parameters.swp", "parameters~", "sedAbCdEf", ".parameters.AbCdEf"):
            with open(server.path("c", name), "w") as f:
                f.write("hunter2-typed\n")
            os.chmod(server.path("c", name), 0o666)

    assert ask("member", edit) == (0, None)
    for user in ("owner", "stranger"):
        assert found(server, user) == ""
    assert found(server, "member").count("hunter2-typed") == 4
    shell("rm .parameters.swp parameters~ sedAbCdEf .parameters.AbCdEf", cwd=server.path("c"))
    assert ask("member", lambda: os.rename(server.path("c", "template"),
                                           server.path("c", "template~")))[0] == 0
    assert ask("member", lambda: server.read("c", "template~"))[1] == TEMPLATE
    assert ask("stranger", lambda: server.read("c", "template~"))[0] == errno.EACCES
    assert ask("member", lambda: os.rename(server.path("c", "template~"),
                                           server.path("c", "template")))[0] == 0
    assert server.read("c", "template") == TEMPLATE


def test_editors_backup_is_masked(server):
    shell("mv parameters parameters~; cat parameters~; cp parameters~ parameters",
          cwd=server.path("c"))
    assert found(server, "root") == ""
    shell("rm parameters~", cwd=server.path("c"))
    configuration = server.read("c", "parameters")
    assert "********" in configuration


def test_no_core_file(make_daemon):
    """The memory of the daemon holds them: it leaves no image of it behind when it dies."""
    daemon = make_daemon()
    command = daemon.command("-f")
    pid = os.fork()
    if pid == 0:
        os.chdir(daemon.dir)
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
        os.execv(command[0], command)
    wait_for_mount(daemon.mount, 20)
    wait_until(lambda: daemon.pid == pid, 20, "the daemon's start")
    os.kill(pid, signal.SIGABRT)
    status = os.waitpid(pid, 0)[1]
    assert os.WTERMSIG(status) == signal.SIGABRT and not os.WCOREDUMP(status)
