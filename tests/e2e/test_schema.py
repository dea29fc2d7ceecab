# SPDX-License-Identifier: MIT
"""The schema of the parameters of whole templates: it is one, the defaults agree with it, and
nothing that a form needs is lost on the way."""
import json
import os
import pathlib
import re
import subprocess

import pytest

import harness

pytestmark = pytest.mark.no_threads

jsonschema = pytest.importorskip("jsonschema")

SHIPPED = sorted((harness.ROOT / "templates").glob("*.txt"))
HEADER = re.compile(r"\s*\[+\s*([\w-]+)\s*([^]]*)\]")
TAGS = set("a b br code details div em h3 h4 i li ol p pre strong summary table td th tr u ul".split())


def real_templates():
    shared = os.environ.get("CYCLECLOUDFS_SHARED", harness.ROOT.parent / "shared")
    return sorted(pathlib.Path(shared, "data", "templates").glob("*.txt"))


def schema_of(path):
    out = subprocess.run([harness.BUILD / "cyclecloud-template", "schema", path], text=True,
                         capture_output=True, timeout=60 * harness.SLOW, check=True)
    return json.loads(out.stdout)


def notices_in(text):
    """The parameters of a template that are notices, by the lines that say so."""
    found, name = set(), None
    for line in text.splitlines():
        header = HEADER.match(line)
        if header:
            name = header[2] if header[1] == "parameter" else None
        elif name and "Plugin" in line and "HtmlTemplateWidget" in line:
            found.add(name)
    return found


def elements(schema):
    return [e for section in schema["x-sections"] for e in section["x-elements"]]


def check_notice(node):
    if isinstance(node, str):
        return
    tag, attributes, *children = node
    assert tag in TAGS
    assert not attributes or (tag == "a" and set(attributes) == {"href"}
                              and attributes["href"].startswith(("http://", "https://")))
    for child in children:
        check_notice(child)


def text_of(node):
    return node if isinstance(node, str) else "".join(map(text_of, node[2:]))


@pytest.mark.parametrize("path", SHIPPED + real_templates(), ids=lambda p: p.name)
def test_schema_of_a_template(path):
    schema = schema_of(path)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator({**schema, "required": []})
    defaults = {name: p["default"] for name, p in schema["properties"].items() if "default" in p}
    assert [e.message for e in validator.iter_errors(defaults)] == []
    nothing = dict.fromkeys(schema["properties"])
    assert [e.message for e in validator.iter_errors(nothing)] == []

    shown = [e["parameter"] for e in elements(schema) if "parameter" in e]
    assert sorted(shown) == sorted(name for name, p in schema["properties"].items()
                                   if "x-undeclared" not in p)
    notices = [e["notice"] for e in elements(schema) if "notice" in e]
    assert len(notices) == len(notices_in(path.read_text(errors="replace")))
    for notice in notices:
        if "expr" not in notice:
            check_notice(notice)
            assert text_of(notice).strip()


def test_all_real_templates_are_there():
    if not real_templates():
        pytest.skip("needs $CYCLECLOUDFS_SHARED")
    assert len(real_templates()) == 45
