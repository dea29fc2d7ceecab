# SPDX-License-Identifier: MIT
"""cyclecloud-template, and cyclecloudfs --check-template: what they print and how they end."""
import json
import os
import pathlib
import shlex
import subprocess

import pytest

import harness

pytestmark = pytest.mark.no_threads

SIMPLE = harness.ROOT / "templates" / "simple.txt"
WRONG = """\
[cluster c]
[[nod x]]
[[node y]]
MachinType = ${strct("a")}
Extends = z
MaxCount = $Cout
MaxCoreCount = ab
[parameter Count]
"""
WRONG_MESSAGES = """\
-:2:3: error: unknown section type "nod"
    [[nod x]]
      ^
    hint: did you mean node?
-:4:16: error: there is no function strct
    MachinType = ${strct("a")}
                   ^
    hint: did you mean strcat?
-:4:1: warning: MachinType is not a known attribute of node
    MachinType = ${strct("a")}
    ^
    hint: did you mean MachineType?
-:5:11: error: node y extends z, but there is no node of that name
    Extends = z
              ^
-:6:12: warning: Parameter Cout is not known (referenced by node y); the cluster starts only if it is given
    MaxCount = $Cout
               ^
    hint: did you mean Count?
-:7:16: error: MaxCoreCount of node y: expected a whole number, found "ab"
    MaxCoreCount = ab
                   ^
"""


def point(line, column):
    return {"line": line, "byte": column, "character": column, "utf16": column}


def run(*args, text="", program="cyclecloud-template"):
    return subprocess.run([harness.BUILD / program, *map(str, args)], input=text, text=True,
                          capture_output=True, timeout=60 * harness.SLOW)


def real_templates():
    shared = os.environ.get("CYCLECLOUDFS_SHARED")
    return sorted(pathlib.Path(shared, "data", "templates").glob("*.txt")) if shared else []


def test_check_says_ok():
    done = run("check", SIMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{SIMPLE}: ok, 0 errors, 0 warnings\n"


def test_check_tells_everything_at_once():
    done = run("check", "-", text=WRONG)
    assert done.returncode == 1
    assert done.stderr == WRONG_MESSAGES
    assert done.stdout == "-: refused, 4 errors, 2 warnings\n"


def test_check_as_json():
    done = run("check", "--json", "-", text=WRONG)
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (report["ok"], report["errors"], report["warnings"]) == (False, 4, 2)
    assert report["clusters"] == []
    start, end = point(2, 3), point(2, 6)
    assert report["diagnostics"][0] == {
        "file": "-", "severity": "error", "code": "unknown-section", "line": 2, "column": 3,
        "start": start, "end": end, "message": 'unknown section type "nod"',
        "hint": "did you mean node?", "source": "[[nod x]]",
        "fix": {"start": start, "end": end, "replacement": "node"}}
    assert report["diagnostics"][3]["fix"] is None


def test_several_files(tmp_path):
    wrong, right = tmp_path / "a,b:%.txt", tmp_path / "right.txt"
    wrong.write_text(WRONG)
    right.write_text("[cluster c]\n")
    done = run("check", wrong, right)
    assert done.returncode == 1
    assert done.stdout == (f"{wrong}: refused, 4 errors, 2 warnings\n"
                           f"{right}: ok, 0 errors, 0 warnings\n")
    reports = json.loads(run("check", "--format=json", right, wrong).stdout)
    assert [(r["file"], r["ok"]) for r in reports] == [(str(right), True), (str(wrong), False)]
    done = run("check", right, "/nope/t.txt", right)
    assert done.returncode == 2 and done.stdout.count("ok, 0 errors") == 2
    done = run("check", "-", right, text=WRONG)
    assert done.returncode == 1 and "-: refused" in done.stdout


def test_check_for_github(tmp_path):
    path = tmp_path / "a,b:%.txt"
    path.write_text("[cluster c]\n[[node n]]\nMachineType = é$Typ%:,\nSubnetId = s\n[parameter Type]\n")
    done = run("check", "--format=github", path)
    name = str(path).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"::warning file={name},line=3,endLine=3,col=16,endColumn=20,title=undeclared-parameter::"
        "Parameter Typ is not known (referenced by node n); the cluster starts only if it is given"
        "%0Ahint: did you mean Type?\n"
        f"::notice file={name},title=missing-value::missing: Typ: needed to start\n")
    done = run("check", "--format=github", "-", text="[cluster c]\n[[node n]]\nMachineType = $M\n"
               "SubnetId = 100%\n[parameter M]\n")
    assert done.stdout == "::notice file=-,title=missing-value::missing: M: needed to start\n"


def sarif_rules(log):
    return [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]


def test_check_as_sarif(tmp_path):
    path = tmp_path / "a b.txt"
    path.write_text(WRONG)
    done = run("check", "--format=sarif", path, SIMPLE)
    log = json.loads(done.stdout)
    assert (done.returncode, log["version"], len(log["runs"])) == (1, "2.1.0", 1)
    run_, rules = log["runs"][0], sarif_rules(log)
    assert run_["columnKind"] == "unicodeCodePoints"
    assert run_["invocations"] == [{"executionSuccessful": True}]
    for result in run_["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note") and result["message"]["text"]
    uri = f"file://{tmp_path}/a%20b.txt"
    region = {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 6}
    assert run_["results"][0] == {
        "ruleId": "unknown-section", "ruleIndex": rules.index("unknown-section"), "level": "error",
        "message": {"text": 'unknown section type "nod"\nhint: did you mean node?'},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}],
        "fixes": [{"description": {"text": "did you mean node?"}, "artifactChanges": [{
            "artifactLocation": {"uri": uri}, "replacements": [
                {"deletedRegion": region, "insertedContent": {"text": "node"}}]}]}]}


def test_every_code_is_documented():
    rules = sarif_rules(json.loads(run("check", "--format=sarif", SIMPLE).stdout))
    text = (harness.ROOT / "docs" / "DIAGNOSTICS.md").read_text()
    documented = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert documented == rules


def test_parameters_are_checked_with_the_template(tmp_path):
    given = tmp_path / "p.json"
    given.write_text('{"UseSpot": "maybe", "MaxCont": 5}')
    done = run("check", SIMPLE, "-p", given)
    assert done.returncode == 1
    assert done.stderr == (
        f"{given}: error: parameter UseSpot: expected true or false, found \"maybe\"\n"
        f"{given}: warning: the template declares no parameter MaxCont; it is kept\n"
        "    hint: did you mean MaxCount?\n")
    given.write_text('{"UseSpot": "maybe",}')
    done = run("check", SIMPLE, "-p", given)
    assert done.returncode == 1 and done.stderr.startswith(f"{given}: error: line 1")
    given.write_text("UseSpot = maybe\n")
    assert run("check", SIMPLE, "-p", given, "-P", "UseSpot=true").returncode == 0


def test_missing_parameters_are_named():
    text = "[cluster c]\n[[node n]]\nMachineType = $M\nSubnetId = s\n[parameter M]\nLabel = VM Type\n"
    done = run("check", "-", text=text)
    assert (done.returncode, done.stderr) == (0, "-: missing: M (VM Type): needed to start\n")
    report = json.loads(run("check", "-", "--json", text=text).stdout)
    assert report["missing"] == [{"name": "M", "label": "VM Type"}]


def test_expand():
    done = run("expand", SIMPLE, "-P", "MaxCount=7", "-n", "hpc")
    definition = json.loads(done.stdout)
    assert definition["cluster"]["Name"] == "hpc"
    assert definition["nodearrays"][0]["Attributes"]["MaxCount"] == 7


def test_expand_with_origins():
    rows = json.loads(run("expand", "--origins", SIMPLE, "-P", "MaxCount=7").stdout)
    assert rows["nodearrays.execute.Attributes.MaxCount"] == {
        "value": 7, "line": 28, "in": "nodearray execute", "parameters": {"MaxCount": "given"}}
    assert rows["nodes.head.Attributes.Region"]["in"] == "node defaults"


def test_expand_hides_secrets():
    text = ("[cluster c]\n[[node n]]\nPassword = $P\n[parameter P]\nParameterType = Password\n"
            "DefaultValue = hunter2\n")
    for options in [], ["--origins"]:
        done = run("expand", "-", *options, text=text)
        assert done.returncode == 0 and "********" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr


def test_one_of_several_clusters():
    text = "[cluster Base]\nAbstract = true\n[cluster A]\nX = ${ClusterName}\n[cluster B]\nMaxCount = no\n"
    assert json.loads(run("expand", "-", text=text).stdout)["cluster"]["X"] == "A"
    assert run("check", "-", text=text).returncode == 1
    assert run("check", "-", "-c", "a", text=text).returncode == 0
    done = run("expand", "-", "-c", "C", text=text)
    assert done.returncode == 1 and "its clusters are: Base, A, B" in done.stderr


def test_what_is_wrong_for_all_clusters_is_told_once():
    text = "[cluster A]\n[cluster B]\nX = ${1/0}\n[parameter P]\nDefaultValue := 1/0\n"
    done = run("check", "-", text=text)
    assert done.stdout == "-: refused, 2 errors, 0 warnings\n"
    assert [line for line in done.stderr.splitlines() if "error" in line] == [
        "-:3:5: error: X of cluster B: division by zero",
        "-:5:17: error: Parameter P: division by zero"]


def test_schema():
    schema = json.loads(run("schema", SIMPLE).stdout)
    assert schema["properties"]["MaxCount"]["type"] == ["integer", "null"]


def test_project(tmp_path):
    path = tmp_path / "project.ini"
    path.write_text("[project]\nname = x\nversion = 1.10\n[spec a]\nrun_list = b\n")
    assert json.loads(run("expand", path).stdout)["Version"] == "1.10"
    assert run("check", path).stdout == f"{path}: ok, 0 errors, 0 warnings\n"
    done = run("format", path)
    assert done.returncode == 2 and "can be checked and expanded only" in done.stderr
    path.write_text("[project]\n")
    done = run("check", path)
    assert done.returncode == 1 and "the project has no name" in done.stderr


def test_format(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("[cluster c]\n[[node n]]\nA=1 # note\n")
    path.chmod(0o640)
    formatted = "[cluster c]\n    [[node n]]\n    A = 1  # note\n"
    assert run("format", path).stdout == formatted
    assert run("format", "-i", path).stdout == ""
    assert path.read_text() == formatted
    assert path.stat().st_mode & 0o777 == 0o640
    path.write_text("[cluster c]\nA := (\n")
    done = run("format", "-i", path)
    assert done.returncode == 1 and "expected a value" in done.stderr
    assert path.read_text() == "[cluster c]\nA := (\n"


@pytest.mark.parametrize("args, message", [
    (["check", "/nope/t.txt"], "/nope/t.txt: No such file or directory\n"),
    (["check", "--format=xml", "t.txt"],
     "unknown format 'xml': use text, json, github or sarif"),
    (["check", "-", "-"], "standard input (-) can be read only once"),
    (["bogus", "t.txt"], "unknown command 'bogus': the commands are check, expand, schema,"),
    (["lsp", "a"], "lsp takes no files: the editor sends them"),
    (["check"], "a command and a template are needed"),
    (["expand", "a", "b"], "'b' is one argument too many: only check takes several files"),
    (["check", "-i", "a"], "--in-place is for the command format and a file"),
    (["check", SIMPLE, "-p", "/nope/p.json"], "/nope/p.json: No such file or directory\n"),
])
def test_what_cannot_be_done(args, message):
    done = run(*args)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_template_of_4_mib_and_more(tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes(b"[cluster c]\n" + b"#" * (4 << 20))
    done = run("check", path)
    assert done.returncode == 2 and "it is longer than 4 MiB" in done.stderr


def test_the_daemon_checks_too():
    done = run("--check-template", SIMPLE, program="cyclecloudfs")
    assert (done.returncode, done.stdout) == (0, f"{SIMPLE}: ok, 0 errors, 0 warnings\n")
    done = run("--check-template=-", "--json", "-P", "X=1", text=WRONG, program="cyclecloudfs")
    assert done.returncode == 1 and json.loads(done.stdout)["errors"] == 4


@pytest.mark.skipif(not real_templates(), reason="needs $CYCLECLOUDFS_SHARED")
@pytest.mark.parametrize("path", real_templates(), ids=lambda p: p.name)
def test_real_templates(path):
    values = ["-P", "rawaverejson={}"] if path.name.startswith("vFXT") else []
    assert run("check", path, *values).returncode == 0
    schema = json.loads(run("schema", path).stdout)
    assert schema["properties"]
    json.loads(run("expand", path, *values, "--origins").stdout)


def test_pre_commit_hooks(tmp_path):
    hooks = (harness.ROOT / ".pre-commit-hooks.yaml").read_text()
    entries = [shlex.split(line.partition("entry: ")[2]) for line in hooks.splitlines()
               if "entry: " in line]
    environment = {**os.environ, "PATH": f"{harness.BUILD}:{os.environ['PATH']}"}
    names = ["a.txt", "b.txt"]
    for name in names:
        (tmp_path / name).write_text("[cluster c]\nX=1\n")
    for entry in entries:
        subprocess.run(entry + names, cwd=tmp_path, env=environment, check=True,
                       timeout=60 * harness.SLOW)
    assert [(tmp_path / name).read_text() for name in names] == ["[cluster c]\nX = 1\n"] * 2
