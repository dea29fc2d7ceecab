# SPDX-License-Identifier: MIT
"""The queries of Resource Graph."""

import pytest

from armsim import FAST, GRAPH, SETS, SUB, VMS, set_body, vm_body, wait_for


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


def test_changes_show_after_the_lag(start):
    """New and deleted machines and power states: each is seen as it was a while ago."""
    sim = start(*FAST, "--no-throttle", "--graph-lag", "150")  # 1.5 seconds

    def rows():
        found = graph(sim, "Resources | where name =~ 'n1' | project power="
                           "properties.extended.instanceView.powerState.code").body["data"]
        return [row.get("power") for row in found]
    sim.poll(sim.put(VMS + "n1", vm_body("n1")))
    wait_for(lambda: rows() == ["PowerState/running"])
    sim.poll(sim.post(VMS + "n1/powerOff"))
    assert sim.vms()[0]["power"] == "stopped"
    assert rows() != ["PowerState/stopped"]
    wait_for(lambda: rows() == ["PowerState/stopped"])
    sim.request("POST", "/simulator/delete", {"resource_id": VMS + "n1"})
    assert sim.get(VMS + "n1").status == 404
    assert rows() == ["PowerState/stopped"]
    wait_for(lambda: rows() == [])
