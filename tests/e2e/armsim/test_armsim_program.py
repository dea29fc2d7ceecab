# SPDX-License-Identifier: MIT
"""The program itself: options, statistics, log, speed."""

import json
import subprocess
import uuid

import pytest

from armsim import RESOURCES, RG, SETS, SUB, set_body
from harness import BUILD


def test_statistics_and_health(sim):
    sim.put(SETS + "s1", set_body(2))
    sim.instances("s1")
    stats = sim.get("/simulator/stats", None).body
    assert stats["by_kind"]["put-set"] == 1 and stats["by_kind"]["list-instances"] == 1
    assert stats["by_kind"]["token"] == 1 and stats["writes"] == 1
    assert stats["objects"]["vms"] == 2
    health = sim.get("/simulator/health", None).body
    assert health["pid"] == sim.process.pid and sim.url.endswith(str(health["port"]))


def test_log(sim, tmp_path):
    sim.put(SETS + "s1", set_body(1))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [one["method"] for one in lines] == ["POST", "PUT"]
    assert lines[1]["requestBody"]["sku"]["capacity"] == 1 and lines[1]["status"] == 201
    assert lines[1]["responseBody"]["name"] == "s1"
    assert sim.token not in json.dumps(lines[1])


@pytest.mark.parametrize("options,words", [
    (("--fault", "colour=red"), "colour"),
    (("--quota", "mars/cores=1"), "mars"),
    (("--quota", "eastus/none=1"), "none"),
    (("--listen", "nowhere"), "ADDRESS:PORT"),
    (("--sizes", "/nonexistent"), "/nonexistent"),
    (("--time-scale", "x"), "time-scale"),
])
def test_wrong_options(options, words):
    result = subprocess.run([BUILD / "armsim", *options], capture_output=True, text=True,
                            timeout=10)
    assert result.returncode != 0 and words in result.stderr


def test_a_thousand_instances_on_a_page(start):
    sim = start("--time-scale", "0.001", "--page-size", "1000", "--no-throttle",
                "--quota", "eastus/cores=1000000", "--quota", "eastus/standardHBv3Family=1000000")
    sim.poll(sim.put(SETS + "s1", set_body(1000)))
    found = sim.get(SETS + "s1/virtualMachines?$expand=instanceView")
    assert len(found.body["value"]) == 1000 and "nextLink" not in found.body


def test_unknown_requests(rude):
    answer = rude.get(RG + "/providers/Microsoft.Batch/batchAccounts/x")
    assert answer.status == 404 and answer.code == "InvalidResourceType"
    assert rude.request("PATCH", RG, {}, version=RESOURCES).status == 405
    identifier = str(uuid.uuid4())
    answer = rude.get(f"{SUB}/providers/Microsoft.Compute/locations/eastus/operations/{identifier}")
    assert answer.status == 404
