# SPDX-License-Identifier: MIT
"""What Azure refuses, armsim refuses: with Azure's status, code and words."""

import copy
import subprocess

import pytest

from armsim import FAST, NETWORK, RG, SETS, VMS, Simulator, set_body, vm_body
from harness import ROOT, shared

pytestmark = pytest.mark.no_threads

PROFILE = "properties.virtualMachineProfile"
NSG = RG + "/providers/Microsoft.Network/networkSecurityGroups/"
WINDOWS = {"publisher": "MicrosoftWindowsServer", "offer": "WindowsServer",
           "sku": "2022-datacenter-g2", "version": "latest"}
GOOD_PASSWORD = "Long3nough!"


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """One simulator for all refusals; its log has what no client should send."""
    simulator = Simulator(tmp_path_factory.mktemp("strict"), *FAST, "--no-throttle",
                          log="refused.jsonl")
    yield simulator
    assert simulator.stop() == 0


def place(body, path, value):
    """Puts a value at "a.b.0.c"; an absent list or object is made. The body."""
    *way, last = path.split(".")
    for name, following in zip(way, [*way[1:], last]):
        if isinstance(body, list):
            body = body[int(name)]
        else:
            body = body.setdefault(name, [] if following.isdigit() else {})
    if isinstance(body, list):
        body.insert(int(last), value)
    else:
        body[last] = value


def machine(changes):
    """A VM's body with changes {path below properties or a name at the top: value}."""
    body = vm_body("m")
    for path, value in changes.items():
        place(body, path if path in ("zones", "tags", "location") else "properties." + path,
              copy.deepcopy(value))
    return body


def refused(answer, status, code, words):
    assert (answer.status, answer.code) == (status, code), answer.data
    text = answer.body["error"]["message"] + str(answer.body["error"].get("details", ""))
    assert words in text, text


def disk(lun=0, size=8, kind="Premium_LRS", **more):
    return {"lun": lun, "createOption": "Empty", "diskSizeGB": size,
            "managedDisk": {"storageAccountType": kind}, **more}


def data(*disks):
    return {"storageProfile.dataDisks": list(disks)}


def windows(**profile):
    """A Windows machine with these members in its osProfile besides the user."""
    return {"storageProfile.imageReference": WINDOWS,
            "osProfile": {"computerName": "m", "adminUsername": "hpcadmin", **profile}}


def confidential(size="Standard_NCC40ads_H100_v5", vtpm=True, boot=True, how="VMGuestStateOnly"):
    return {"hardwareProfile.vmSize": size,
            "securityProfile": {"securityType": "ConfidentialVM", "uefiSettings": {
                "secureBootEnabled": boot, "vTpmEnabled": vtpm}},
            "storageProfile.osDisk.managedDisk.securityProfile": {"securityEncryptionType": how}}


def notice(length):
    return {"scheduledEventsProfile": {"terminateNotificationProfile": {
        "enable": True, "notBeforeTimeout": length}}}


LUN_RANGE = "The value '64' of parameter 'dataDisk.lun' is out of range. Value '64' must be " \
            "between '0' and '63' inclusive."
PARAMETER, BAD = "InvalidParameter", "BadRequest"
MACHINES = {
    "two disks on a LUN": (data(disk(0), disk(1), disk(0)), 400, PARAMETER, "'0' of parameter "
                           "'dataDisk.lun' is used by more than one"),
    "LUN 64": (data(disk(64)), 400, PARAMETER, LUN_RANGE),
    "no size": (data({"lun": 0, "createOption": "Empty"}), 400, PARAMETER,
                "'dataDisk.diskSizeGB' is missing"),
    "no LUN": (data({"createOption": "Empty", "diskSizeGB": 8}), 400, PARAMETER,
               "Required parameter 'lun' is missing"),
    "99,999,999 GB": (data(disk(size=99999999)), 400, PARAMETER,
                      "between '1' and '32767' inclusive"),
    "OS disk of 5000 GB": ({"storageProfile.osDisk.diskSizeGB": 5000}, 400, PARAMETER,
                           "'osDisk.diskSizeGB' is out of range"),
    "caching": (data(disk(caching="Sometimes")), 400, BAD,
                "Error converting value \"Sometimes\" to type 'caching'. Path "
                "'properties.storageProfile.dataDisks[0].caching'"),
    "storage type": (data(disk(kind="PremiumLRS")), 400, BAD, "Error converting value"),
    "Ultra unasked": (data(disk(kind="UltraSSD_LRS", caching="None")), 400, PARAMETER,
                      "StorageAccountType UltraSSD_LRS can be used only when "
                      "additionalCapabilities.ultraSSDEnabled is set."),
    "Ultra outside a zone": ({"additionalCapabilities.ultraSSDEnabled": True,
                              **data(disk(kind="UltraSSD_LRS"))}, 400, PARAMETER,
                             "UltraSSD can be used only with Virtual Machine in an Availability"),
    "Ultra cached": ({"additionalCapabilities.ultraSSDEnabled": True, "zones": ["1"],
                      **data(disk(kind="UltraSSD_LRS", caching="ReadWrite"))}, 400, PARAMETER,
                     "Storage Account type UltraSSD_LRS is not supported with caching type "
                     "ReadWrite. Please use caching type None."),
    "PremiumV2 cached": ({"zones": ["1"], **data(disk(kind="PremiumV2_LRS", caching="ReadOnly"))},
                         400, PARAMETER, "PremiumV2_LRS is not supported with caching"),
    "PremiumV2 outside a zone": (data(disk(kind="PremiumV2_LRS")), 400, PARAMETER,
                                 "only with Virtual Machines in an Availability Zone"),
    "Ultra for the system": ({"zones": ["1"], "storageProfile.osDisk.managedDisk":
                              {"storageAccountType": "UltraSSD_LRS"}}, 400, PARAMETER,
                             "is not allowed. Allowed values are"),
    "premium on a size without": ({"hardwareProfile.vmSize": "Standard_D4_v5",
                                   "storageProfile.osDisk": {"createOption": "FromImage"},
                                   **data(disk())}, 400, PARAMETER,
                                  "VM size Standard_D4_v5 does not support the storage account"),
    "ephemeral on a size without": ({"storageProfile.osDisk": {
        "createOption": "FromImage", "diffDiskSettings": {"option": "Local"}}}, 409,
        "VMCannotFitEphemeralOSDisk", "Standard_D4s_v5"),
    "ephemeral too large": ({"hardwareProfile.vmSize": "Standard_F2s_v2", "storageProfile.osDisk": {
        "createOption": "FromImage", "caching": "ReadOnly", "diskSizeGB": 64,
        "diffDiskSettings": {"option": "Local"}}}, 409, "VMCannotFitEphemeralOSDisk",
        "OS disk of Ephemeral VM with size greater than 32 GB is not allowed for VM size "
        "Standard_F2s_v2"),
    "accelerated network": ({"hardwareProfile.vmSize": "Standard_B2s",
                             "networkProfile.networkInterfaceConfigurations.0.properties."
                             "enableAcceleratedNetworking": True}, 400,
                            "VMSizeIsNotPermittedToEnableAcceleratedNetworking", "Standard_B2s"),
    "two zones": ({"zones": ["1", "2"]}, 400, "ResourceCannotHaveMultipleZonesSpecified",
                  "has 2 zones specified. Only one zone can be specified for this resource."),
    "PT20M": (notice("PT20M"), 400, PARAMETER, "must be between 'PT5M' and 'PT15M' inclusive"),
    "PT4M59S": (notice("PT4M59S"), 400, PARAMETER, "must be between 'PT5M' and 'PT15M'"),
    "ten minutes": (notice("ten minutes"), 400, PARAMETER, "must be between 'PT5M' and 'PT15M'"),
    "Linux settings for Windows": ({"storageProfile.imageReference": WINDOWS}, 400, PARAMETER,
                                   "The value of parameter linuxConfiguration is invalid."),
    "Windows settings for Linux": ({"osProfile.windowsConfiguration": {}}, 400, PARAMETER,
                                   "The value of parameter windowsConfiguration is invalid."),
    "Windows without password": (windows(), 400, PARAMETER,
                                 "Required parameter 'adminPassword' is missing (null)."),
    "simple password": (windows(adminPassword="simple"), 400, PARAMETER,
                        "The supplied password must be between 8-123 characters long"),
    "simple Linux password": ({"osProfile.adminPassword": "short"}, 400, PARAMETER,
                              "The supplied password must be between 6-72 characters long"),
    "Windows name": (windows(adminPassword=GOOD_PASSWORD, computerName="n" * 16), 400, PARAMETER,
                     "Windows computer name cannot be more than 15 characters long"),
    "numeric Windows name": (windows(adminPassword=GOOD_PASSWORD, computerName="123"), 400,
                             PARAMETER, "be entirely numeric"),
    "Linux name": ({"osProfile.computerName": "n" * 65}, 400, PARAMETER,
                   "Linux host name cannot exceed 64 characters in length"),
    "name with _": ({"osProfile.computerName": "a_b"}, 400, PARAMETER, "Linux host name"),
    "user admin": ({"osProfile.adminUsername": "admin"}, 400, PARAMETER,
                   "The Admin Username specified is not allowed."),
    "key elsewhere": ({"osProfile.linuxConfiguration.ssh.publicKeys": [
        {"path": "/root/.ssh/authorized_keys", "keyData": "k"}]}, 400, PARAMETER,
        "limited to its default value /home/hpcadmin/.ssh/authorized_keys"),
    "no login": ({"osProfile.linuxConfiguration": {"disablePasswordAuthentication": True}}, 400,
                 PARAMETER, "must be enabled in Linux profile"),
    "security type": ({"securityProfile.securityType": "Trusted"}, 400, BAD,
                      "Error converting value \"Trusted\" to type 'securityType'"),
    "settings without type": ({"securityProfile.uefiSettings.secureBootEnabled": True}, 400, BAD,
                              "'securityProfile.uefiSettings' can only be set for VMs with"),
    "confidential without vTPM": (confidential(vtpm=False), 400, BAD, "vTpmEnabled' must be set"),
    "confidential disk without secure boot": (confidential(boot=False, how="DiskWithVMGuestState"),
                                              400, BAD, "secureBootEnabled' must be set to 'true'"),
    "confidential on a usual size": (confidential("Standard_D4s_v5"), 400, BAD,
                                     "The VM size 'Standard_D4s_v5' is not supported for creation "
                                     "of VMs and Virtual Machine Scale Set with 'ConfidentialVM'"),
    "confidential disk alone": ({"storageProfile.osDisk.managedDisk.securityProfile":
                                 {"securityEncryptionType": "VMGuestStateOnly"}}, 400, BAD,
                                "can only be set for Confidential VMs."),
    "eviction of a regular VM": ({"evictionPolicy": "Delete"}, 400, PARAMETER,
                                 "Eviction policy can be set only on Azure Spot Virtual Machines."),
    "price too low": ({"priority": "Spot", "billingProfile.maxPrice": 0.00001}, 409,
                      "OperationNotAllowed", "is lower than the current spot price"),
    "community image as id": ({"storageProfile.imageReference": {
        "id": "/CommunityGalleries/g/Images/i/Versions/latest"}}, 400, "LinkedInvalidPropertyId",
        "Expect fully qualified resource Id that start with '/subscriptions/{subscriptionId}'"),
    "shared image as id": ({"storageProfile.imageReference": {
        "id": "/SharedGalleries/g/Images/i/Versions/latest"}}, 400, "LinkedInvalidPropertyId",
        "imageReference.id"),
    "two images": ({"storageProfile.imageReference.communityGalleryImageId":
                    "/CommunityGalleries/g/Images/i"}, 400, PARAMETER, "not allowed together"),
    "unknown member": ({"osProfile.hostName": "x"}, 400, BAD,
                       "Could not find member 'hostName' on object of type 'OSProfile'. Path "
                       "'properties.osProfile.hostName'"),
    "unknown property": ({"vmSize": "x"}, 400, BAD,
                         "Could not find member 'vmSize' on object of type 'Properties'"),
    "text for a number": ({"storageProfile.osDisk.diskSizeGB": "128"}, 400, BAD,
                          "Error converting value \"128\" to type 'System.Int32'"),
    "tag with /": ({"tags": {"a/b": "1"}}, 400, "InvalidTagNameCharacters",
                   "The tag names 'a/b' have reserved characters '<,>,%,&,\\,?,/'"),
    "tag of 513": ({"tags": {"n" * 513: "1"}}, 400, "InvalidTagName", "Tag key too large."),
    "value of 257": ({"tags": {"n": "v" * 257}}, 400, "InvalidTagValueLength",
                     "Maximum allowed length for tag value - '256' characters."),
    "51 tags": ({"tags": {str(i): "" for i in range(51)}}, 400, "TooManyTags", "50"),
}


@pytest.mark.parametrize("row", MACHINES)
def test_machine_refused(strict, row):
    changes, status, code, words = MACHINES[row]
    refused(strict.put(VMS + "m", machine(changes)), status, code, words)
    assert strict.get(VMS + "m").status == 404


ACCEPTED = {
    "disks": data(disk(0, caching="none"), disk(63, 32767, "StandardSSD_LRS")),
    "Ultra": {"zones": ["1"], "additionalCapabilities.ultraSSDEnabled": True,
              **data(disk(kind="UltraSSD_LRS", size=65536, caching="None"))},
    "notice": notice("PT15M"),
    "Windows": windows(adminPassword=GOOD_PASSWORD, computerName="n" * 15),
    "confidential": confidential(),
    "trusted": {"securityProfile": {"securityType": "trustedlaunch", "uefiSettings": {
        "secureBootEnabled": True, "vTpmEnabled": True}}},
    "community image": {"storageProfile.imageReference": {
        "communityGalleryImageId": "/CommunityGalleries/g/Images/i/Versions/latest"}},
    "tags": {"tags": {"n" * 512: "ü" * 256, **{str(i): "<>%&" for i in range(49)}}},
    "what only the service writes": {"provisioningState": "Succeeded", "vmId": "mine",
                                     "hardwareProfile.vmSizeProperties": None},
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_machine_accepted(strict, row):
    answer = strict.put(VMS + "good", machine(ACCEPTED[row]))
    assert answer.status == 201, answer.data
    assert answer.body["properties"]["vmId"] != "mine"
    strict.request("POST", "/simulator/delete", {"resource_id": VMS + "good"})


def test_words_are_kept_in_azures_spelling(strict):
    body = machine({"securityProfile": {"SecurityType": "TRUSTEDLAUNCH"}})
    answer = strict.put(VMS + "spelt", body)
    assert answer.body["properties"]["securityProfile"] == {"securityType": "TrustedLaunch"}


def test_set_refused(strict):
    rows = [
        (PROFILE + ".osProfile.computerNamePrefix", "n" * 59,
         "Linux computer name prefix cannot exceed 58"),
        ("properties.additionalCapabilities.ultraSSDEnabled", True,
         "Feature 'UltraSSD' can be used only with Virtual Machine Scale Sets in an"),
    ]
    for path, value, words in rows:
        body = set_body(1)
        place(body, path, value)
        refused(strict.put(SETS + "s", body), 400, PARAMETER, words)
    body = set_body(1)
    body["properties"]["virtualMachineProfile"]["storageProfile"]["imageReference"] = WINDOWS
    body["properties"]["virtualMachineProfile"]["osProfile"] = {
        "adminUsername": "hpcadmin", "adminPassword": GOOD_PASSWORD,
        "computerNamePrefix": "ten-chars-"}
    refused(strict.put(SETS + "s", body), 400, PARAMETER,
            "Windows computer name prefix cannot be more than 9 characters long")
    body = set_body(1)
    body["wrong"] = 1
    refused(strict.put(SETS + "s", body), 400, "InvalidRequestContent",
            "Could not find member 'wrong' on object of type 'ResourceDefinition'")
    refused(strict.post(SETS + "s/delete", {"instanceIds": [1]}), 400, BAD, "instanceIds[0]")


def rule(name="ssh", priority=100, port="22", **properties):
    return {"name": name, "properties": {
        "priority": priority, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
        "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*",
        "destinationPortRange": port, **properties}}


RULES = {
    "name": ([rule("a b")], "InvalidResourceName", "Resource name a b is invalid."),
    "priority 99": ([rule(priority=99)], "SecurityRuleInvalidPriority",
                    "Value provided: 99. Allowed range 100-4096."),
    "priority 4097": ([rule(priority=4097)], "SecurityRuleInvalidPriority", "4097"),
    "port 0": ([rule(port="0")], "SecurityRuleInvalidPortRange",
               "Security rule has invalid Port range. Value provided: 0."),
    "port 70000": ([rule(port="70000")], "SecurityRuleInvalidPortRange", "70000"),
    "range": ([rule(port="90-80")], "SecurityRuleInvalidPortRange", "90-80"),
    "ports in a text": ([rule(port="80, 443")], "SecurityRuleInvalidPortRange", "80, 443"),
    "address": ([rule(sourceAddressPrefix="10.0.0.0/33")], "SecurityRuleInvalidAddressPrefix",
                "10.0.0.0/33"),
    "same name": ([rule(), rule("SSH", 101)], "InvalidRequestFormat", "DuplicateResourceName"),
    "same priority": ([rule(), rule("web", 100, "80")], "SecurityRuleConflict",
                      "Security rule ssh conflicts with rule web. Rules cannot have the same "
                      "Priority and Direction. To learn more, see aka.ms/nsgrules."),
    "protocol": ([rule(protocol="IP")], "InvalidRequestFormat", "Error converting value \"IP\""),
    "access": ([rule(access="Maybe")], "InvalidRequestFormat", "Maybe"),
}


@pytest.mark.parametrize("row", RULES)
def test_security_group_refused(strict, row):
    rules, code, words = RULES[row]
    answer = strict.put(NSG + "g", {"location": "eastus", "properties": {"securityRules": rules}},
                        NETWORK)
    refused(answer, 400, code, words)


def test_security_group_of_another_region(strict):
    for region, status in (("westeurope", 400), ("eastus", 201)):
        group = NSG + region
        strict.put(group, {"location": region, "properties": {"securityRules": [
            rule(port="0-65535"), rule("out", direction="Outbound"),
            rule("many", 200, None, destinationPortRanges=["80", "443"])]}}, NETWORK)
        body = machine({"networkProfile.networkInterfaceConfigurations.0.properties."
                        "networkSecurityGroup": {"id": group}})
        answer = strict.put(VMS + "n", body)
        assert answer.status == status, answer.data
        if status == 400:
            refused(answer, 400, "InvalidResourceReference", "both resources are in the same")


def test_table_is_what_the_openapi_files_say():
    directory = shared() and shared() / "data/azure/openapi/specification"
    if not directory or not directory.is_dir():
        pytest.skip("Azure's OpenAPI files are not here")
    subprocess.run([ROOT / "tools/arm-constraints", directory, "--check"], check=True)
