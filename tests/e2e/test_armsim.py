# SPDX-License-Identifier: MIT
"""armsim, over HTTP only: what a client of Azure Resource Manager sees of it."""

import base64
import http.server
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest

BUILD = pathlib.Path(os.environ.get("CYCLECLOUDFS_BUILD",
                                    pathlib.Path(__file__).resolve().parents[2] / "build"))
SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
RG = SUB + "/resourceGroups/sim-rg"
SUBNET = RG + "/providers/Microsoft.Network/virtualNetworks/sim-vnet/subnets/compute"
SETS = RG + "/providers/Microsoft.Compute/virtualMachineScaleSets/"
VMS = RG + "/providers/Microsoft.Compute/virtualMachines/"
COMPUTE, NETWORK, RESOURCES = "2024-03-01", "2024-01-01", "2024-03-01"
SKUS, GRAPH, NICS = "2021-07-01", "2022-10-01", "2018-10-01"
FAST = ("--time-scale", "0.01")


class Answer:
    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data
        self.body = json.loads(data) if data[:1] in (b"{", b"[") else None

    @property
    def code(self):
        return self.body["error"]["code"]


class Simulator:
    def __init__(self, directory, *options, log="log.jsonl"):
        self.directory, self.options, self.log = directory, options, log
        self.process = None
        self.token = ""
        self.start()

    def start(self, *more):
        port_file = self.directory / "port"
        port_file.unlink(missing_ok=True)
        self.errors = open(self.directory / "errors", "ab")
        self.process = subprocess.Popen(
            [BUILD / "armsim", "--port-file", port_file, "--log", self.directory / self.log,
             *self.options, *more], stderr=self.errors)
        wait_for(port_file.exists)
        self.url = "http://127.0.0.1:" + port_file.read_text().strip()
        self.token = self.login().body["access_token"]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.errors.close()
        return code

    def request(self, method, url, body=None, headers=None, version=None, timeout=30):
        url = url if url.startswith("http") else self.url + url
        if version:
            url += ("&" if "?" in url else "?") + "api-version=" + version
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        send = {"Authorization": "Bearer " + self.token}
        if data is not None:
            send["Content-Type"] = "application/json"
        send.update(headers or {})
        send = {name: value for name, value in send.items() if value is not None}
        request = urllib.request.Request(url, data, send, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def login(self, tenant="simulated", **fields):
        form = {"grant_type": "client_credentials", "client_id": "simulated",
                "client_secret": "simulated", "scope": "https://management.azure.com/.default"}
        form.update(fields)
        form = {name: value for name, value in form.items() if value is not None}
        return self.request("POST", f"/{tenant}/oauth2/v2.0/token",
                            urllib.parse.urlencode(form).encode(),
                            {"Content-Type": "application/x-www-form-urlencoded",
                             "Authorization": None})

    def get(self, path, version=COMPUTE):
        return self.request("GET", path, version=version)

    def put(self, path, body, version=COMPUTE):
        return self.request("PUT", path, body, version=version)

    def post(self, path, body=None, version=COMPUTE):
        return self.request("POST", path, b"" if body is None else body, version=version)

    def delete(self, path, version=COMPUTE):
        return self.request("DELETE", path, version=version)

    def poll(self, answer, timeout_s=20):
        """Follows Azure-AsyncOperation to its end; its last body."""
        assert answer.status in (200, 201, 202), answer.data
        url = answer.headers["Azure-AsyncOperation"]
        deadline = time.monotonic() + timeout_s
        while True:
            body = self.get(url, version=None).body
            if body["status"] != "InProgress":
                return body
            assert time.monotonic() < deadline, body
            time.sleep(0.2)

    def instances(self, name):
        url, version, found = SETS + name + "/virtualMachines?$expand=instanceView", COMPUTE, []
        while url:
            answer = self.get(url, version)
            assert answer.status == 200, answer.data
            found += answer.body["value"]
            url, version = answer.body.get("nextLink"), None
        return found

    def vms(self):
        return self.get("/simulator/vms", None).body["vms"]

    def fault(self, spec):
        answer = self.request("POST", "/simulator/faults", {"spec": spec})
        assert answer.status == 201, answer.data
        return answer.body["id"]


def wait_for(condition, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def profile(name, custom_data=None, host="computerNamePrefix", flexible=False):
    os_profile = {"adminUsername": "hpcadmin", host: name,
                  "linuxConfiguration": {
                      "disablePasswordAuthentication": True,
                      "ssh": {"publicKeys": [{"path": "/home/hpcadmin/.ssh/authorized_keys",
                                              "keyData": "ssh-ed25519 AAAA user"}]}}}
    if custom_data:
        os_profile["customData"] = custom_data
    network = {"networkInterfaceConfigurations": [{"name": "nic0", "properties": {
        "primary": True, "ipConfigurations": [{"name": "ip0", "properties": {
            "primary": True, "subnet": {"id": SUBNET}}}]}}]}
    if host == "computerName" or flexible:
        network["networkApiVersion"] = "2020-11-01"
    return {"storageProfile": {
                "imageReference": {"publisher": "almalinux", "offer": "almalinux-hpc",
                                   "sku": "8_10-hpc-gen2", "version": "latest"},
                "osDisk": {"createOption": "FromImage",
                           "managedDisk": {"storageAccountType": "Premium_LRS"}}},
            "osProfile": os_profile, "networkProfile": network}


def set_body(capacity, size="Standard_HB120rs_v3", custom_data=None, **properties):
    machine = profile("hpc-", custom_data)
    machine["priority"] = properties.pop("priority", "Regular")
    if machine["priority"] == "Spot":
        machine["evictionPolicy"] = properties.pop("evictionPolicy", "Delete")
    return {"location": properties.pop("location", "eastus"),
            "tags": {"ClusterId": "c1", "NodeArray": "hpc"},
            "sku": {"name": size, "tier": "Standard", "capacity": capacity},
            "properties": {"orchestrationMode": "Uniform", "singlePlacementGroup": False,
                           "overprovision": False, "upgradePolicy": {"mode": "Manual"},
                           "virtualMachineProfile": machine, **properties}}


def vm_body(name, size="Standard_D4s_v5", custom_data=None):
    return {"location": "eastus", "tags": {"ClusterId": "c1"},
            "properties": {"hardwareProfile": {"vmSize": size},
                           **profile(name, custom_data, "computerName")}}


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*options, log="log.jsonl"):
        started.append(Simulator(tmp_path, *options, log=log))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            assert one.stop() == 0


@pytest.fixture
def sim(start):
    return start(*FAST)


@pytest.fixture
def rude(start):
    """For tests that send what no client should: their log is not checked against the API."""
    return start(*FAST, log="refused.jsonl")


# ---- logging in ----

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


# ---- catalogue, quota, network ----

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


def usage(sim, name, region="eastus"):
    answer = sim.get(f"{SUB}/providers/Microsoft.Compute/locations/{region}/usages")
    line = next(one for one in answer.body["value"] if one["name"]["value"] == name)
    return line["currentValue"], line["limit"]


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


# ---- machines ----

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


# ---- limits and failures ----

def test_quota(start):
    sim = start(*FAST, "--quota", "eastus/standardHBv3Family=360", "--quota",
                "eastus/lowPriorityCores=120")
    assert sim.put(SETS + "s1", set_body(2)).status == 201
    answer = sim.put(SETS + "s2", set_body(2))
    assert answer.status == 409 and answer.code == "OperationNotAllowed"
    assert answer.body["error"]["message"] == (
        "Operation could not be completed as it results in exceeding approved standardHBv3Family "
        "Cores quota. Additional details - Deployment Model: Resource Manager, Location: eastus, "
        "Current Limit: 360, Current Usage: 240, Additional Required: 240, (Minimum) New Limit "
        "Required: 480.")
    answer = sim.put(SETS + "s2", set_body(2, priority="Spot"))
    assert "approved LowPriority Cores quota" in answer.body["error"]["message"]
    assert sim.get(SETS + "s2").status == 404
    assert sim.request("POST", "/simulator/quota", {"quota": "eastus/cores=300"}).status == 204
    answer = sim.put(SETS + "s3", set_body(10, size="Standard_D16as_v5"))
    assert "approved Total Regional Cores quota" in answer.body["error"]["message"]


def test_throttling_of_one_set(start):
    sim = start("--time-scale", "0")
    for _ in range(12):
        assert sim.request("PATCH", SETS + "s1", {"tags": {}}, version=COMPUTE).status == 404
    answer = sim.request("PATCH", SETS + "s1", {"tags": {}}, version=COMPUTE)
    assert answer.status == 429 and answer.code == "OperationNotAllowed"
    assert answer.body["error"]["details"][0]["code"] == "TooManyRequests"
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    other = sim.put(SETS + "s2", set_body(1))
    assert other.status == 201
    assert "Microsoft.Compute/PutVMScaleSet;374" in ",".join(
        other.headers.get_all("x-ms-ratelimit-remaining-resource"))
    assert int(other.headers["x-ms-ratelimit-remaining-subscription-writes"]) < 200


def test_throttling_at_the_front_door(start):
    sim = start(*FAST)
    answers = [sim.put(SUB + "/resourceGroups/g", {"location": "eastus"}, RESOURCES)
               for _ in range(230)]
    refused = next(one for one in answers if one.status == 429)
    assert refused.code == "SubscriptionRequestsThrottled" and refused.headers["Retry-After"]
    assert "Number of 'write' requests" in refused.body["error"]["message"]
    assert sim.get(RG, RESOURCES).status == 200
    assert sum(one.status == 429 for one in answers) < 40


def test_vm_budget(start):
    sim = start(*FAST, "--vm-budget", "10")
    assert sim.put(SETS + "s1", set_body(8)).status == 201
    answer = sim.put(SETS + "s2", set_body(8))
    assert answer.status == 429
    assert answer.body["error"]["details"][0]["target"] == "VMScaleSetBatchedVMRequests5Min"
    assert sim.get(SETS + "s2").status == 404


def test_graph_throttling(sim):
    query = {"subscriptions": [SUB.split("/")[2]], "query": "Resources | take 1"}
    answers = [sim.post("/providers/Microsoft.ResourceGraph/resources", query, GRAPH)
               for _ in range(16)]
    assert answers[0].headers["x-ms-user-quota-remaining"] == "14"
    assert answers[-1].status == 429


def test_partial_capacity(sim):
    sim.fault("capacity=2,count=1")
    answer = sim.put(SETS + "s1", set_body(5))
    assert answer.status == 201
    end = sim.poll(answer)
    assert end["status"] == "Failed" and end["error"]["code"] == "AllocationFailed"
    states = [one["properties"]["provisioningState"] for one in sim.instances("s1")]
    wait_for(lambda: sorted(one["properties"]["provisioningState"]
                            for one in sim.instances("s1")) == ["Failed"] * 3 + ["Succeeded"] * 2)
    assert sim.get(SETS + "s1").body["properties"]["provisioningState"] == "Failed", states
    failed = [one for one in sim.instances("s1")
              if one["properties"]["provisioningState"] == "Failed"]
    code = failed[0]["properties"]["instanceView"]["statuses"][0]["code"]
    assert code == "ProvisioningState/failed/AllocationFailed"
    sim.poll(sim.post(SETS + "s1/delete", {"instanceIds": [one["instanceId"] for one in failed]}))
    wait_for(lambda: len(sim.instances("s1")) == 2)
    assert sim.poll(sim.put(SETS + "s1", set_body(3)))["status"] == "Succeeded"


def test_capacity_of_a_zone_and_of_one_size(start):
    sim = start(*FAST, "--fault", "capacity,size=Standard_HB120rs_v3")
    body = set_body(1)
    body["zones"] = ["2"]
    assert sim.poll(sim.put(SETS + "s1", body))["error"]["code"] == "ZonalAllocationFailed"
    other = set_body(1, size="Standard_D16as_v5")
    assert sim.poll(sim.put(SETS + "s2", other))["status"] == "Succeeded"
    assert sim.poll(sim.put(VMS + "n1", vm_body("n1", "Standard_HB120rs_v3")))["error"]["code"] == \
        "AllocationFailed"
    assert sim.get(VMS + "n1").body["properties"]["provisioningState"] == "Failed"


def test_status_faults(sim):
    sim.fault("method=PUT,path=virtualMachineScaleSets,status=500,count=1")
    assert sim.put(SETS + "s1", set_body(1)).code == "InternalServerError"
    assert sim.get(SETS + "s1").status == 404
    sim.fault("method=PUT,status=503,after,count=1")
    assert sim.put(SETS + "s1", set_body(1)).status == 503
    assert sim.get(SETS + "s1").status == 200
    sim.fault("path=s1,status=429,retry-after=7,skip=1,count=1")
    assert sim.get(SETS + "s1").status == 200
    refused = sim.get(SETS + "s1")
    assert refused.status == 429 and refused.headers["Retry-After"] == "7"
    sim.fault("status=409,code=SkuNotAvailable,message=Sold out,count=1")
    assert sim.put(SETS + "s2", set_body(1)).code == "SkuNotAvailable"
    faults = sim.get("/simulator/faults", None).body["faults"]
    assert [one["hits"] for one in faults] == [1, 1, 1, 1]
    bad = sim.request("POST", "/simulator/faults", {"spec": "colour=red"})
    assert bad.status == 400 and "colour" in bad.body["error"]["message"]
    sim.fault("status=500")
    assert sim.get(RG, RESOURCES).status == 500
    assert sim.request("DELETE", "/simulator/faults").status == 204
    assert sim.get(RG, RESOURCES).status == 200


def test_lost_reply(sim):
    sim.fault("lost-reply,method=PUT,count=1")
    with pytest.raises((urllib.error.URLError, ConnectionError, http.client.HTTPException)):
        sim.put(SETS + "s1", set_body(2))
    assert len(sim.instances("s1")) == 2


def test_slow_answer_holds_up_nobody_else(sim):
    sim.fault("slow=1.5,path=skus,count=1")
    began = time.monotonic()
    slow = threading.Thread(target=sim.get, args=(SUB + "/providers/Microsoft.Compute/skus", SKUS))
    slow.start()
    time.sleep(0.2)
    assert sim.get(RG, RESOURCES).status == 200
    assert time.monotonic() - began < 1.2
    slow.join()
    assert time.monotonic() - began > 1.4


def test_eviction(sim):
    sim.poll(sim.put(SETS + "s1", set_body(2, priority="Spot")))
    sim.poll(sim.put(SETS + "s2", set_body(1, priority="Spot", evictionPolicy="Deallocate")))
    for machine in (SETS + "s1/virtualMachines/0", SETS + "s2/virtualMachines/0"):
        assert sim.request("POST", "/simulator/evict", {"resource_id": machine}).status == 204
    wait_for(lambda: len(sim.instances("s1")) == 1)
    assert sim.get(SETS + "s1").body["sku"]["capacity"] == 1
    wait_for(lambda: sim.vms()[-1]["power"] == "deallocated")
    assert sim.post(SETS + "s1/virtualMachines/1/simulateEviction").status == 204
    wait_for(lambda: not sim.instances("s1"))


def test_eviction_rate(start):
    sim = start(*FAST, "--evict-rate", "1000")
    sim.put(SETS + "s1", set_body(3, priority="Spot"))
    sim.put(SETS + "s2", set_body(3))
    wait_for(lambda: not sim.instances("s1"))
    assert len(sim.instances("s2")) == 3


def test_vanishing_behind_the_back(sim):
    sim.poll(sim.put(SETS + "s1", set_body(2)))
    sim.request("POST", "/simulator/delete", {"resource_id": SETS + "s1/virtualMachines/0"})
    assert [one["instanceId"] for one in sim.instances("s1")] == ["1"]
    sim.request("POST", "/simulator/delete", {"resource_id": SETS + "s1"})
    assert sim.get(SETS + "s1").status == 404 and sim.vms() == []
    assert sim.request("POST", "/simulator/delete", {"resource_id": "x"}).status == 404


# ---- Resource Graph ----

def graph(sim, query, **options):
    answer = sim.post("/providers/Microsoft.ResourceGraph/resources",
                      {"subscriptions": [SUB.split("/")[2]], "query": query,
                       "options": {"resultFormat": "objectArray", **options}}, GRAPH)
    return answer


def test_graph(start):
    sim = start(*FAST, "--graph-lag", "0")
    sim.poll(sim.put(SETS + "s1", set_body(5)))
    sim.poll(sim.put(VMS + "n1", vm_body("n1")))
    members = ("ComputeResources | where type =~ 'Microsoft.Compute/virtualMachineScaleSets/"
               "virtualMachines' and tags.ClusterId == 'c1' | project id, name, "
               "state=properties.extended.instanceView.powerState.code | order by id asc")
    first = graph(sim, members, **{"$top": 3}).body
    assert first["totalRecords"] == 5 and first["count"] == 3
    assert first["resultTruncated"] == "false"
    second = graph(sim, members, **{"$top": 3, "$skipToken": first["$skipToken"]}).body
    assert "$skipToken" not in second
    rows = first["data"] + second["data"]
    assert [row["id"] for row in rows] == [SETS + f"s1/virtualMachines/{i}" for i in range(5)]
    assert all(row["state"] == "PowerState/running" and len(row) == 3 for row in rows)
    alone = graph(sim, "Resources | where type =~ 'microsoft.compute/virtualmachines' and "
                       "tags['ClusterId'] == 'c1' | project name, vmId=properties.vmId, "
                       "size=properties.hardwareProfile.vmSize, properties.provisioningState").body
    assert alone["data"] == [{"name": "n1", "vmId": sim.vms()[-1]["vm_id"],
                              "size": "Standard_D4s_v5",
                              "properties_provisioningState": "Succeeded"}]


@pytest.mark.parametrize("condition,names", [
    ("name in ('s1_0', 's1_2')", ["s1_0", "s1_2"]),
    ("name !in~ ('S1_0') and not(name == 's1_1')", ["s1_2"]),
    ("name endswith '_1' or name =~ 'S1_2'", ["s1_1", "s1_2"]),
    ("isnotempty(tags.ClusterId) and (tolower(name) startswith 's1_0')", ["s1_0"]),
    ("tags.ClusterId contains 'zzz'", []),
    ("tags['No such'] == 'x' or isempty(tags.none)", ["s1_0", "s1_1", "s1_2"]),
])
def test_graph_conditions(start, condition, names):
    sim = start(*FAST, "--graph-lag", "0")
    sim.put(SETS + "s1", set_body(3))
    rows = graph(sim, f"ComputeResources | where {condition} | sort by name asc").body["data"]
    assert [row["name"] for row in rows] == names


def test_graph_refuses_what_it_cannot_read(sim):
    for query in ("Resources | where", "Resources | fold x", "Nothing", "Resources | where (a",
                  "Resources | where a == 'b", ""):
        answer = graph(sim, query)
        assert answer.status == 400 and answer.body["error"]["details"][0]["code"]
    count = graph(sim, "Resources | where type =~ 'microsoft.network/virtualnetworks' | count").body
    assert count["data"] == [{"Count": 1}]


# ---- state over a restart ----

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


# ---- agents ----

class Server(http.server.ThreadingHTTPServer):
    """What agents call: says 202 once to each, then takes them in."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, interval_s=1):
        super().__init__(("127.0.0.1", 0), Handler)
        self.interval_s, self.lock = interval_s, threading.Lock()
        self.tries, self.calls = {}, []
        self.revoked = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def custom_data(self):
        return base64.b64encode(json.dumps({
            "server": f"http://127.0.0.1:{self.server_port}", "ca_sha256": "",
            "token": "7.99.mac"}).encode()).decode()

    def states(self, vm_id):
        with self.lock:
            return [body["state"] for who, body in self.calls if who == vm_id]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        bearer = self.headers["Authorization"].removeprefix("Bearer ")
        with self.server.lock:
            status, answer = self.answer(body, bearer)
        data = json.dumps(answer).encode()
        self.send_response(status)
        if status == 202:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, body, bearer):
        server = self.server
        if self.path == "/agent/v1/register":
            assert bearer == "7.99.mac"
            vm_id = body["vm_id"]
            server.tries.setdefault(vm_id, []).append(body)
            if len(server.tries[vm_id]) == 1:
                return 202, {}
            return 200, {"node_id": "1", "node": "n", "cluster": "c", "token": "T-" + vm_id,
                         "interval_s": server.interval_s}
        assert self.path == "/agent/v1/status"
        vm_id = bearer.removeprefix("T-")
        if vm_id in server.revoked:
            server.revoked.discard(vm_id)
            return 401, {}
        server.calls.append((vm_id, body))
        return 200, {"interval_s": server.interval_s, "work": []}

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    one = Server()
    yield one
    one.shutdown()
    one.server_close()


def test_agents_call_home(sim, server):
    sim.put(SETS + "s1", set_body(3, custom_data=server.custom_data()))
    machines = {one["vm_id"]: one for one in sim.vms()}
    wait_for(lambda: all(server.states(one).count("completed") >= 2 for one in machines))
    for vm_id, machine in machines.items():
        first = server.tries[vm_id][0]
        assert first["resource_id"] == machine["resource_id"]
        assert first["hostname"] == machine["computer_name"]
        assert first["addresses"] == {"private": machine["private_ip"], "public": ""}
        assert len(server.tries[vm_id]) == 2
        assert server.states(vm_id)[0] == "running"
        report = next(body for who, body in server.calls if who == vm_id)
        assert report["phase"] == "Cloud.AwaitInstallation" and 0 <= report["metrics"]["cpu"] <= 1
    assert {one["agent"] for one in sim.vms()} == {"completed"}
    # 401: register again
    one = next(iter(machines))
    server.revoked.add(one)
    wait_for(lambda: len(server.tries[one]) == 3)
    # Nobody calls from a machine that is gone.
    sim.poll(sim.delete(SETS + "s1?forceDeletion=true"))
    count = len(server.calls)
    time.sleep(1.5)
    assert len(server.calls) == count


def test_agents_wait_for_their_server(sim):
    server = Server()
    data = server.custom_data()
    port = server.server_port
    server.shutdown()
    server.server_close()
    sim.put(SETS + "s1", set_body(1, custom_data=data))
    wait_for(lambda: sim.vms()[0]["agent"] == "registering")
    time.sleep(0.5)
    late = http.server.ThreadingHTTPServer.__new__(Server)
    late.interval_s, late.lock = 1, threading.Lock()
    late.tries, late.calls, late.revoked = {}, [], set()
    http.server.ThreadingHTTPServer.__init__(late, ("127.0.0.1", port), Handler)
    threading.Thread(target=late.serve_forever, daemon=True).start()
    wait_for(lambda: sim.vms()[0]["agent"] == "completed")
    late.shutdown()
    late.server_close()


def test_agents_go_on_after_a_restart(start, server, tmp_path):
    sim = start(*FAST, "--state", tmp_path / "state.json")
    sim.put(SETS + "s1", set_body(2, custom_data=server.custom_data()))
    machines = [one["vm_id"] for one in sim.vms()]
    wait_for(lambda: all("completed" in server.states(one) for one in machines))
    time.sleep(0.5)  # what nobody waits for is on disk after 200 ms
    sim.stop(signal.SIGKILL)
    count = len(server.calls)
    sim.start()
    wait_for(lambda: len(server.calls) >= count + 2)
    assert all(len(server.tries[one]) == 2 for one in machines)


def test_no_agents(start, server):
    sim = start(*FAST, "--no-agents")
    sim.poll(sim.put(SETS + "s1", set_body(2, custom_data=server.custom_data())))
    time.sleep(1)
    assert not server.tries


def test_boot_failures(start, server):
    sim = start(*FAST, "--boot-fail-rate", "1", "--seed", "3")
    sim.put(SETS + "s1", set_body(12, custom_data=server.custom_data()))
    machines = [one["vm_id"] for one in sim.vms()]
    wait_for(lambda: any("failed" in server.states(one) for one in machines))
    time.sleep(2)
    failed = [one for one in machines if "failed" in server.states(one)]
    silent = [one for one in machines if one not in server.tries]
    assert failed and silent and len(failed) + len(silent) == 12
    assert not any("completed" in server.states(one) for one in machines)


# ---- the program ----

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


def test_a_thousand_instances_are_listed_fast(start):
    sim = start("--time-scale", "0.001", "--page-size", "1000", "--no-throttle",
                "--quota", "eastus/cores=1000000", "--quota", "eastus/standardHBv3Family=1000000")
    sim.poll(sim.put(SETS + "s1", set_body(1000)))
    took = []
    for _ in range(5):
        began = time.monotonic()
        found = sim.get(SETS + "s1/virtualMachines?$expand=instanceView")
        took.append(time.monotonic() - began)
    assert len(found.body["value"]) == 1000
    sanitized = b"__asan_init" in (BUILD / "armsim").read_bytes()
    assert min(took) < (1 if sanitized else 0.1)


def test_unknown_requests(rude):
    answer = rude.get(RG + "/providers/Microsoft.Batch/batchAccounts/x")
    assert answer.status == 404 and answer.code == "InvalidResourceType"
    assert rude.request("PATCH", RG, {}, version=RESOURCES).status == 405
    identifier = str(uuid.uuid4())
    answer = rude.get(f"{SUB}/providers/Microsoft.Compute/locations/eastus/operations/{identifier}")
    assert answer.status == 404
