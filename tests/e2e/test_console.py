# SPDX-License-Identifier: MIT
"""nodes/NODE/console: what a VM wrote to its serial console, when somebody wants to know."""
import contextlib
import errno
import json
import os
import re
import select
import time
import urllib.request

import pytest

from harness import SIMPLE, shell, wait_until
from inotify import MODIFY, Inotify
from people import GROUP, OWNER, as_user

FAST = "--time-scale=0.01 --seed=1"
# Two seconds to call home.
HASTY = SIMPLE.replace("ImageName = almalinux8", "ImageName = almalinux8\n"
                       "AwaitInstallationTimeout = 2", 1)


def start(daemon, count=1, template=SIMPLE, wait=True):
    """A cluster with so many nodes; the name of the first."""
    daemon.make_cluster("hpc", template)
    daemon.write(f"{count}\n", "hpc", "nodes", "count")
    if wait:
        assert daemon.sync("hpc", "nodes", "count") == ""
    return "execute-1"


def ask(daemon, node):
    daemon.write("console\n", "hpc", "nodes", node, "control")


def console(daemon, node):
    return daemon.path("hpc", "nodes", node, "console").read_bytes()


def logs(daemon, node):
    return daemon.read("hpc", "nodes", node, "logs")


def wait_for_console(daemon, node):
    return wait_until(lambda: console(daemon, node), 20, "a console")


def refused(daemon, node, code, words):
    with pytest.raises(OSError) as caught:
        ask(daemon, node)
    assert caught.value.errno == code
    assert words in daemon.error("hpc"), daemon.error("hpc")


def simulator(daemon, path, body=None):
    url = f"http://127.0.0.1:{daemon.simulator_port}/simulator/{path}"
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as answer:
        return json.load(answer)


def reads(daemon):
    """How many consoles the simulator was asked for."""
    kinds = simulator(daemon, "stats")["by_kind"]
    return sum(kinds.get(kind, 0) for kind in ("read-vm-console", "read-instance-console"))


def test_asked_for(daemon):
    """The write is answered at once; then logs tells, and the file has it."""
    node = start(daemon)
    assert "\n# console " in daemon.read("hpc", "nodes", node, "control")
    assert console(daemon, node) == b""
    assert reads(daemon) == 0
    simulator(daemon, "faults", {"spec": "path=retrieveBoot,slow=2,count=1"})
    began = time.monotonic()
    ask(daemon, node)
    assert console(daemon, node) == b""
    assert time.monotonic() - began < 1.5, "it waited for the cloud"
    text = wait_for_console(daemon, node)
    assert text.startswith(b"[    0.000000] Linux version") and text.endswith(b"login:\r\n")
    assert f"console read: {len(text)} bytes" in logs(daemon, node)
    assert f"hpc/{node}: console read" in daemon.read("hpc", "logs")
    head = "head"
    ask(daemon, head)
    assert b"<head>" in wait_for_console(daemon, head), "a VM of its own"
    stat = daemon.path("hpc", "nodes", node, "console").stat()
    assert stat.st_size == len(text) and stat.st_mode & 0o7777 == 0o440
    assert time.time() - stat.st_mtime < 60


def test_nothing_but_a_wish_reads_one(daemon):
    """A search through all files, and a look at all of them, asks the cloud for nothing."""
    node = start(daemon, 3)
    ask(daemon, node)
    wait_for_console(daemon, node)
    before = reads(daemon)
    found = shell("grep -rl 'Linux version' hpc; ls -lR hpc > /dev/null; tar cf /dev/null hpc",
                  cwd=daemon.mount).stdout.split()
    assert [name for name in found if "/arrays/" not in name] == [f"hpc/nodes/{node}/console"]
    assert reads(daemon) == before == 1


def test_refusals(daemon):
    daemon.make_cluster("hpc")
    refused(daemon, "head", errno.EBUSY,
            "control: node head is Off and has no VM that could have a console")
    daemon.write("1\n", "hpc", "nodes", "count")
    assert daemon.sync("hpc", "nodes", "count") == ""
    assert "console" not in daemon.read("hpc", "control")
    simulator(daemon, "faults", {"spec": "path=retrieveBoot,slow=1,count=1"})
    ask(daemon, "head")
    refused(daemon, "head", errno.EBUSY, "is being read: its logs say when it is there")
    wait_for_console(daemon, "head")
    refused(daemon, "head", errno.EBUSY, "was asked for just now: ask again in ")
    assert int(re.search(r"again in (\d+) s", daemon.error("hpc"))[1]) <= 60
    control = os.open(daemon.path("hpc", "nodes", "execute-1", "control"), os.O_WRONLY)
    os.rmdir(daemon.path("hpc", "nodes", "execute-1"))
    wait_until(lambda: "execute-1" not in daemon.nodes("hpc"), 30, "the end of the node")
    with pytest.raises(OSError) as caught:
        os.write(control, b"console\n")
    with contextlib.suppress(OSError):
        os.close(control)
    assert caught.value.errno in (errno.ENOENT, errno.ESTALE)


def test_why_it_could_not_be_read(daemon):
    """The words of the cloud come to logs; what was read before stays."""
    node = start(daemon, 3)
    for node, spec, words in [
            ("execute-1", "path=retrieveBoot,status=403,count=1", "AuthorizationFailed"),
            ("execute-2", "path=simulated-storage,status=403,count=1",
             "the storage service refused the address"),
            ("execute-3", "path=simulated-storage,status=404,count=1",
             "has not written anything to its console yet")]:
        simulator(daemon, "faults", {"spec": spec})
        ask(daemon, node)
        wait_until(lambda: "console not read: " in logs(daemon, node), 30, f"words of {spec}")
        assert words in logs(daemon, node)
        assert console(daemon, node) == b""
    assert "retrieveBootDiagnosticsData" in logs(daemon, "execute-1"), "what the role lacks"
    assert daemon.read("system", "health").startswith("ok")
    no_secret_is_out(daemon)


def no_secret_is_out(daemon):
    """Neither an address with its signature nor a token is in anything that people read."""
    secrets = re.compile(r"sig=|simulated-storage|serialconsole|eyJ[A-Za-z0-9_-]{20}")
    texts = {"log": daemon.log(), "trace": daemon.read("system", "trace")}
    for name in ("error", "logs", "events", "plan", "status"):
        texts[name] = daemon.read("hpc", name)
    for name in ("events", "logs", "last_error", "status"):
        texts["/" + name] = daemon.read(name)
    for node in daemon.nodes("hpc"):
        texts[node] = logs(daemon, node) + daemon.read("hpc", "nodes", node, "events")
    assert "console" in texts["trace"] and "console" in texts["logs"]
    for name, text in texts.items():
        assert not secrets.search(text), f"{name}: {secrets.search(text)}"


def test_secrets(make_daemon):
    daemon = make_daemon(config="[server]\nlog_level = debug\n").start()
    node = start(daemon)
    ask(daemon, node)
    wait_for_console(daemon, node)
    simulator(daemon, "faults", {"spec": "path=simulated-storage,status=500"})
    ask(daemon, "head")
    wait_until(lambda: "console not read" in logs(daemon, "head"), 60, "the end of the tries")
    no_secret_is_out(daemon)
    state = shell(f"grep -rlaE 'sig=[0-9a-f]{{16}}' {daemon.state} --exclude-dir=armsim || true")
    assert state.stdout == ""
    wire = daemon.azure_log.read_text()
    assert "retrieveBootDiagnosticsData" in wire and "sig=*" in wire, "what they would look like"


def test_large(make_daemon):
    """Of more than 256 KiB the end is kept, and tools that look at the size get all of it."""
    daemon = make_daemon(simulate=f"{FAST} --console-size=700000").start()
    node = start(daemon)
    ask(daemon, node)
    text = wait_for_console(daemon, node)
    assert 262144 - 100 < len(text) <= 262144
    assert text.startswith(b"[    1.") and text.endswith(b"login:\r\n")
    place = f"hpc/nodes/{node}/console"
    done = shell(f"wc -c < {place}; tail -c 8 {place}; tar cf - {place} | tar xfO - | cmp - {place};"
                 f"cp {place} {daemon.dir}/copy; cmp {daemon.dir}/copy {place}",
                 cwd=daemon.mount).stdout
    assert done.split() == [str(len(text)), "login:"]


def test_a_change_wakes_watchers(daemon):
    node = start(daemon)
    place = daemon.path("hpc", "nodes", node, "console")
    with open(place, "rb") as file:
        file.read()
        watcher = Inotify()
        watcher.watch(place, MODIFY)
        poll = select.poll()
        poll.register(file, select.POLLIN | select.POLLPRI | select.POLLERR)
        poll.poll(0)
        ask(daemon, node)
        assert poll.poll(20000), "poll(2) slept on"
        file.seek(0)
        wait_until(lambda: file.seek(0) or file.read(), 20, "the new text in the open file")
    assert watcher.wait_for(MODIFY, seconds=20)


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_who_may_read_it(daemon, mode):
    """A console shows what people would rather not publish: the cluster's mode opens it to no one."""
    node = start(daemon)
    os.chown(daemon.path("hpc"), OWNER, GROUP)
    os.chmod(daemon.path("hpc"), mode)
    ask(daemon, node)
    wait_for_console(daemon, node)
    place = daemon.path("hpc", "nodes", node, "console")
    control = daemon.path("hpc", "nodes", node, "control")
    assert as_user("owner", lambda: place.read_bytes()[0]) == 0
    assert as_user("member", lambda: place.read_bytes()[0]) == 0
    assert as_user("stranger", place.read_bytes) == errno.EACCES
    assert as_user("stranger", daemon.path("hpc", "nodes", node, "status").read_text) == 0
    os.chmod(daemon.path("hpc"), 0o755)
    assert as_user("member", lambda: control.write_text("console\n")) == errno.EACCES


def test_a_restart_keeps_it(daemon):
    node = start(daemon)
    ask(daemon, node)
    text = wait_for_console(daemon, node)
    stat = daemon.path("hpc", "nodes", node, "console").stat()
    daemon.kill()
    daemon.start()
    again = daemon.path("hpc", "nodes", node, "console").stat()
    assert console(daemon, node) == text
    assert (again.st_mtime, again.st_ino, again.st_size) == (stat.st_mtime, stat.st_ino, len(text))
    refused(daemon, node, errno.EBUSY, "was asked for just now: ask again in ")
    assert reads(daemon) == 1


def test_a_wish_outlives_the_daemon(daemon):
    """A write that was answered is on disk, and what it asks for is done after the restart."""
    node = start(daemon)
    simulator(daemon, "faults", {"spec": "path=retrieveBoot,slow=5,count=1"})
    ask(daemon, node)
    daemon.kill()
    daemon.start()
    assert b"login" in wait_for_console(daemon, node)


def test_it_goes_with_the_node(daemon):
    node = start(daemon, 2)
    ask(daemon, node)
    wait_for_console(daemon, node)
    os.rmdir(daemon.path("hpc", "nodes", node))
    wait_until(lambda: node not in daemon.nodes("hpc"), 30, "the end of the node")
    os.mkdir(daemon.path("hpc", "nodes", node))
    assert console(daemon, node) == b""


def test_a_node_that_does_not_call_home(make_daemon):
    """Its console is read before its VM is given up, and stays when there is another one."""
    daemon = make_daemon(simulate=f"{FAST} --no-agents").start()
    node = start(daemon, template=HASTY, wait=False)
    text = wait_until(lambda: console(daemon, node), 60, "the console of a lost VM")
    assert b"cloud-init" in text
    wait_until(lambda: "Timeout awaiting system boot-up" in logs(daemon, node), 60, "the timeout")
    lines = logs(daemon, node)
    assert lines.index("console read") < lines.index("Timeout awaiting system boot-up")
    wait_until(lambda: daemon.read("hpc", "nodes", node, "resource_id") == "\n" or
               logs(daemon, node).count("VM created") > 1, 60, "the next VM")
    assert console(daemon, node)
    assert wait_for_console(daemon, "head")
    hint = "Timeout awaiting system boot-up: the node's file `console` shows how far it came"
    wait_until(lambda: f"head: 1 node: retries: {hint}" in daemon.error("hpc"), 30, "a hint")
    assert hint in daemon.read("hpc", "status")


def test_an_installation_that_failed(make_daemon):
    """The agent called, and said that it could not do its work: the console may say more."""
    daemon = make_daemon(simulate=f"{FAST} --boot-fail-rate=1").start()
    start(daemon, 6, wait=False)
    failed = wait_until(
        lambda: [node for node in daemon.nodes("hpc") if "failed: " in logs(daemon, node)], 60,
        "a node whose agent fails")
    assert b"the installation failed" in wait_for_console(daemon, failed[0])
    assert daemon.read("hpc", "nodes", failed[0], "status") == "Failed\n"
    assert daemon.read("hpc", "nodes", failed[0], "resource_id") != "\n", "its VM stays"


def test_a_vm_that_is_not_provisioned(make_daemon):
    """Azure made a machine that did not come up: it is kept until its console has been read."""
    daemon = make_daemon(simulate="--time-scale=0.1 --seed=1 "
                         "--fault=method=PUT,path=ScaleSets,capacity=0,"
                         "code=OSProvisioningTimedOut,count=1 "
                         "--fault=method=PUT,path=virtualMachines/,capacity=0,"
                         "code=OSProvisioningTimedOut,count=1").start()
    node = start(daemon, wait=False)
    for name in (node, "head"):
        assert b"does not exist" in wait_for_console(daemon, name), logs(daemon, name)
    wait_until(lambda: "VM lost: OSProvisioningTimedOut" in logs(daemon, node), 60, "the loss")
    wait_until(lambda: daemon.read("hpc", "nodes", node, "status") == "Ready\n", 60, "another VM")
