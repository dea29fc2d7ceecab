# SPDX-License-Identifier: MIT
"""What a cluster's files say about its template: where values come from, what an edit changes."""
import json

from harness import SIMPLE, shell, wait_until

HEADING = "nodes that run keep their definition; nodes started from now on get\n"


def changes(daemon, name):
    """The lines of `plan` about an edited template."""
    return daemon.read(name, "plan").partition(HEADING)[2].splitlines()


def test_origins(daemon):
    daemon.make_cluster("hpc")
    daemon.write('{"MaxExecuteCount": 7}', "hpc", "parameters")
    rows = json.loads(daemon.read("hpc", "definition.origin"))
    assert rows["parameters.MaxExecuteCount"] == {"value": 7, "from": "given"}
    assert rows["nodearrays.execute.Attributes.MaxCount"] == {
        "value": 7, "line": 14, "in": "nodearray execute", "parameters": {"MaxExecuteCount": "given"}}
    assert rows["nodes.head.Attributes.ImageName"]["in"] == "node defaults"
    lines = shell("grep head.*MachineType hpc/definition.origin", cwd=daemon.mount).stdout
    assert lines.count("\n") == 1 and '"Standard_D4s_v5"' in lines


def test_plan_shows_what_an_edit_changes(daemon):
    daemon.make_cluster("hpc")
    daemon.write(SIMPLE.replace("D4s", "D2s"), "hpc", "template")
    assert HEADING not in daemon.read("hpc", "plan"), "the cluster is off: nothing runs"
    daemon.write(SIMPLE, "hpc", "template")
    shell("echo 1 > hpc/nodes/count; sync hpc/nodes/count", cwd=daemon.mount)
    assert changes(daemon, "hpc") == []
    edited = SIMPLE.replace("ImageName = almalinux8", "ImageName = almalinux9\nTags.team = x")
    daemon.write(edited, "hpc", "template")
    expected = [f"{node}.Attributes.{what}" for node in ("nodes.head", "nodearrays.execute")
                for what in ('ImageName: "almalinux8" -> "almalinux9"', "Tags: added")]
    assert changes(daemon, "hpc") == expected
    daemon.write('{"ExecuteMachineType": "Standard_F4s_v2"}', "hpc", "parameters")
    machine = ('nodearrays.execute.Attributes.MachineType: "Standard_F2s_v2" -> "Standard_F4s_v2"')
    assert sorted(changes(daemon, "hpc")) == sorted(expected + [machine])
    daemon.terminate()
    daemon.start()
    wait_until(lambda: daemon.read("hpc", "state") == "started\n", 60, "the cluster again")
    assert sorted(changes(daemon, "hpc")) == sorted(expected + [machine])
    daemon.write("{}", "hpc", "parameters")
    daemon.write(SIMPLE, "hpc", "template")
    assert changes(daemon, "hpc") == [], "back to what runs"
    daemon.write(edited, "hpc", "template")
    shell("echo terminated > hpc/state; sync hpc/state", cwd=daemon.mount)
    assert daemon.read("hpc", "state") == "off\n"
    assert changes(daemon, "hpc") == [], "nothing runs any more"


def test_nodes_show_what_they_were_made_from(daemon):
    site = "[[[configuration site]]]\nversion = "
    text = SIMPLE.replace("[parameters About]", f"{site}%s\n[parameters About]")
    daemon.make_cluster("hpc", text % "one")
    shell("echo 2 > hpc/nodes/count; sync hpc/nodes/count", cwd=daemon.mount)
    daemon.write(text % "two", "hpc", "template")
    shell("echo 3 > hpc/nodes/count; sync hpc/nodes/count", cwd=daemon.mount)

    def versions():
        return [json.loads(daemon.read("hpc", "nodes", f"execute-{i}", "configuration"))["site"]
                ["version"] for i in (1, 2, 3)]
    assert versions() == ["one", "one", "two"]
    kept = "keep: execute: 2 nodes (execute-1, execute-2) made from an earlier definition"
    assert kept in daemon.read("hpc", "plan")
    daemon.write(SIMPLE.partition("[[nodearray")[0] + SIMPLE[SIMPLE.index("[parameters"):],
                 "hpc", "template")
    daemon.terminate()
    daemon.start()
    assert versions() == ["one", "one", "two"]
    wait_until(lambda: "nodearray execute is no longer in the template"
               in daemon.read("hpc", "plan"), 30, "the plan to say what stays")
    shell("rmdir hpc/nodes/execute-*; sync hpc/nodes/count", cwd=daemon.mount)
    wait_until(lambda: "execute" not in daemon.read("hpc", "status"), 30, "the end of the array")


def test_all_errors_of_a_template_are_told(daemon):
    daemon.make_cluster("hpc")
    bad = SIMPLE.replace("MaxCount = $MaxExecuteCount", "MaxCount = $MaxExecutCount\nMaxCoreCount = many\nX := (")
    path = daemon.path("hpc", "template")
    done = shell(f"cat > {path} <<'END'\n{bad}END", check=False)
    assert done.returncode == 0 or "Invalid argument" in done.stderr
    error = daemon.error("hpc")
    assert error.startswith("refused: template:"), error
    assert "expected a value" in error
    assert "Parameter MaxExecutCount is not known" in error
    assert "did you mean MaxExecuteCount?" in error
    assert "expected a whole number" in error
    assert daemon.read("hpc", "template") == SIMPLE


LATE = SIMPLE.replace("[[nodearray execute]]", """\
[[[configuration site]]]
self = ${head.instance.PrivateIp}
[[nodearray execute]]""").replace("[parameters About]", """\
[[[configuration site]]]
master = tcp://${head.instance.PrivateIp}:6444
filer = ${filer.instance.privateip}
[noderef filer]
Name = head
SourceClusterName = store
[parameters About]""")


def test_addresses_of_heads_become_known(daemon):
    daemon.make_cluster("hpc", LATE)
    assert daemon.error("hpc").startswith("ok\n"), daemon.error("hpc")
    assert json.loads(daemon.read("hpc", "definition"))["nodearrays"][0]["LateBound"] == {
        "Configuration.site.master": "tcp://${head.instance.PrivateIp}:6444",
        "Configuration.site.filer": "${filer.instance.privateip}"}
    shell("echo 1 > hpc/nodes/count; sync hpc/nodes/count", cwd=daemon.mount)

    def address(cluster):
        return daemon.read(cluster, "nodes", "head", "private_ip").strip()

    def site(node):
        return json.loads(daemon.read("hpc", "nodes", node, "configuration")).get("site", {})
    worker = next(n for n in daemon.nodes("hpc") if n != "head")
    master = f"tcp://{address('hpc')}:6444"
    assert site(worker) == {"master": master}, "the filer is not there yet"
    assert site("head") == {"self": address("hpc")}
    daemon.make_cluster("store")
    shell("echo start > store/control", cwd=daemon.mount)
    wait_until(lambda: site(worker) == {"master": master, "filer": address("store")}, 60,
               "the address of the filer in the configuration")
    daemon.terminate()
    daemon.start()
    wait_until(lambda: site(worker) == {"master": master, "filer": address("store")}, 60,
               "the same after a restart")
    assert changes(daemon, "hpc") == [], "an address that becomes known is no edit"


def test_an_address_that_does_not_fit_is_told(daemon):
    wrong = SIMPLE.replace("MaxCount = $MaxExecuteCount",
                           "MaxCount = 5\nPriority = x${head.instance.PrivateIp}")
    daemon.make_cluster("hpc", wrong)
    assert "Priority" not in daemon.error("hpc")
    shell("echo 1 > hpc/nodes/count; sync hpc/nodes/count", cwd=daemon.mount)
    wait_until(lambda: "Priority of nodearray execute: expected a whole number"
               in daemon.error("hpc"), 30, "the warning")
    assert daemon.error("hpc").startswith("ok\n")
    assert daemon.read("hpc", "state") == "started\n"
