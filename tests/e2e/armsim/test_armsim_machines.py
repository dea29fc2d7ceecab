# SPDX-License-Identifier: MIT
"""VMs and scale sets: their life, and what is refused."""

import base64

import pytest

from armsim import (COMPUTE, FAST, NETWORK, NICS, RG, SETS, VMS, profile, set_body, usage,
                    vm_body, wait_for)


def test_vm_life(sim):
    answer = sim.put(VMS + "n1", vm_body("n1"))
    assert answer.status == 201
    assert answer.body["properties"]["provisioningState"] == "Creating"
    monitor = sim.get(answer.headers["Location"], None)
    assert monitor.status == 202 and int(monitor.headers["Retry-After"]) >= 1
    assert sim.poll(answer)["status"] == "Succeeded"
    monitor = sim.get(answer.headers["Location"], None)
    assert monitor.status == 200 and monitor.body["name"] == "n1"
    view = sim.get(VMS + "n1/instanceView").body
    assert [one["code"] for one in view["statuses"]] == ["ProvisioningState/succeeded",
                                                         "PowerState/running"]
    body = sim.get(VMS + "n1?$expand=instanceView").body
    assert body["properties"]["instanceView"]["computerName"] == "n1"
    assert body["properties"]["vmId"] == sim.vms()[0]["vm_id"]
    assert sim.poll(sim.post(VMS + "n1/deallocate"))["status"] == "Succeeded"
    assert sim.vms()[0]["power"] == "deallocated"
    assert sim.poll(sim.post(VMS + "n1/start"))["status"] == "Succeeded"
    assert sim.vms()[0]["power"] == "running"
    assert len(sim.get(VMS[:-1]).body["value"]) == 1
    assert sim.poll(sim.delete(VMS + "n1"))["status"] == "Succeeded"
    assert sim.get(VMS + "n1").status == 404
    assert sim.delete(VMS + "n1").status == 204


def test_secrets_are_not_given_back(sim):
    data = base64.b64encode(b"secret").decode()
    answer = sim.put(SETS + "s1", set_body(1, custom_data=data))
    assert data.encode() not in answer.data + sim.get(SETS + "s1").data
    answer = sim.put(VMS + "n1", vm_body("n1", custom_data=data))
    assert data.encode() not in answer.data + sim.get(VMS + "n1").data


def test_the_same_put_again_changes_nothing(sim):
    first = sim.put(VMS + "n1", vm_body("n1"))
    again = sim.put(VMS + "n1", vm_body("n1"))
    assert again.status == 200
    assert again.body["properties"]["vmId"] == first.body["properties"]["vmId"]
    assert sim.poll(first)["error"]["code"] == "OperationPreempted"
    assert sim.poll(again)["status"] == "Succeeded"
    assert len(sim.vms()) == 1
    changed = vm_body("n1")
    changed["properties"]["osProfile"]["computerName"] = "other"
    assert sim.put(VMS + "n1", changed).code == "PropertyChangeNotAllowed"


def test_set_life(sim):
    answer = sim.put(SETS + "s1", set_body(3))
    assert answer.status == 201 and answer.body["sku"]["capacity"] == 3
    assert answer.body["properties"]["provisioningState"] == "Creating"
    assert sim.poll(answer)["status"] == "Succeeded"
    found = sim.instances("s1")
    assert [one["instanceId"] for one in found] == ["0", "1", "2"]
    assert [one["name"] for one in found] == ["s1_0", "s1_1", "s1_2"]
    assert found[1]["properties"]["osProfile"]["computerName"] == "hpc-000001"
    assert found[0]["tags"] == {"ClusterId": "c1", "NodeArray": "hpc"}
    codes = [one["code"] for one in found[0]["properties"]["instanceView"]["statuses"]]
    assert codes == ["ProvisioningState/succeeded", "PowerState/running"]

    patch = sim.request("PATCH", SETS + "s1", {"sku": {"name": "Standard_HB120rs_v3",
                                                       "capacity": 5}}, version=COMPUTE)
    assert patch.status == 200 and sim.poll(patch)["status"] == "Succeeded"
    assert sim.get(patch.headers["Location"], None).body["sku"]["capacity"] == 5
    assert len(sim.instances("s1")) == 5

    assert sim.post(SETS + "s1/delete", {"instanceIds": ["9"]}).status == 400
    gone = sim.post(SETS + "s1/delete?forceDeletion=true", {"instanceIds": ["1", "3"]})
    assert gone.status == 202
    assert sim.get(SETS + "s1").body["sku"]["capacity"] == 3
    sim.poll(gone)
    wait_for(lambda: len(sim.instances("s1")) == 3)
    assert [one["instanceId"] for one in sim.instances("s1")] == ["0", "2", "4"]
    sim.poll(sim.request("PATCH", SETS + "s1", {"sku": {"name": "Standard_HB120rs_v3",
                                                        "capacity": 4}}, version=COMPUTE))
    assert [one["instanceId"] for one in sim.instances("s1")] == ["0", "2", "4", "5"]

    last = sim.delete(SETS + "s1?forceDeletion=true")
    assert last.status == 202 and sim.get(SETS + "s1").status == 200
    assert sim.poll(last)["status"] == "Succeeded"
    assert sim.get(SETS + "s1").code == "ResourceNotFound"
    assert sim.vms() == [] and usage(sim, "cores")[0] == 0


def test_set_scales_in_the_newest(sim):
    sim.poll(sim.put(SETS + "s1", set_body(4)))
    sim.poll(sim.put(SETS + "s1", set_body(2)))
    assert [one["instanceId"] for one in sim.instances("s1")] == ["0", "1"]


def test_set_power(sim):
    sim.poll(sim.put(SETS + "s1", set_body(2)))
    assert sim.poll(sim.post(SETS + "s1/deallocate", {"instanceIds": ["1"]}))["status"] == \
        "Succeeded"
    assert [one["power"] for one in sim.vms()] == ["running", "deallocated"]
    sim.poll(sim.post(SETS + "s1/start", {"instanceIds": ["1"]}))
    assert [one["power"] for one in sim.vms()] == ["running", "running"]
    one = sim.get(SETS + "s1/virtualMachines/1?$expand=instanceView")
    assert one.body["instanceId"] == "1"
    assert sim.get(SETS + "s1/virtualMachines/7").status == 404
    view = sim.get(SETS + "s1/virtualMachines/1/instanceView")
    assert view.body["statuses"][1]["code"] == "PowerState/running"
    view = sim.get(SETS + "s1/instanceView")
    assert view.body["virtualMachine"]["statusesSummary"] == [
        {"code": "ProvisioningState/Succeeded", "count": 2}]


def test_writes_of_a_set_do_not_overlap(start):
    sim = start("--time-scale", "0.2")
    first = sim.put(SETS + "s1", set_body(2))
    assert sim.put(SETS + "s1", set_body(3)).code == "Conflict"
    again = sim.put(SETS + "s1", set_body(2))
    assert again.status == 200
    assert sim.poll(first)["status"] == "Canceled"
    assert sim.poll(again)["status"] == "Succeeded"
    assert len(sim.instances("s1")) == 2


def test_flexible_set(sim):
    body = set_body(2)
    body["properties"] = {"orchestrationMode": "Flexible", "platformFaultDomainCount": 1,
                          "singlePlacementGroup": False,
                          "virtualMachineProfile": profile("f-", flexible=True)}
    sim.poll(sim.put(SETS + "f1", body))
    names = [one["instanceId"] for one in sim.instances("f1")]
    assert len(names) == 2
    machine = sim.get(VMS + names[0]).body
    assert machine["properties"]["virtualMachineScaleSet"]["id"] == SETS + "f1"
    own = vm_body("mine")
    own["properties"]["virtualMachineScaleSet"] = {"id": SETS + "f1"}
    sim.poll(sim.put(VMS + "mine", own))
    assert "mine" in [one["instanceId"] for one in sim.instances("f1")]
    sim.poll(sim.post(SETS + "f1/delete", {"instanceIds": [names[0]]}))
    wait_for(lambda: len(sim.instances("f1")) == 2)


def test_pages(start):
    sim = start(*FAST, "--page-size", "3")
    sim.poll(sim.put(SETS + "s1", set_body(8)))
    first = sim.get(SETS + "s1/virtualMachines?$expand=instanceView").body
    assert len(first["value"]) == 3 and first["nextLink"].startswith(sim.url)
    # What goes between two pages is neither repeated nor does it hide another.
    sim.request("POST", "/simulator/delete", {"resource_id": first["value"][0]["id"]})
    rest, url = [], first["nextLink"]
    while url:
        page = sim.get(url, None).body
        assert all("instanceView" in one["properties"] for one in page["value"])
        rest += page["value"]
        url = page.get("nextLink")
    assert [one["instanceId"] for one in rest] == ["3", "4", "5", "6", "7"]
    for name in ("a", "b", "c", "d"):
        sim.put(VMS + name, vm_body(name))
    first = sim.get(VMS[:-1]).body
    rest = sim.get(first["nextLink"], None).body
    assert [one["name"] for one in first["value"] + rest["value"]] == ["a", "b", "c", "d"]


def test_addresses_are_unique_and_released(start):
    sim = start(*FAST)
    network = RG + "/providers/Microsoft.Network/virtualNetworks/small"
    sim.poll(sim.put(network, {"location": "eastus", "properties": {
        "addressSpace": {"addressPrefixes": ["192.168.0.0/24"]},
        "subnets": [{"name": "tiny", "properties": {"addressPrefix": "192.168.0.0/28"}}]}},
        NETWORK))
    body = set_body(12)
    nic = body["properties"]["virtualMachineProfile"]["networkProfile"][
        "networkInterfaceConfigurations"][0]["properties"]
    nic["ipConfigurations"][0]["properties"]["subnet"]["id"] = network + "/subnets/tiny"
    assert sim.put(SETS + "s1", body).code == "SubnetIsFull"
    body["sku"]["capacity"] = 11
    sim.poll(sim.put(SETS + "s1", body))
    addresses = [one["private_ip"] for one in sim.vms()]
    assert addresses == [f"192.168.0.{last}" for last in range(4, 15)]
    listed = sim.get(SETS + "s1/networkInterfaces", NICS).body["value"]
    assert [one["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
            for one in listed] == addresses
    assert sim.delete(network, NETWORK).code == "InUseSubnetCannotBeDeleted"
    sim.poll(sim.post(SETS + "s1/delete", {"instanceIds": ["2"]}))
    wait_for(lambda: len(sim.vms()) == 10)
    sim.poll(sim.put(SETS + "s1", body))
    assert sorted(one["private_ip"] for one in sim.vms()) == sorted(addresses)


@pytest.mark.parametrize("change,code", [
    (lambda body: body.pop("location"), "LocationRequired"),
    (lambda body: body.update(location="mars"), "LocationNotAvailableForResourceType"),
    (lambda body: body["sku"].update(name="Standard_None"), "InvalidParameter"),
    (lambda body: body["sku"].update(capacity=1001), "InvalidParameter"),
    (lambda body: body["properties"].update(singlePlacementGroup=True) or
     body["sku"].update(capacity=101), "InvalidParameter"),
    (lambda body: body["properties"].pop("upgradePolicy"), "InvalidParameter"),
    (lambda body: body["properties"].pop("virtualMachineProfile"), "InvalidParameter"),
    (lambda body: body["properties"]["virtualMachineProfile"].pop("osProfile"), "InvalidParameter"),
    (lambda body: body["properties"]["virtualMachineProfile"]["osProfile"].update(
        customData="no base64!"), "InvalidParameter"),
    (lambda body: body["properties"]["virtualMachineProfile"]["storageProfile"].pop(
        "imageReference"), "InvalidParameter"),
    (lambda body: body.update(zones=["9"]), "ZonesNotSupported"),
])
def test_what_is_wrong_is_refused(rude, change, code):
    body = set_body(1)
    change(body)
    answer = rude.put(SETS + "s1", body)
    assert answer.status == 400 and answer.code == code, answer.data
    assert rude.vms() == []


def test_body_must_be_json(rude):
    assert rude.put(SETS + "s1", b"{").code == "InvalidRequestContent"
    assert rude.put(SETS + "s1", b"[]").code == "InvalidRequestContent"
