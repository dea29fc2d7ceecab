# SPDX-License-Identifier: MIT
"""system/config and system/accounts/NAME: read, written, refused, kept; secrets are never read."""
import errno
import os
import signal
import stat
import subprocess

import pytest

from harness import SUBSCRIPTION, shell, wait_until

SERVER = "# of this house\n[server]\nlog_level = info\n"
KEYS = f"""\
subscription = {SUBSCRIPTION}
tenant = simulated
client_id = simulated
client_secret = simulated
region = westeurope
resource_manager = http://127.0.0.1:{{port}}
authority = http://127.0.0.1:{{port}}
prices = http://127.0.0.1:{{port}}
"""
SECRET_LINE = "client_secret = ********\n"


@pytest.fixture
def server(make_daemon):
    """A daemon whose configuration has one account, [account own], written through the tree."""
    daemon = make_daemon(config=SERVER).start()
    keys = KEYS.format(port=daemon.simulator_port)
    daemon.write(f"{SERVER}\n[account own]\n{keys}", "system", "config")
    return daemon


def refusal(daemon, text, *parts):
    """The errno of a write, and the words for it."""
    with pytest.raises(OSError) as caught:
        daemon.write(text, *parts)
    return caught.value.errno, daemon.read("last_error")


def secrets(daemon):
    path = daemon.state / "secrets"
    return sorted(path.iterdir()) if path.exists() else []


def test_read(make_daemon):
    daemon = make_daemon(config=SERVER).start()
    assert daemon.read("system", "config") == SERVER
    assert os.listdir(daemon.path("system", "accounts")) == ["azure"]  # of --simulate
    text = daemon.read("system", "accounts", "azure")
    assert f"subscription = {SUBSCRIPTION}\n" in text and SECRET_LINE in text
    assert "simulated\n" in text  # the tenant


def test_write(server):
    assert sorted(os.listdir(server.path("system", "accounts"))) == ["azure", "own"]
    assert server.read("system", "config") == server.config.read_text()
    assert server.config.read_text().startswith(SERVER)
    text = server.read("system", "accounts", "own")
    assert text == KEYS.format(port=server.simulator_port).replace(
        "client_secret = simulated\n", SECRET_LINE)
    assert "configuration changed by uid 0" in server.read("logs")


def test_written_account_works(server):
    shell("mkdir c; cp templates/simple.txt c/template; echo 'Credentials = own' > c/parameters;"
          "echo 1 > c/nodes/count; sync c/nodes/count", cwd=server.mount)
    assert server.read("c", "state") == "started\n"
    shell("echo terminated > c/state; sync c/state", cwd=server.mount)


def test_secret_is_kept_apart(server):
    (kept,) = secrets(server)
    assert kept.read_text() == "simulated"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert f"client_secret_file = {kept}\n" in server.config.read_text()
    assert "client_secret =" not in server.config.read_text()


def test_mask_keeps_the_secret(server):
    (kept,) = secrets(server)
    text = server.read("system", "accounts", "own")
    server.write(text.replace("westeurope", "eastus"), "system", "accounts", "own")
    assert server.read("system", "accounts", "own") == text.replace("westeurope", "eastus")
    assert secrets(server) == [kept] and kept.read_text() == "simulated"
    assert server.read("system", "config").startswith(SERVER)  # the rest stays as it was


def test_new_secret_replaces_the_old(server):
    (old,) = secrets(server)
    text = server.read("system", "accounts", "own").replace("********", "another")
    server.write(text, "system", "accounts", "own")
    (new,) = secrets(server)
    assert new != old and new.read_text() == "another"
    for path in ("system/config", "system/accounts/own", "logs", "events", "last_error"):
        assert "another" not in server.read(path)
    assert "another" not in server.log()


def test_refused_secret_changes_nothing(server):
    (old,) = secrets(server)
    text = server.read("system", "accounts", "own").replace("********", "another")
    code, words = refusal(server, text + "regoin = eastus\n", "system", "accounts", "own")
    assert code == errno.EINVAL
    assert "own:9: unknown key 'regoin': did you mean 'region'?" in words
    assert words.startswith("refused: system/accounts/own: ")
    assert secrets(server) == [old] and old.read_text() == "simulated"
    assert "another" not in words


@pytest.mark.parametrize("text, words", [
    ("[sever]\n", "config:1: unknown section [sever]"),
    ("listen = 1:2\n", "before the first section"),
    ("[account x]\nregion = eastus\n", "account 'x': subscription is missing"),
    (f"[account x]\nsubscription = {SUBSCRIPTION}\nclient_secret = ********\n",
     "no secret is kept for it"),
    ("[account x]\nclient_secret =\n", "client_secret has no value"),
    ("[server]\nlog_level = loud\n", "none of error, warning, info, debug"),
    ("".join(f"[account a{i}]\nsubscription = {SUBSCRIPTION}\nmanaged_identity = yes\n"
             "region = eastus\n" for i in range(65)), "at most 64"),
    ("# \0\n", "NUL"),
])
def test_bad_config(server, text, words):
    before = server.config.read_text()
    code, said = refusal(server, text, "system", "config")
    assert code in (errno.EINVAL, errno.EDQUOT)
    assert said.startswith("refused: system/config: ") and words in said
    assert server.config.read_text() == before == server.read("system", "config")
    assert sorted(os.listdir(server.path("system", "accounts"))) == ["azure", "own"]


@pytest.mark.parametrize("text, words", [
    ("[account own]\n", "it holds a [section]"),
    ("region = westeurope\n", "subscription is missing"),
    ("subscription = x\n", "'x' is not a subscription id"),
    ("", "subscription is missing"),
])
def test_bad_account(server, text, words):
    before = server.config.read_text()
    if text:
        code, said = refusal(server, text, "system", "accounts", "own")
        assert code == errno.EINVAL and words in said
    else:
        server.write("", "system", "accounts", "own")  # writes nothing: changes nothing
    assert server.config.read_text() == before


def test_too_large(server):
    code, said = refusal(server, "#\n" * (600 << 10), "system", "config")
    assert code == errno.EFBIG and "1048576" in said


def test_accounts_come_and_go(server):
    server.write(SERVER, "system", "config")
    assert os.listdir(server.path("system", "accounts")) == ["azure"]
    assert secrets(server) == []
    for command in ("touch system/accounts/x", "mkdir system/accounts/x", "rmdir system/accounts"):
        assert shell(command, check=False, cwd=server.mount).returncode != 0
    assert os.listdir(server.path("system", "accounts")) == ["azure"]


def test_unlinking_is_not_removing(server):
    """As editors do it: the name is free for a moment, the document stays in force."""
    before = server.read("system", "config")
    shell("rm config accounts/own", cwd=server.path("system"))
    wait_until(lambda: os.path.exists(server.path("system", "accounts", "own")), 30, "the account")
    wait_until(lambda: os.path.exists(server.path("system", "config")), 30, "the configuration")
    assert server.read("system", "config") == before == server.config.read_text()


def test_edited_file_shows(server):
    """Somebody edits the file itself: the tree follows."""
    server.config.write_text(SERVER + "# by hand\n")
    wait_until(lambda: "# by hand" in server.read("system", "config"), 3, "the new text")
    wait_until(lambda: os.listdir(server.path("system", "accounts")) == ["azure"], 3, "accounts")


@pytest.mark.parametrize("editor", ["sed -i 's/= info/= debug/' config",
                                    "perl -i -pe 's/= info/= debug/' config",
                                    "vim -es -c '%s/= info/= debug/' -c wq config"])
def test_editors(server, editor):
    if not shell(f"command -v {editor.split()[0]}", check=False).stdout:
        pytest.skip(f"needs {editor.split()[0]}")
    shell(editor, cwd=server.path("system"))
    assert "log_level = debug" in server.read("system", "config")
    assert "log_level = debug" in server.config.read_text()


def test_editor_on_an_account(server):
    shell("sed -i 's/westeurope/eastus/' own", cwd=server.path("system", "accounts"))
    assert "region = eastus\n" in server.read("system", "accounts", "own")
    assert os.listdir(server.path("system", "accounts")) == ["azure", "own"]


def test_unused_account_that_cannot_sign_in(server):
    """It is seen in the trace, and does not spoil the server's health."""
    keys = KEYS.format(port=server.simulator_port).replace("client_secret = simulated",
                                                           "client_secret = wrong")
    server.write(f"{server.read('system', 'config')}\n[account bad]\n{keys}", "system", "config")
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: "sweep account=bad: auth" in server.read("system", "trace"), 20, "a sweep")
    assert server.read("system", "health") == "ok\n"
    assert "health: " not in server.read("logs") and "alert: " not in server.read("logs")


def test_symlink_and_mode_are_kept(make_daemon):
    daemon = make_daemon(config=SERVER)
    real = daemon.dir / "real.conf"
    os.rename(daemon.config, real)
    real.chmod(0o600)
    daemon.config.symlink_to(real)
    daemon.start()
    daemon.write(SERVER + "# more\n", "system", "config")
    assert daemon.config.is_symlink() and real.read_text() == SERVER + "# more\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_only_root_writes(server):
    for name in ("config", "accounts/own"):
        done = subprocess.run(["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
                               "bash", "-c", f"echo '[server]' > system/{name}"],
                              cwd=server.mount, capture_output=True, text=True)
        assert done.returncode != 0 and "Permission denied" in done.stderr


def test_inodes_survive(server):
    before = server.path("system", "accounts", "own").stat().st_ino
    server.terminate()
    server.start()
    assert server.path("system", "accounts", "own").stat().st_ino == before
    assert server.read("system", "accounts", "own").count(SECRET_LINE) == 1
