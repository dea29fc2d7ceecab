# SPDX-License-Identifier: MIT
"""What a restart keeps."""

import json
import signal
import subprocess

from armsim import FAST, RESOURCES, SETS, SUB, VMS, set_body, usage, vm_body, wait_for
from harness import BUILD


def test_everything_survives_a_kill(start, tmp_path):
    sim = start("--time-scale", "0.05", "--state", tmp_path / "state.json")
    sim.put(SUB + "/resourceGroups/g1", {"location": "westeurope", "tags": {"x": "y"}}, RESOURCES)
    created = sim.put(SETS + "s1", set_body(20))
    sim.put(VMS + "n1", vm_body("n1"))
    before = [(one["id"], one["vm_id"], one["private_ip"]) for one in sim.vms()]
    sim.stop(signal.SIGKILL)
    sim.start()
    assert [(one["id"], one["vm_id"], one["private_ip"]) for one in sim.vms()] == before
    # The port is another one now, the path is the same.
    created.headers.replace_header("Azure-AsyncOperation",
                                   sim.url + "/" + created.headers["Azure-AsyncOperation"].split(
                                       "/", 3)[3])
    assert sim.poll(created)["status"] == "Succeeded"
    assert sim.get(SETS + "s1").body["properties"]["provisioningState"] == "Succeeded"
    sim.poll(sim.put(SETS + "s1", set_body(22)))
    assert [one["instanceId"] for one in sim.instances("s1")][-1] == "21"
    assert len({one["vm_id"] for one in sim.vms()}) == 23
    assert len({one["private_ip"] for one in sim.vms()}) == 23
    assert usage(sim, "standardHBv3Family")[0] == 22 * 120
    assert sim.get(SUB + "/resourceGroups/g1", RESOURCES).body["tags"] == {"x": "y"}
    sim.post(SETS + "s1/delete", {"instanceIds": ["0"]})
    sim.delete(VMS + "n1")
    assert sim.stop() == 0
    sim.start()
    wait_for(lambda: len(sim.vms()) == 21)
    assert sim.get(SETS + "s1").body["sku"]["capacity"] == 21
    json.loads((tmp_path / "state.json").read_text())


def test_torn_journal(start, tmp_path):
    sim = start(*FAST, "--state", tmp_path / "state.json")
    sim.put(SETS + "s1", set_body(2))
    sim.stop(signal.SIGKILL)
    with open(tmp_path / "state.json.journal", "ab") as journal:
        journal.write(b'{"t":"v","id":"/sub')
    sim.start()
    assert len(sim.vms()) == 2


def test_state_file_in_use(start, tmp_path):
    sim = start(*FAST, "--state", tmp_path / "state.json")
    second = subprocess.run([BUILD / "armsim", "--state", tmp_path / "state.json"],
                            capture_output=True, text=True, timeout=10)
    assert second.returncode == 1
    assert f"process {sim.process.pid}" in second.stderr


def test_same_seed_same_world(start, tmp_path):
    sim = start(*FAST, "--seed", "7")
    sim.put(SETS + "s1", set_body(3))
    first = [one["vm_id"] for one in sim.vms()]
    sim.stop()
    sim.start()
    sim.put(SETS + "s1", set_body(3))
    assert [one["vm_id"] for one in sim.vms()] == first
