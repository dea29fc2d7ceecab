# SPDX-License-Identifier: MIT
"""What the simulator does not do it names and refuses; nothing is taken and dropped."""

import base64
import copy
import json
import urllib.parse

import pytest

from armsim import FAST, GRAPH, NETWORK, RG, SETS, SUB, SUBNET, VMS, Simulator, set_body, vm_body, wait_for

pytestmark = pytest.mark.no_threads

PROFILE = "virtualMachineProfile"


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp("missing"), *FAST, "--no-throttle",
                          log="refused.jsonl")
    yield simulator
    assert simulator.stop() == 0


def missing(answer, name):
    assert (answer.status, answer.code) == (501, "NotImplemented"), answer.data
    assert name in answer.body["error"]["message"], answer.data


@pytest.mark.parametrize("properties, name", [
    ({"priorityMixPolicy": {"baseRegularPriorityCount": 1}}, "properties.priorityMixPolicy"),
    ({"overprovision": True}, "properties.overprovision"),
    ({"upgradePolicy": {"mode": "Automatic"}}, "properties.upgradePolicy.mode"),
    ({"scaleInPolicy": {"rules": ["OldestVM"]}}, "OldestVM"),
    ({"automaticRepairsPolicy": {"enabled": True}}, "properties.automaticRepairsPolicy.enabled")])
def test_feature_of_a_set(one, properties, name):
    missing(one.put(SETS + "s", set_body(1, **properties)), name)
    assert one.get(SETS + "s").status == 404


def test_feature_of_a_machine(one):
    body = vm_body("m")
    body["properties"]["availabilitySet"] = {"id": RG + "/x"}
    missing(one.put(VMS + "m", body), "properties.availabilitySet")
    body = vm_body("m")
    interfaces = body["properties"]["networkProfile"]["networkInterfaceConfigurations"]
    interfaces.append(copy.deepcopy(interfaces[0]))
    missing(one.put(VMS + "m", body), "networkInterfaceConfigurations.1")


def test_vm_is_not_changed_in_silence(one):
    body = vm_body("changed")
    one.poll(one.put(VMS + "changed", body))
    assert one.put(VMS + "changed", body).status == 200
    assert one.request("PATCH", VMS + "changed", {"tags": {"a": "b"}}, version="2024-03-01").body[
        "tags"] == {"a": "b"}
    patch = {"properties": {"hardwareProfile": {"vmSize": "Standard_D8s_v5"}}}
    missing(one.request("PATCH", VMS + "changed", patch, version="2024-03-01"),
            "properties.hardwareProfile.vmSize")
    body["properties"]["storageProfile"]["dataDisks"] = [
        {"lun": 0, "createOption": "Empty", "diskSizeGB": 8}]
    missing(one.put(VMS + "changed", body), "properties.storageProfile.dataDisks")
    assert one.get(VMS + "changed").body["properties"]["hardwareProfile"]["vmSize"] == \
        "Standard_D4s_v5"


def test_member_has_no_tags_of_its_own(one):
    body = set_body(1)
    body["properties"] = {"orchestrationMode": "Flexible", "platformFaultDomainCount": 1,
                          PROFILE: body["properties"][PROFILE]}
    body["properties"][PROFILE]["networkProfile"]["networkApiVersion"] = "2020-11-01"
    one.poll(one.put(SETS + "flexible", body))
    member = VMS + one.instances("flexible")[0]["name"]
    missing(one.request("PATCH", member, {"tags": {"a": "b"}}, version="2024-03-01"), "'tags.a'")
    assert "a" not in one.get(member).body["tags"]


@pytest.mark.parametrize("method, path, name", [
    ("GET", VMS[:-1] + "?$filter=x", "$filter"),
    ("GET", SETS + "s/virtualMachines?$select=instanceView", "$select"),
    ("GET", SUB + "/resourceGroups?$top=1", "$top"),
    ("POST", SETS + "s/manualupgrade", "the action 'manualupgrade' of the type "
     "'Microsoft.Compute/virtualMachineScaleSets'"),
    ("POST", VMS + "m/capture", "the action 'capture' of the type "
     "'Microsoft.Compute/virtualMachines'"),
    ("POST", SETS + "s/virtualMachines/0/redeploy", "the action 'redeploy' of the type "
     "'Microsoft.Compute/virtualMachineScaleSets/virtualMachines'")])
def test_query_or_action(one, method, path, name):
    missing(one.request(method, path, {} if method == "POST" else None, version="2024-03-01"), name)


def test_unknown_type_is_named(one):
    answer = one.get(SETS + "s/extensions/e")
    assert answer.code == "InvalidResourceType"
    assert "'virtualMachineScaleSets/extensions'" in answer.body["error"]["message"]
    answer = one.get(SUB + "/tagNames")
    assert answer.status == 404 and SUB + "/tagNames" in answer.body["error"]["message"]


def test_put_keeps_what_it_leaves_out(one):
    """azure-cli's `vmss scale` sends {location, sku}."""
    one.poll(one.put(SETS + "kept", set_body(1)))
    before = one.get(SETS + "kept").body
    sku = {**before["sku"], "capacity": 2}
    one.poll(one.put(SETS + "kept", {"location": "eastus", "sku": sku}))
    after = one.get(SETS + "kept").body
    assert len(one.instances("kept")) == 2 and after["sku"] == sku
    assert after["tags"] == before["tags"]
    assert after["properties"][PROFILE] == before["properties"][PROFILE]


def test_latest_model(one):
    one.poll(one.put(SETS + "model", set_body(1)))
    patch = {"properties": {PROFILE: {"storageProfile": {"imageReference": {"version": "1.2.3"}}}}}
    one.poll(one.request("PATCH", SETS + "model", patch, version="2024-03-01"))
    one.poll(one.put(SETS + "model", {"location": "eastus", "sku": {
        "name": "Standard_HB120rs_v3", "tier": "Standard", "capacity": 2}}))
    assert [i["properties"]["latestModelApplied"] for i in one.instances("model")] == [False, True]


def test_ephemeral_instance_is_not_deallocated(one):
    body = set_body(1)
    body["properties"][PROFILE]["storageProfile"]["osDisk"] = {
        "createOption": "FromImage", "caching": "ReadOnly", "diffDiskSettings": {"option": "Local"}}
    one.poll(one.put(SETS + "ephemeral", body))
    answer = one.post(SETS + "ephemeral/deallocate", {"instanceIds": ["0"]})
    assert (answer.status, answer.code) == (409, "OperationNotAllowed"), answer.data
    assert "since it has an ephemeral OS disk" in answer.body["error"]["message"]


def test_regular_machine_is_not_evicted(one):
    one.poll(one.put(SETS + "regular", set_body(1)))
    answer = one.post(SETS + "regular/virtualMachines/0/simulateEviction")
    assert (answer.status, answer.code) == (409, "OperationNotAllowed")
    assert len(one.instances("regular")) == 1


def test_old_endpoint_of_managed_identities(one):
    form = urllib.parse.urlencode({"resource": "https://management.azure.com/"}).encode()
    headers = {"Metadata": "true", "Authorization": None,
               "Content-Type": "application/x-www-form-urlencoded"}
    answer = one.request("POST", "/MSI/token", form, headers)
    assert answer.status == 200 and answer.body["token_type"] == "Bearer"
    claims = answer.body["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert claims["tid"] and claims["oid"] and "/userAssignedIdentities/" in claims["xms_mirid"]
    token = {"Authorization": "Bearer " + answer.body["access_token"]}
    assert one.request("GET", "/subscriptions", None, token, "2022-12-01").status == 200
    assert one.request("POST", "/MSI/token", form, {"Authorization": None}).status == 400


@pytest.mark.parametrize("spec", [
    'status=409,code=OperationNotAllowed,message="Current Limit: 10, Current Usage: 8",count=1',
    '{"status": 409, "code": "OperationNotAllowed", "count": 1, '
    '"message": "Current Limit: 10, Current Usage: 8"}'])
def test_message_with_commas(one, spec):
    one.fault(spec)
    answer = one.get(SETS + "none")
    assert (answer.status, answer.code) == (409, "OperationNotAllowed")
    assert answer.body["error"]["message"] == "Current Limit: 10, Current Usage: 8"


def test_fault_as_members(one):
    answer = one.request("POST", "/simulator/faults", {
        "status": 400, "message": "a, b", "count": 1, "after": False})
    assert answer.status == 201, answer.data
    assert one.get(SETS + "none").body["error"]["message"] == "a, b"


def test_machines_fail_with_the_code_of_the_fault(one):
    one.fault('capacity=1,count=1,code=OSProvisioningInternalError,message="It stopped, at once."')
    one.poll(one.put(SETS + "failed", set_body(2)))

    def failure():
        return [i["properties"]["instanceView"]["statuses"][0] for i in one.instances("failed")
                if i["properties"]["provisioningState"] == "Failed"]
    wait_for(failure)
    assert failure()[0]["code"] == "ProvisioningState/failed/OSProvisioningInternalError"
    assert failure()[0]["message"] == "It stopped, at once."


NICS = RG + "/providers/Microsoft.Network/networkInterfaces/"


def interface(address=None):
    properties = {"subnet": {"id": SUBNET}}
    if address:
        properties.update(privateIPAllocationMethod="Static", privateIPAddress=address)
    return {"location": "eastus", "properties": {
        "ipConfigurations": [{"name": "ip0", "properties": properties}]}}


def test_static_address(one):
    one.poll(one.put(NICS + "static", interface("10.1.2.3"), NETWORK))
    found = one.get(NICS + "static", NETWORK).body["properties"]["ipConfigurations"][0]
    assert found["properties"]["privateIPAddress"] == "10.1.2.3"
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert one.put(NICS + "twice", interface("10.1.2.3"), NETWORK).code == "PrivateIPAddressInUse"
    assert one.put(NICS + "outside", interface("192.168.0.4"), NETWORK).code == \
        "PrivateIPAddressNotInSubnet"


def test_interface_is_not_changed_in_silence(one):
    one.poll(one.put(NICS + "kept", interface(), NETWORK))
    tagged = one.put(NICS + "kept", {**interface(), "tags": {"a": "b"}}, NETWORK)
    assert tagged.status == 200 and tagged.body["tags"] == {"a": "b"}
    body = interface()
    body["properties"]["enableIPForwarding"] = True
    missing(one.put(NICS + "kept", body, NETWORK), "properties.enableIPForwarding")


def test_interface_belongs_to_one_machine(one):
    one.poll(one.put(NICS + "owned", interface(), NETWORK))
    body = vm_body("owner")
    body["properties"]["networkProfile"] = {"networkInterfaces": [{"id": NICS + "owned"}]}
    one.poll(one.put(VMS + "owner", body))
    assert one.put(VMS + "owner", body).status == 200
    assert one.put(VMS + "other", body).code == "NicInUse"
    assert one.delete(NICS + "owned", NETWORK).code == "NicInUse"


@pytest.mark.parametrize("prefixes, code", [
    (["10.1.0.0/24", "10.2.0.0/24"], "NetcfgInvalidSubnet"),
    (["10.1.0.0/24", "10.1.0.128/25"], "NetcfgSubnetRangesOverlap")])
def test_subnets(one, prefixes, code):
    body = {"location": "eastus", "properties": {
        "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
        "subnets": [{"name": f"s{i}", "properties": {"addressPrefix": prefix}}
                    for i, prefix in enumerate(prefixes)]}}
    answer = one.put(RG + "/providers/Microsoft.Network/virtualNetworks/v", body, NETWORK)
    assert (answer.status, answer.code) == (400, code) and "'s1'" in answer.body["error"]["message"]


def test_placement_group_in_use(one):
    group = RG + "/providers/Microsoft.Compute/proximityPlacementGroups/near"
    assert one.put(group, {"location": "eastus"}).status == 201
    one.poll(one.put(SETS + "near", set_body(0, proximityPlacementGroup={"id": group})))
    assert one.delete(group).code == "OperationNotAllowed"
    one.poll(one.delete(SETS + "near"))
    assert one.delete(group).status == 200


def test_questions_with_parts_that_are_missing(one):
    missing(one.request("GET", "/api/retail/prices?$filter=armRegionName%20eq%20'eastus'%20and%20"
                        "meterId%20eq%20'x'"), "NAME eq 'VALUE'")
    rows = one.request("GET", "/api/retail/prices?$filter=armRegionName%20eq%20'eastus'%20and%20"
                       "armSkuName%20eq%20'Standard_F2s_v2'").body["Items"]
    assert rows and {row["armSkuName"] for row in rows} == {"Standard_F2s_v2"}
    missing(one.post("/providers/Microsoft.ResourceGraph/resources", {
        "query": "Resources", "options": {"resultFormat": "table"}}, GRAPH), "'table'")
    assert one.get(RG, "1999-01-01").code == "InvalidApiVersionParameter"
