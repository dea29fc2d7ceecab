# SPDX-License-Identifier: MIT
"""Managed disks: their life, which VM has them, and what is refused."""

import signal

import pytest

from armsim import FAST, GRAPH, RESOURCES, RG, SUB, VMS, vm_body, wait_for

DISKS = RG + "/providers/Microsoft.Compute/disks/"
DISK = "2023-10-02"


def disk_body(size=128, zone=None, **properties):
    body = {"location": "eastus", "sku": {"name": "Premium_LRS"}, "tags": {"ClusterId": "c1"},
            "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": size,
                           **properties}}
    if zone:
        body["zones"] = [zone]
    return body


def make_disk(sim, name, *args, **more):
    answer = sim.put(DISKS + name, disk_body(*args, **more), DISK)
    assert answer.status == 202 and answer.body["properties"]["provisioningState"] == "Updating"
    assert sim.poll(answer)["status"] == "Succeeded"
    return sim.get(DISKS + name, DISK).body


def with_disks(name, *disks, **more):
    body = vm_body(name)
    body["properties"]["storageProfile"]["dataDisks"] = list(disks)
    body["properties"]["storageProfile"]["osDisk"]["deleteOption"] = "Delete"
    return {**body, **more}


def attach(disk, lun=0):
    return {"lun": lun, "createOption": "Attach", "deleteOption": "Detach",
            "managedDisk": {"id": DISKS + disk}}


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer.data


def test_life(sim):
    disk = make_disk(sim, "d1", zone="2")
    assert disk["properties"]["diskState"] == "Unattached" and "managedBy" not in disk
    assert disk["properties"]["diskSizeGB"] == 128 and disk["zones"] == ["2"]
    again = sim.put(DISKS + "d1", disk_body(zone="2"), DISK)
    assert sim.poll(again)["status"] == "Succeeded"
    assert sim.get(DISKS + "d1", DISK).body["properties"]["uniqueId"] == \
        disk["properties"]["uniqueId"]
    patch = sim.request("PATCH", DISKS + "d1", {"properties": {"diskSizeGB": 256}}, version=DISK)
    assert sim.poll(patch)["status"] == "Succeeded"
    assert sim.get(DISKS + "d1", DISK).body["properties"]["diskSizeGB"] == 256
    for path in (DISKS[:-1], SUB + "/providers/Microsoft.Compute/disks"):
        assert [one["name"] for one in sim.get(path, DISK).body["value"]] == ["d1"]
    rows = sim.request("POST", "/providers/Microsoft.ResourceGraph/resources", {
        "query": "Resources | where type == 'microsoft.compute/disks' | project name"},
        version=GRAPH).body["data"]
    assert rows == [{"name": "d1"}]
    assert sim.poll(sim.delete(DISKS + "d1", DISK))["status"] == "Succeeded"
    assert sim.get(DISKS + "d1", DISK).status == 404
    assert sim.delete(DISKS + "d1", DISK).status == 204


def test_follows_its_vm(start, tmp_path):
    sim = start(*FAST, f"--state={tmp_path}/state")
    before = make_disk(sim, "d1")
    made = sim.put(VMS + "n1", with_disks("n1", attach("d1")))
    assert sim.poll(made)["status"] == "Succeeded"
    disk = sim.get(DISKS + "d1", DISK).body
    assert disk["managedBy"] == VMS + "n1" and disk["properties"]["diskState"] == "Attached"
    assert sim.poll(sim.put(VMS + "n1", with_disks("n1", attach("d1"))))["status"] == "Succeeded"
    assert sim.poll(sim.post(VMS + "n1/deallocate"))["status"] == "Succeeded"
    assert sim.get(DISKS + "d1", DISK).body["properties"]["diskState"] == "Reserved"
    assert sim.stop(signal.SIGTERM) == 0
    sim.start()
    assert sim.get(DISKS + "d1", DISK).body["managedBy"] == VMS + "n1"
    assert sim.poll(sim.delete(VMS + "n1"))["status"] == "Succeeded"
    after = sim.get(DISKS + "d1", DISK).body
    assert "managedBy" not in after and after["properties"]["diskState"] == "Unattached"
    assert after["properties"]["uniqueId"] == before["properties"]["uniqueId"]


def test_disks_that_a_vm_brings(sim):
    keep = {"lun": 0, "createOption": "Empty", "diskSizeGB": 32}
    drop = {"lun": 1, "createOption": "Empty", "diskSizeGB": 64, "deleteOption": "Delete"}
    made = sim.put(VMS + "n1", with_disks("n1", keep, drop))
    assert sim.poll(made)["status"] == "Succeeded"
    storage = sim.get(VMS + "n1").body["properties"]["storageProfile"]
    disks = {one["id"]: one for one in sim.get(DISKS[:-1], DISK).body["value"]}
    ids = [one["managedDisk"]["id"] for one in [storage["osDisk"], *storage["dataDisks"]]]
    assert sorted(disks) == sorted(ids)
    assert [disks[one]["properties"]["diskSizeGB"] for one in ids] == [30, 32, 64]
    assert all(one["managedBy"] == VMS + "n1" for one in disks.values())
    assert sim.poll(sim.delete(VMS + "n1"))["status"] == "Succeeded"
    left = sim.get(DISKS[:-1], DISK).body["value"]
    assert [one["properties"]["diskSizeGB"] for one in left] == [32]


@pytest.mark.parametrize("change, status, code", [
    ({"creationData": {}}, 400, "InvalidParameter"),
    ({"creationData": {"createOption": "Copy"}}, 501, "NotImplemented"),
    ({"diskSizeGB": 0}, 400, "InvalidParameter"),
    ({"diskSizeGB": 99999999}, 400, "InvalidParameter"),
    ({"maxShares": 2}, 501, "NotImplemented"),
])
def test_refused_bodies(rude, change, status, code):
    body = disk_body()
    body["properties"].update(change)
    refused(rude.put(DISKS + "d1", body, DISK), status, code)


def test_refused(rude):
    make_disk(rude, "d1")
    make_disk(rude, "zonal", zone="1")
    refused(rude.put(DISKS + "d1", disk_body(64), DISK), 409, "OperationNotAllowed")
    refused(rude.put(DISKS + "d1", disk_body(zone="1"), DISK), 409, "PropertyChangeNotAllowed")
    refused(rude.put(DISKS + "d2", {**disk_body(), "sku": {"name": "SSD"}}, DISK), 400,
            "BadRequest")
    refused(rude.put(VMS + "n1", with_disks("n1", attach("none"))), 404, "ResourceNotFound")
    refused(rude.put(VMS + "n1", with_disks("n1", attach("zonal"))), 400, "BadRequest")
    refused(rude.put(VMS + "n1", with_disks("n1", attach("d1"), attach("d1", 1))), 400,
            "InvalidParameter")
    assert rude.poll(rude.put(VMS + "n1", with_disks("n1", attach("d1"))))["status"] == "Succeeded"
    refused(rude.put(VMS + "n2", with_disks("n2", attach("d1"))), 409, "ConflictingUserInput")
    refused(rude.delete(DISKS + "d1", DISK), 409, "OperationNotAllowed")
    refused(rude.request("PATCH", DISKS + "d1", {"properties": {"diskSizeGB": 8192}},
                         version=DISK), 409, "OperationNotAllowed")
    grown = rude.request("PATCH", DISKS + "d1", {"properties": {"diskSizeGB": 1024}}, version=DISK)
    assert rude.poll(grown)["status"] == "Succeeded"


def test_group_of_a_disk_in_use_stays(rude):
    group = SUB + "/resourceGroups/kept"
    disk = group + "/providers/Microsoft.Compute/disks/d1"
    assert rude.put(group, {"location": "eastus"}, RESOURCES).status == 201
    assert rude.poll(rude.put(disk, disk_body(), DISK))["status"] == "Succeeded"
    entry = {**attach("d1"), "managedDisk": {"id": disk}}
    assert rude.poll(rude.put(VMS + "n1", with_disks("n1", entry)))["status"] == "Succeeded"
    gone = rude.delete(group, RESOURCES)
    wait_for(lambda: rude.get(gone.headers["Location"], None).status != 202)
    refused(rude.get(gone.headers["Location"], None), 409, "ResourceGroupDeletionBlocked")
    assert rude.get(disk, DISK).body["managedBy"] == VMS + "n1"
    assert rude.poll(rude.delete(VMS + "n1"))["status"] == "Succeeded"
    gone = rude.delete(group, RESOURCES)
    wait_for(lambda: rude.get(gone.headers["Location"], None).status != 202)
    assert rude.get(disk, DISK).status == 404
