# SPDX-License-Identifier: MIT
"""Logging in, and what a subscription has: sizes, quotas, groups, networks."""

import time

from armsim import NETWORK, RESOURCES, RG, SETS, SKUS, SUB, SUBNET, set_body, usage, wait_for


def test_login(rude):
    answer = rude.login()
    assert answer.status == 200 and answer.body["token_type"] == "Bearer"
    assert answer.body["expires_in"] == 3599
    for fields, status, number in (({"client_secret": "other"}, 401, 7000215),
                                   ({"client_id": "other"}, 400, 700016),
                                   ({"scope": "https://management.azure.com/"}, 400, 1002012),
                                   ({"client_secret": None}, 401, 7000218)):
        answer = rude.login(**fields)
        assert answer.status == status and answer.body["error_codes"] == [number]
        assert f"AADSTS{number}" in answer.body["error_description"]
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert rude.login(client_secret=None, client_assertion_type=kind,
                     client_assertion="aaaa.bbbb.cccc").status == 200
    assert rude.login(client_secret=None, client_assertion_type=kind,
                     client_assertion="aaaa").status == 401


def test_managed_identity(rude):
    path = "/metadata/identity/oauth2/token?resource=https%3A%2F%2Fmanagement.azure.com%2F"
    answer = rude.request("GET", path, None, {"Metadata": "true"}, "2018-02-01")
    assert answer.status == 200 and answer.body["expires_in"] == "86399"
    rude.token = answer.body["access_token"]
    assert rude.get(RG, RESOURCES).status == 200
    assert rude.get(path, "2018-02-01").status == 400


def test_bearer_is_checked(start):
    sim = start("--token-lifetime", "1")
    assert sim.request("GET", RG, None, {"Authorization": None}, RESOURCES).status == 401
    answer = sim.request("GET", RG, None, {"Authorization": "Bearer a.b.c"}, RESOURCES)
    assert answer.status == 401 and answer.code == "InvalidAuthenticationToken"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
    time.sleep(1.1)
    assert sim.get(RG, RESOURCES).code == "ExpiredAuthenticationToken"


def test_version_and_scope(rude):
    assert rude.get(RG, None).code == "MissingApiVersionParameter"
    assert rude.get(RG, "yesterday").code == "InvalidApiVersionParameter"
    other = SUB.replace("0001", "0009")
    assert rude.get(other + "/resourceGroups/x", RESOURCES).code == "SubscriptionNotFound"
    assert rude.get(SETS.replace("sim-rg", "none") + "x").code == "ResourceGroupNotFound"
    assert rude.get(SETS + "none").code == "ResourceNotFound"
    answer = rude.get(RG.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), RESOURCES)
    assert answer.status == 200 and answer.headers["x-ms-request-id"]


def test_sizes(sim):
    answer = sim.get(SUB + "/providers/Microsoft.Compute/skus?$filter=location%20eq%20'eastus'",
                     SKUS)
    size = next(one for one in answer.body["value"] if one["name"] == "Standard_HB120rs_v3")
    capabilities = {one["name"]: one["value"] for one in size["capabilities"]}
    assert capabilities["vCPUs"] == "120" and capabilities["RdmaEnabled"] == "True"
    assert size["family"] == "standardHBv3Family" and size["locations"] == ["eastus"]
    elsewhere = sim.get(SUB + "/providers/Microsoft.Compute/skus?$filter=location%20eq%20'mars'",
                        SKUS)
    assert elsewhere.body == {"value": []}


def test_usages_count_machines(sim):
    assert usage(sim, "cores") == (0, 100000)
    sim.poll(sim.put(SETS + "s1", set_body(2)))
    sim.poll(sim.put(SETS + "s2", set_body(3, priority="Spot")))
    assert usage(sim, "standardHBv3Family") == (240, 10000)
    assert usage(sim, "cores") == (240, 100000)
    assert usage(sim, "lowPriorityCores") == (360, 100000)
    assert usage(sim, "virtualMachineScaleSets")[0] == 2
    assert usage(sim, "cores", "westeurope")[0] == 0


def test_subnet(sim):
    answer = sim.get(SUBNET, NETWORK)
    assert answer.body["properties"]["addressPrefix"] == "10.0.0.0/12"
    assert sim.get(SUBNET + "x", NETWORK).status == 404


def test_groups(sim):
    path = SUB + "/resourceGroups/g1"
    answer = sim.put(path, {"location": "East US", "tags": {"a": "b"}}, RESOURCES)
    assert answer.status == 201
    assert answer.body["properties"]["provisioningState"] == "Succeeded"
    assert sim.put(path, {"location": "eastus"}, RESOURCES).status == 200
    assert sim.put(path, {"location": "westeurope"}, RESOURCES).code == \
        "InvalidResourceGroupLocation"
    assert sim.request("HEAD", path, version=RESOURCES).status == 204
    answer = sim.put(path.replace("g1", "g2"), {"location": "mars"}, RESOURCES)
    assert answer.code == "LocationNotAvailableForResourceGroup"


def test_security_group(sim):
    path = RG + "/providers/Microsoft.Network/networkSecurityGroups/nsg1"
    rule = {"name": "ssh", "properties": {
        "priority": 1000, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
        "sourcePortRange": "*", "sourceAddressPrefix": "10.0.0.0/8", "destinationPortRange": "22",
        "destinationAddressPrefix": "*"}}
    answer = sim.put(path, {"location": "eastus", "properties": {"securityRules": [rule]}}, NETWORK)
    assert answer.status == 201
    assert answer.body["properties"]["provisioningState"] == "Updating"
    assert sim.poll(answer)["status"] == "Succeeded"
    assert sim.get(path, NETWORK).body["properties"]["provisioningState"] == "Succeeded"
    body = set_body(1)
    nic = body["properties"]["virtualMachineProfile"]["networkProfile"][
        "networkInterfaceConfigurations"][0]["properties"]
    nic["networkSecurityGroup"] = {"id": path + "x"}
    assert sim.put(SETS + "s1", body).code == "InvalidResourceReference"
    nic["networkSecurityGroup"] = {"id": path}
    assert sim.put(SETS + "s1", body).status == 201


def test_delete_group_takes_everything_along(sim):
    group = SUB + "/resourceGroups/g1"
    sim.put(group, {"location": "eastus"}, RESOURCES)
    sets = group + "/providers/Microsoft.Compute/virtualMachineScaleSets/"
    sim.poll(sim.put(sets + "s1", set_body(3)))
    answer = sim.delete(group, RESOURCES)
    assert answer.status == 202 and not answer.headers["Azure-AsyncOperation"]
    assert sim.put(sets + "s2", set_body(1)).code == "ResourceGroupBeingDeleted"
    wait_for(lambda: sim.get(answer.headers["Location"], None).status == 200)
    assert sim.get(group, RESOURCES).code == "ResourceGroupNotFound"
    assert sim.vms() == [] and usage(sim, "cores")[0] == 0
