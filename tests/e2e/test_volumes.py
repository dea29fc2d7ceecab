# SPDX-License-Identifier: MIT
"""Persistent volumes: the disk outlives the VM, the node's name, the cluster's run and the server."""
import errno
import os
import urllib.request

import pytest

from harness import API, SUBSCRIPTION, shell, wait_until

DISK_API = "2023-10-02"

TEMPLATE = """\
[cluster Store]

[[node defaults]]
Credentials = azure
Region = eastus
SubnetId = sim-rg/sim-vnet/compute
ImageName = almalinux8

[[node NODE]]
MachineType = Standard_D4s_v5
[[[volume home]]]
Size = SIZE
Mount = home
Persistent = true
[[[volume scratch]]]
Size = 32
"""


def template(node="head", size=128):
    return TEMPLATE.replace("NODE", node).replace("SIZE", str(size))


def disks(daemon):
    """Persistent disks in the cloud by their id: those with a resource group of their own."""
    found = daemon.azure().get(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/disks",
                               DISK_API)
    return {d["id"]: d for d in found if "-volume-" in d["id"]}


def volume(daemon, name, file):
    return daemon.read("c", "volumes", name, file).strip()


def the_disk(daemon):
    """The one disk, which the tree shows as it is in the cloud."""
    found = disks(daemon)
    assert len(found) == 1
    (disk,) = found.values()
    assert volume(daemon, "home", "resource_id") == disk["id"]
    return disk


def start(daemon, node="head"):
    daemon.write("started\n", "c", "state")
    assert daemon.sync("c", "state") == ""
    disk = the_disk(daemon)
    assert disk["managedBy"].lower() == daemon.read("c", "nodes", node,
                                                    "resource_id").strip().lower()
    assert volume(daemon, "home", "attached_to") == node
    return disk


def terminate(daemon):
    daemon.write("terminated\n", "c", "state")
    assert daemon.sync("c", "state") == ""
    assert not daemon.azure().machines()
    disk = the_disk(daemon)
    assert "managedBy" not in disk
    assert volume(daemon, "home", "attached_to") == ""
    return disk


def delete_vm(daemon, disk):
    """As somebody in the portal does it."""
    azure = daemon.azure()
    request = urllib.request.Request(
        f"{azure.base}{disk['managedBy']}?api-version={API['compute']}&forceDeletion=true",
        method="DELETE", headers={"Authorization": f"Bearer {azure.login()}"})
    urllib.request.urlopen(request, timeout=20).close()


def refused(daemon, text, *parts):
    with pytest.raises(OSError) as refusal:
        daemon.write(text, *parts)
    return refusal.value.errno, daemon.error("c")


def test_terminate_and_start_with_a_restart_between(make_daemon):
    daemon = make_daemon().start()
    daemon.make_cluster("c", template())
    assert os.listdir(daemon.path("c", "volumes")) == ["home"]
    assert volume(daemon, "home", "state") == "planned" and volume(daemon, "home", "size") == "0"
    first = start(daemon)
    assert first["properties"]["diskSizeGB"] == 128 and volume(daemon, "home", "size") == "128"
    assert terminate(daemon)["id"] == first["id"]
    assert "keep: volume home: 128 GB" in daemon.read("c", "plan")
    daemon.kill()
    daemon.start()
    assert start(daemon)["properties"]["uniqueId"] == first["properties"]["uniqueId"]


@pytest.mark.long  # the sweep that notices it comes every 45 s
def test_vm_deleted_behind_our_back(daemon):
    daemon.make_cluster("c", template())
    before = start(daemon)
    vm_id = daemon.read("c", "nodes", "head", "instance_id")
    delete_vm(daemon, before)
    wait_until(lambda: daemon.read("c", "nodes", "head", "instance_id") not in ("\n", vm_id), 120,
               "another VM")
    assert daemon.sync("c", "state") == ""
    assert start(daemon)["properties"]["uniqueId"] == before["properties"]["uniqueId"]


def test_renamed_node_and_larger_size(daemon):
    daemon.make_cluster("c", template())
    before = start(daemon)
    daemon.write(template("server", 256), "c", "template")
    assert "until volume home is free: the VM of node head has its disk" in \
        wait_until(lambda: "is free" in daemon.read("c", "plan") and daemon.read("c", "plan"), 30,
                   "the plan")
    daemon.write("terminate\n", "c", "nodes", "head", "control")
    after = start(daemon, "server")
    assert after["id"] == before["id"] and after["properties"]["diskSizeGB"] == 256
    assert after["properties"]["uniqueId"] == before["properties"]["uniqueId"]
    code, words = refused(daemon, template("server", 64), "c", "template")
    assert code == errno.EINVAL and "a disk cannot shrink" in words


def test_only_its_verb_deletes_it(daemon):
    daemon.make_cluster("c", template())
    start(daemon)
    code, words = refused(daemon, "delete\n", "c", "volumes", "home", "control")
    assert code == errno.EBUSY and "attached to the VM of node head" in words
    before = terminate(daemon)
    with pytest.raises(OSError) as refusal:
        os.rmdir(daemon.path("c"))
    assert refusal.value.errno == errno.EBUSY
    assert "home (128 GB)" in daemon.error("c") and "write `delete`" in daemon.error("c")
    daemon.write("delete\n", "c", "volumes", "home", "control")
    wait_until(lambda: not disks(daemon), 60, "no disk")
    wait_until(lambda: volume(daemon, "home", "state") == "planned", 60, "a new record")
    after = start(daemon)
    assert after["id"] != before["id"]
    terminate(daemon)
    daemon.write("delete\n", "c", "volumes", "home", "control")
    wait_until(lambda: volume(daemon, "home", "state") == "planned", 60, "a new record")
    shell("rmdir c", cwd=daemon.mount)
    assert not [g for g in daemon.azure().groups() if "-volume-" in g]


def test_lost_disk_is_not_replaced_by_an_empty_one(daemon):
    """Somebody deleted it in the portal."""
    daemon.make_cluster("c", template())
    start(daemon)
    disk = terminate(daemon)
    azure = daemon.azure()
    request = urllib.request.Request(
        f"{azure.base}{disk['id']}?api-version={DISK_API}", method="DELETE",
        headers={"Authorization": f"Bearer {azure.login()}"})
    urllib.request.urlopen(request, timeout=20).close()
    wait_until(lambda: not disks(daemon), 30, "no disk")
    daemon.write("started\n", "c", "state")
    wait_until(lambda: "is not found" in daemon.error("c"), 60, "the words")
    assert not disks(daemon) and not daemon.azure().machines()
