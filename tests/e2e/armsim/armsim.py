# SPDX-License-Identifier: MIT
"""armsim as a client of Azure Resource Manager sees it: requests over HTTP, and bodies to send."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import arm_schemas
from harness import BUILD

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
        is_json = "json" in (headers["Content-Type"] or "")
        self.body = json.loads(data) if is_json and data[:1] in (b"{", b"[") else None

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
        if self.log == "log.jsonl":  # others have what no client should send
            arm_schemas.keep(self.directory / self.log)
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


def usage(sim, name, region="eastus"):
    answer = sim.get(f"{SUB}/providers/Microsoft.Compute/locations/{region}/usages")
    line = next(one for one in answer.body["value"] if one["name"]["value"] == name)
    return line["currentValue"], line["limit"]
