# SPDX-License-Identifier: MIT
"""What a template asks of a VM is what Azure is asked for."""
import json
import re
import urllib.request

from harness import SUBSCRIPTION, wait_until

HEAD = """\
[cluster c]
[[node defaults]]
Credentials = azure
Region = eastus
SubnetId = sim-rg/sim-vnet/compute
ImageName = almalinux8
MachineType = Standard_D4s_v5
AwaitInstallation = false
"""


def bodies(daemon, cluster, kind):
    """The bodies of PUT requests for resources of a kind in the groups of a cluster, by name."""
    found = {}
    for line in daemon.azure_log.read_text().splitlines():
        row = json.loads(line)
        path = re.search(rf"/resourceGroups/cyclecloud-{cluster}-[^/]*/providers/[^/]*/{kind}/([^/?]*)",
                         row.get("url") or row.get("path") or "")
        if row.get("method") == "PUT" and path:
            body = row["requestBody"]
            found[path.group(1)] = json.loads(body) if isinstance(body, str) else body
    return found


def start(daemon, name, template):
    daemon.make_cluster(name, HEAD + template)
    assert daemon.error(name).splitlines()[0] == "ok", daemon.error(name)
    daemon.write("started\n", name, "state")
    assert daemon.sync(name, "state") == ""


def only(found):
    assert len(found) == 1, found
    return next(iter(found.values()))["properties"]


def test_security_and_encryption(shared_daemon):
    daemon = shared_daemon
    disk_set = ("/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/sim-rg/providers"
                "/Microsoft.Compute/diskEncryptionSets/keys")
    start(daemon, "sec", f"""\
[[node a]]
SecurityType = TrustedLaunch
HybridBenefit = true
HybridBenefitLicense = RHEL_BYOS
[[[volume boot]]]
DiskEncryptionSetId = {disk_set}
Azure.Caching = ReadOnly
[[[volume data]]]
Size = 32
DiskEncryptionSetId = {disk_set}
""")
    vm = only(bodies(daemon, "sec", "virtualMachines"))
    assert vm["securityProfile"] == {"securityType": "TrustedLaunch",
                                     "uefiSettings": {"secureBootEnabled": True,
                                                      "vTpmEnabled": True}}
    assert vm["licenseType"] == "RHEL_BYOS"
    disk = vm["storageProfile"]["osDisk"]
    assert disk["managedDisk"]["diskEncryptionSet"]["id"] == disk_set
    assert disk["caching"] == "ReadOnly"
    data = vm["storageProfile"]["dataDisks"][0]
    assert data["managedDisk"]["diskEncryptionSet"]["id"] == disk_set
    assert data["caching"] == "None"


def test_windows(shared_daemon):
    daemon = shared_daemon
    start(daemon, "win", """\
[[node headnode_of_the_lab]]
ImageName = cycle.image.win2022
Password = $AdminPassword
[parameter AdminPassword]
ParameterType = Password
DefaultValue = Correct-Horse-9
""")
    profile = only(bodies(daemon, "win", "virtualMachines"))["osProfile"]
    assert profile["computerName"] == "headnode-of-the"
    assert profile["adminPassword"] == "Correct-Horse-9"
    assert profile["windowsConfiguration"]["provisionVMAgent"] is True
    assert "linuxConfiguration" not in profile
    for name in ("status", "definition", "parameters", "logs", "error", "plan"):
        assert "Correct-Horse" not in daemon.read("win", name)


def test_windows_without_a_password(shared_daemon):
    daemon = shared_daemon
    daemon.make_cluster("nopw", HEAD + "[[node a]]\nImageName = cycle.image.win2022\n")
    daemon.write("started\n", "nopw", "state")
    assert "error" in daemon.sync("nopw", "state")
    assert "needs a Password" in daemon.read("nopw", "status")


def test_names(shared_daemon):
    daemon = shared_daemon
    start(daemon, "names", """\
[[node a]]
ComputerNamePrefix = lab-
[[node b_2]]
ComputerNamePrefix = lab-
[[node c]]
ComputerName = web.1
""")
    names = [body["properties"]["osProfile"]["computerName"]
             for body in bodies(daemon, "names", "virtualMachines").values()]
    assert sorted(names) == ["lab-a", "lab-b-2", "web-1"]


def test_price_of_spot_vms_makes_another_set(shared_daemon):
    daemon = shared_daemon
    template = "[[nodearray e]]\nMachineType = Standard_F2s_v2\nInterruptible = true\nMaxPrice = "
    daemon.make_cluster("spot", HEAD + template + "0.5\n")
    daemon.write("1\n", "spot", "nodes", "count")
    assert daemon.sync("spot", "nodes", "count") == ""
    daemon.write(HEAD + template + "0.75\n", "spot", "template")
    daemon.write("2\n", "spot", "nodes", "count")
    assert daemon.sync("spot", "nodes", "count") == ""
    prices = sorted(body["properties"]["virtualMachineProfile"]["billingProfile"]["maxPrice"]
                    for body in bodies(daemon, "spot", "virtualMachineScaleSets").values())
    assert prices == [0.5, 0.75]


def test_nodes_without_an_agent_are_ready_when_they_run(make_daemon):
    daemon = make_daemon(simulate="--time-scale=0.01 --seed=1 --no-agents").start()
    daemon.make_cluster("bare", HEAD + "[[node a]]\nInstallJetpack = false\nAwaitInstallation = "
                        "true\n[[nodearray e]]\nMachineType = Standard_F2s_v2\n")
    daemon.write("1\n", "bare", "nodes", "count")
    assert daemon.sync("bare", "nodes", "count") == ""
    assert daemon.read("bare", "nodes", "a", "status") == "Ready\n"
    assert daemon.read("bare", "nodes", "e-1", "status") == "Ready\n"


def rules(daemon, cluster):
    """What each security group of a cluster opens, by name: (region, {"tcp-22"...})."""
    return {name: (body["location"], {rule["name"]: rule["properties"]["destinationPortRange"]
                                      for rule in body["properties"]["securityRules"]})
            for name, body in bodies(daemon, cluster, "networkSecurityGroups").items()}


PUBLIC = """\
[[node a]]
AssociatePublicIpAddress = true
[[[input-endpoint web]]]
PrivatePort = 443
[[node b]]
AssociatePublicIpAddress = true
[[[input-endpoint ssh]]]
PublicPort = 22
PrivatePort = 22
[[[input-endpoint time]]]
PublicPort = 123
Protocol = udp
[[[input-endpoint again]]]
PublicPort = 443
[[node inside]]
[[[input-endpoint closed]]]
PublicPort = 8080
"""


def test_input_endpoints(shared_daemon):
    daemon = shared_daemon
    start(daemon, "open", PUBLIC)
    assert rules(daemon, "open") == {
        "cyclecloud-nsg": ("eastus", {"tcp-22": "22", "udp-123": "123", "tcp-443": "443"})}
    daemon.write(HEAD + PUBLIC.replace("443", "8443"), "open", "template")
    wait_until(lambda: "tcp-8443" in rules(daemon, "open")["cyclecloud-nsg"][1], 20,
               "the new port in the security group")
    assert "tcp-443" not in rules(daemon, "open")["cyclecloud-nsg"][1]


def test_input_endpoints_after_a_restart(make_daemon):
    """What a server before this one has opened follows the template, too."""
    daemon = make_daemon().start()
    start(daemon, "open", PUBLIC)
    daemon.terminate()
    daemon.start()
    daemon.write(HEAD + PUBLIC.replace("443", "8443"), "open", "template")
    wait_until(lambda: "tcp-8443" in rules(daemon, "open")["cyclecloud-nsg"][1], 20,
               "the new port in the security group")


def test_nothing_is_open_unasked(shared_daemon):
    daemon = shared_daemon
    start(daemon, "shut", "[[node a]]\nAssociatePublicIpAddress = true\n")
    assert rules(daemon, "shut") == {"cyclecloud-nsg": ("eastus", {})}


def make_network(daemon, name, region):
    """A virtual network with a subnet `compute`, as an administrator of the subscription makes it."""
    azure = daemon.azure()
    url = (f"{azure.base}/subscriptions/{SUBSCRIPTION}/resourceGroups/sim-rg/providers/"
           f"Microsoft.Network/virtualNetworks/{name}?api-version=2024-01-01")
    body = {"location": region, "properties": {
        "addressSpace": {"addressPrefixes": ["10.64.0.0/16"]},
        "subnets": [{"name": "compute", "properties": {"addressPrefix": "10.64.0.0/20"}}]}}
    request = urllib.request.Request(url, json.dumps(body).encode(), method="PUT", headers={
        "Authorization": f"Bearer {azure.login()}", "Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).close()


def test_security_groups_of_two_regions(shared_daemon):
    daemon = shared_daemon
    make_network(daemon, "sim-west", "westeurope")
    start(daemon, "two", """\
[[node a]]
AssociatePublicIpAddress = true
[[[input-endpoint web]]]
PrivatePort = 80
[[node b]]
Region = westeurope
SubnetId = sim-rg/sim-west/compute
AssociatePublicIpAddress = true
[[[input-endpoint web]]]
PrivatePort = 81
""")
    assert rules(daemon, "two") == {
        "cyclecloud-nsg": ("eastus", {"tcp-80": "80"}),
        "cyclecloud-nsg-westeurope": ("westeurope", {"tcp-81": "81"})}
