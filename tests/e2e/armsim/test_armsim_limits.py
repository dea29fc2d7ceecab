# SPDX-License-Identifier: MIT
"""Quotas, throttling, and failures on demand."""

import http.client
import threading
import time
import urllib.error

import pytest

from armsim import (COMPUTE, FAST, GRAPH, RESOURCES, RG, SETS, SKUS, SUB, VMS, set_body, vm_body,
                    wait_for)


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
    for _ in range(2000):  # 200 at once and 10 a second: a slow machine needs more
        refused = sim.put(SUB + "/resourceGroups/g", {"location": "eastus"}, RESOURCES)
        if refused.status == 429:
            break
    assert refused.code == "SubscriptionRequestsThrottled" and refused.headers["Retry-After"]
    assert "Number of 'write' requests" in refused.body["error"]["message"]
    assert sim.get(RG, RESOURCES).status == 200


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
    sim.fault("slow=4,path=skus,count=1")
    began = time.monotonic()
    slow = threading.Thread(target=sim.get, args=(SUB + "/providers/Microsoft.Compute/skus", SKUS))
    slow.start()
    time.sleep(0.2)
    assert sim.get(RG, RESOURCES).status == 200
    assert time.monotonic() - began < 3
    slow.join()
    assert time.monotonic() - began > 3.9


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
