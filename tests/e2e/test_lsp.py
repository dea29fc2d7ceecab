# SPDX-License-Identifier: MIT
"""cyclecloud-template lsp, driven over a pipe as an editor does."""
import json
import random
import subprocess

import pytest

import harness

pytestmark = pytest.mark.no_threads

URI = "file:///t/slurm.txt"
TEXT = """\
[cluster Base]
Abstract = true
[cluster Lab]
ParentName = Base
    [[node defaults]]
    MachineType = Standard_D2s_v5
    Tags.é = $Cout
    [[node head]]
    MachineType = $Type
    [[nodearray execute]]
    Extends = head
    MaxCount := min({Count, 10})
    [[[configuration x]]]
    address = ${head.instance.PrivateIp}
[parameters All]
    [[parameter Count]]
    Label = How many
    Description = Nodes that may run
    ParameterType = Integer
    DefaultValue = 4
    [[parameter Type]]
    DefaultValue = Standard_F2s_v2
"""


class Client:
    """One server and the documents that it was given."""

    def __init__(self, *encodings, text=TEXT):
        self.process = subprocess.Popen([harness.BUILD / "cyclecloud-template", "lsp"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.last = 0
        capabilities = {"general": {"positionEncodings": list(encodings)}} if encodings else {}
        self.capabilities = self.ask("initialize", {"capabilities": capabilities})["capabilities"]
        self.notify("initialized", {})
        self.lines = text.split("\n")
        self.diagnostics = self.open(URI, text)

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        data = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode()
        self.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))

    def receive(self):
        length = None
        while (line := self.process.stdout.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            assert name == "Content-Length"
            length = int(value)
        return json.loads(self.process.stdout.read(length))

    def request(self, method, params):
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        answer = self.receive()
        assert answer["id"] == self.last
        return answer

    def ask(self, method, params):
        return self.request(method, params)["result"]

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def published(self, uri=URI):
        message = self.receive()
        assert (message["method"], message["params"]["uri"]) == (
            "textDocument/publishDiagnostics", uri)
        return message["params"]["diagnostics"]

    def open(self, uri, text):
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": "cyclecloud", "version": 1, "text": text}})
        return self.published(uri)

    def change(self, *changes):
        self.notify("textDocument/didChange", {
            "textDocument": {"uri": URI, "version": 2}, "contentChanges": list(changes)})
        return self.published()

    def at(self, method, line, word, behind=0):
        """Asks about the place of a word in a line (from 0), or `behind` characters into it."""
        return self.ask(f"textDocument/{method}", {
            "textDocument": {"uri": URI},
            "position": {"line": line, "character": self.lines[line].index(word) + behind}})

    def end(self):
        assert self.ask("shutdown", None) is None
        self.notify("exit", None)
        self.process.stdin.close()
        return self.process.wait(60 * harness.SLOW)


@pytest.fixture(scope="module")
def client():
    client = Client()
    yield client
    assert client.end() == 0


@pytest.fixture
def editor():
    client = Client()
    yield client
    client.process.kill()
    client.process.wait()


def span(line, start, end):
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def test_what_it_can(client):
    assert client.capabilities["positionEncoding"] == "utf-16"
    assert client.capabilities["textDocumentSync"] == {"openClose": True, "change": 2}
    for name in ("hoverProvider", "completionProvider", "definitionProvider", "codeActionProvider",
                 "documentFormattingProvider", "documentSymbolProvider"):
        assert client.capabilities[name]


def test_diagnostics(client):
    assert client.diagnostics[0] == {
        "range": span(6, 13, 18), "severity": 2, "code": "undeclared-parameter",
        "source": "cyclecloud-template",
        "message": "Parameter Cout is not known (referenced by node head); the cluster starts only "
                   "if it is given\ndid you mean Count?"}


@pytest.mark.parametrize("encodings, start", [(["utf-8", "utf-16"], 15), (["utf-16"], 14)])
def test_columns_as_negotiated(encodings, start):
    text = "[cluster c]\n[[node n]]\nA = é𝄞 b $Cout\n[parameter Count]\n"
    client = Client(*encodings, text=text)
    assert client.capabilities["positionEncoding"] == encodings[0]
    units = len("A = é𝄞 b ".encode("utf-8" if encodings[0] == "utf-8" else "utf-16-le"))
    units //= 1 if encodings[0] == "utf-8" else 2
    assert client.diagnostics[0]["range"] == span(2, units, units + 5)
    action, = client.ask("textDocument/codeAction", {
        "textDocument": {"uri": URI}, "range": span(2, units, units), "context": {}})
    assert action["edit"]["changes"][URI] == [
        {"range": span(2, units, units + 5), "newText": "$Count"}]
    assert client.end() == 0


def test_changes(editor):
    fixed = editor.change({"range": span(6, 14, 18), "text": "Count"})
    assert fixed == []
    assert editor.change({"text": "[cluster c]\n[[nod x]]\n"})[0]["code"] == "unknown-section"
    assert editor.change({"range": span(1, 2, 5), "text": "no"},
                         {"range": span(1, 4, 4), "text": "de"}) == []
    # beyond the ends, or no change at all: nothing breaks
    assert editor.change({"range": span(99, 5, 9), "text": "[[node y]]"}, {"range": 5},
                         {"range": span(1, 4, 2), "text": "x"}, 7) == []
    # a last line that does not end, and a place behind it
    editor.change({"text": "[cluster c]"})
    assert editor.change({"range": span(5, 3, 9), "text": "\n[[node x"})[0]["range"] == span(1, 0, 8)
    assert editor.change({"text": TEXT})[0]["code"] == "undeclared-parameter"
    editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert editor.published() == []
    assert editor.request("textDocument/hover", {
        "textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}}
        )["error"]["code"] == -32602


def hover(client, *place):
    found = client.at("hover", *place)
    return found and found["contents"]["value"]


def test_hover_of_an_attribute(client):
    text = TEXT.replace("$Cout", "x")
    sound = Client(text=text)
    assert sound.diagnostics == []
    found = hover(sound, 11, "MaxCount")
    assert "**MaxCount** (nodearray): a whole number" in found
    assert "Most nodes of the array" in found
    assert "- nodearrays.execute.Attributes.MaxCount: `4` from Count (default, line 20)" in found
    found = hover(sound, 8, "MachineType")
    assert "- nodes.head.Attributes.MachineType: `\"Standard_F2s_v2\"` from Type" in found
    assert "- nodearrays.execute.Attributes.MachineType" in found
    assert hover(sound, 8, "$Type", 2).startswith("**Type**: parameter")
    assert "Value: `4` (default, line 20)" in hover(sound, 11, "Count,")
    assert sound.end() == 0


def test_hover_of_names(client):
    found = hover(client, 11, "Count,")
    assert "**Count**: parameter, Integer" in found
    assert "How many" in found and "Nodes that may run" in found
    assert hover(client, 11, "min") == "**min**: function of 1 or more arguments\n"
    assert "node of this cluster, on line 8" in hover(client, 13, "head")
    assert hover(client, 7, "node").startswith("**node**: One VM")
    assert hover(client, 13, "instance") is None
    assert client.at("hover", 11, "Count,")["range"] == span(11, 21, 26)


def labels(client, *place):
    return [item["label"] for item in client.at("completion", *place)]


def test_completion(client):
    assert {"node", "nodearray"} <= set(labels(client, 7, "node", 2))
    assert "volume" not in labels(client, 7, "node")
    assert {"volume", "configuration"} <= set(labels(client, 12, "configuration"))
    assert labels(client, 14, "parameters")[0] == "cluster"
    names = labels(client, 11, "MaxCount", 3)
    assert "InitialCount" in names and "MaxCount" in names
    assert "Extends" not in names  # it is given already
    assert labels(client, 8, "$Type", 1) == ["ClusterName", "Count", "Type"]
    assert {"Count", "ifThenElse", "head"} <= set(labels(client, 11, "min"))
    assert labels(client, 13, "instance") == []
    assert set(labels(client, 10, "head")) == {"defaults", "head", "execute"}
    assert labels(client, 3, "Base") == ["Base", "Lab"]
    assert "Integer" in labels(client, 18, "Integer")
    assert labels(client, 1, "true") == ["true", "false"]
    item = client.at("completion", 8, "$Type", 3)[2]
    assert item["textEdit"] == {"range": span(8, 19, 23), "newText": "Type"}


def defined_on(client, *place):
    found = client.at("definition", *place)
    return found and found["range"]["start"]["line"]


def test_definition(client):
    assert defined_on(client, 8, "$Type", 2) == 20
    assert defined_on(client, 11, "Count,") == 15
    assert defined_on(client, 13, "head") == 7
    assert defined_on(client, 10, "head") == 7        # Extends
    assert defined_on(client, 3, "Base") == 0         # ParentName
    assert defined_on(client, 9, "execute") == 7      # what it extends
    assert defined_on(client, 7, "head") == 4         # the defaults
    assert defined_on(client, 2, "Lab") == 0
    assert defined_on(client, 8, "MachineType") == 5  # overrides the defaults
    assert defined_on(client, 6, "$Cout", 1) is None


def test_symbols(client):
    symbols = client.ask("textDocument/documentSymbol", {"textDocument": {"uri": URI}})
    assert [s["name"] for s in symbols] == ["Base", "Lab", "All"]
    lab = symbols[1]
    assert [s["name"] for s in lab["children"]] == ["defaults", "head", "execute"]
    assert lab["children"][2]["children"][0]["detail"] == "configuration"
    assert (lab["range"]["start"]["line"], lab["range"]["end"]["line"]) == (2, 14)
    assert lab["selectionRange"] == span(2, 0, len("[cluster Lab]"))


def test_formatting(client):
    edit, = client.ask("textDocument/formatting", {"textDocument": {"uri": URI}, "options": {}})
    assert edit["range"]["start"] == {"line": 0, "character": 0}
    assert "\n        [[[configuration x]]]\n        address = " in edit["newText"]
    again = Client(text=edit["newText"])
    assert again.ask("textDocument/formatting", {"textDocument": {"uri": URI}}) == []
    assert again.end() == 0


def test_a_project():
    client = Client()
    uri = "file:///p/project.ini"
    assert client.open(uri, "[project]\nname = x\n")[0]["code"] == "missing-version"
    client.lines, place = ["[project]", "name = x"], {"line": 1, "character": 1}
    items = client.ask("textDocument/completion",
                       {"textDocument": {"uri": uri}, "position": place})
    assert "Version" in [item["label"] for item in items]
    assert client.end() == 0


@pytest.mark.parametrize("message, code", [
    ({"id": 1, "method": "nope"}, -32601),
    ({"id": 1, "method": "initialize", "params": {}}, -32600),
    ({"id": 1, "method": "textDocument/hover"}, -32602),
    ({"id": 1, "method": "textDocument/hover", "params": {"textDocument": {"uri": URI}}}, -32602),
    ({"id": [], "method": "shutdown"}, -32600),
    ({"id": 1}, -32600),
])
def test_wrong_requests(client, message, code):
    client.send(message)
    assert client.receive()["error"]["code"] == code


def test_what_is_not_json(client):
    client.write(b"Content-Length: 3\r\nContent-Type: x\r\n\r\n{{{")
    assert client.receive()["error"]["code"] == -32700
    client.write(b"content-length: 2\r\n\r\n[]")
    assert client.receive()["error"]["code"] == -32600


def test_order_of_a_session():
    early = subprocess.Popen([harness.BUILD / "cyclecloud-template", "lsp"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    body = b'{"jsonrpc":"2.0","id":1,"method":"shutdown"}'
    out, _ = early.communicate(b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
                               timeout=60 * harness.SLOW)
    assert b"-32002" in out and early.returncode == 1  # it left without a word


@pytest.mark.parametrize("data", [
    b"no header at all\r\n\r\n", b"Content-Length: -1\r\n\r\n", b"Content-Length: 99999999999\r\n\r\n",
    b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"X" * 5000])
def test_what_is_no_frame_ends_it(data):
    done = subprocess.run([harness.BUILD / "cyclecloud-template", "lsp"], input=data,
                          capture_output=True, timeout=60 * harness.SLOW)
    assert done.returncode == 2 and done.stderr


def test_half_written_templates(editor):
    """Every place of a template that is torn apart in many ways: answers, and never a crash."""
    dice = random.Random(7)
    methods = ["hover", "completion", "definition"]
    for _ in range(150):
        text = TEXT
        for _ in range(dice.randrange(1, 5)):
            at = dice.randrange(len(text))
            text = text[:at] + dice.choice(["", "[", "]", "$", "${", "\"", "=", "\n", "'''", "é𝄞", ":="]) \
                + text[at + dice.randrange(8):]
        editor.change({"text": text})
        place = {"line": dice.randrange(25), "character": dice.randrange(40)}
        params = {"textDocument": {"uri": URI}, "position": place,
                  "range": {"start": place, "end": place}, "context": {}}
        assert "result" in editor.request(f"textDocument/{dice.choice(methods)}", params)
        for method in "codeAction", "documentSymbol", "formatting":
            assert "result" in editor.request(f"textDocument/{method}", params)
    assert editor.end() == 0


def test_vim_knows_templates(tmp_path):
    files = {"slurm.txt": (TEXT, "cyclecloud"), "notes.txt": ("a\n[b]\n", "text"),
             "project.ini": ("[project]\n", "cyclecloud")}
    for name, (text, kind) in files.items():
        (tmp_path / name).write_text(text)
        out = tmp_path / "kind"
        subprocess.run(["vim", "-N", "-u", "NONE", "-i", "NONE", "-es",
                        "--cmd", f"set rtp^={harness.ROOT}/contrib/vim",
                        "--cmd", "filetype plugin on | syntax on", tmp_path / name,
                        "-c", f"call writefile([&filetype, get(b:, 'current_syntax', '')], '{out}')",
                        "-c", "qa!"], stdin=subprocess.DEVNULL, timeout=60 * harness.SLOW)
        assert out.read_text().split("\n")[0] == kind
        assert kind != "cyclecloud" or out.read_text() == "cyclecloud\ncyclecloud\n"
