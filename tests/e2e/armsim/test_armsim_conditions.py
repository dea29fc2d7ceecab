# SPDX-License-Identifier: MIT
"""Etags of machines and scale sets, and requests that depend on them."""

import pytest

from armsim import COMPUTE, FAST, SETS, VMS, set_body, vm_body

SIZE = "Standard_HB120rs_v3"


def put_if(sim, path, body, **conditions):
    headers = {name.replace("_", "-"): value for name, value in conditions.items()}
    return sim.request("PUT", path, body, headers, version=COMPUTE)


def resize(sim, capacity, etag):
    return sim.request("PATCH", SETS + "s1", {"sku": {"name": SIZE, "capacity": capacity}},
                       {"If-Match": etag}, version=COMPUTE)


@pytest.mark.parametrize("path,body", [(VMS + "n1", vm_body("n1")), (SETS + "s1", set_body(2))])
def test_create_only(sim, path, body):
    first = put_if(sim, path, body, If_None_Match="*")
    assert first.status == 201
    assert first.body["etag"] == first.headers["ETag"]
    again = put_if(sim, path, body, If_None_Match="*")
    assert (again.status, again.code) == (412, "PreconditionFailed")
    assert put_if(sim, path, body, If_None_Match='"1"').status == 400
    assert len(sim.vms()) == (2 if "Sets" in path else 1)
    assert put_if(sim, path, body, If_Match="*").status == 200


def test_a_stale_etag_is_refused(sim):
    assert sim.poll(sim.put(SETS + "s1", set_body(2)))["status"] == "Succeeded"
    before = sim.get(SETS + "s1")
    assert before.body["etag"] == before.headers["ETag"]
    assert before.body["etag"] == sim.get(SETS[:-1]).body["value"][0]["etag"]
    assert sim.get(SETS + "s1").body["etag"] == before.body["etag"]
    grown = resize(sim, 4, before.body["etag"])
    assert grown.status == 200 and grown.body["etag"] != before.body["etag"]
    assert sim.poll(grown)["status"] == "Succeeded"
    late = resize(sim, 3, before.body["etag"])
    assert (late.status, late.code) == (412, "PreconditionFailed")
    assert before.body["etag"] in late.body["error"]["message"]
    assert len(sim.instances("s1")) == 4


def test_a_deleted_member_changes_the_etag(sim):
    assert sim.poll(sim.put(SETS + "s1", set_body(2)))["status"] == "Succeeded"
    before = sim.get(SETS + "s1").body["etag"]
    gone = sim.post(SETS + "s1/delete?forceDeletion=true", {"instanceIds": ["1"]})
    assert sim.poll(gone)["status"] == "Succeeded"
    assert resize(sim, 1, before).status == 412


def test_a_set_made_again_has_another_etag(sim):
    etags = []
    for _ in range(2):
        assert sim.poll(sim.put(SETS + "s1", set_body(1)))["status"] == "Succeeded"
        etags.append(sim.get(SETS + "s1").body["etag"])
        assert sim.poll(sim.delete(SETS + "s1?forceDeletion=true"))["status"] == "Succeeded"
    assert etags[0] != etags[1]
    assert put_if(sim, SETS + "s1", set_body(1), If_Match=etags[0]).status == 412


def test_etags_survive_a_restart(start, tmp_path):
    sim = start(*FAST, "--state", tmp_path / "state")
    assert sim.poll(sim.put(SETS + "s1", set_body(1)))["status"] == "Succeeded"
    assert sim.poll(sim.put(VMS + "n1", vm_body("n1")))["status"] == "Succeeded"
    before = [sim.get(path).body["etag"] for path in (SETS + "s1", VMS + "n1")]
    assert sim.stop() == 0
    sim.start()
    assert [sim.get(path).body["etag"] for path in (SETS + "s1", VMS + "n1")] == before
