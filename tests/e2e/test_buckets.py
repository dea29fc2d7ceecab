# SPDX-License-Identifier: MIT
"""Buckets: what autoscalers read in status.json, in sessions with a simulated Azure."""
import contextlib
import errno
import json
import urllib.request

import pytest

from harness import SIMPLE, wait_until

F2, D2 = "Standard_F2s_v2", "Standard_D2s_v5"  # 2 vCPUs each
QUICK = "--time-scale=0.01 --seed=1"

# What REST's ClusterStatus promises of a bucket: name and type.
FIELDS = {
    "bucketId": str, "definition": dict, "valid": bool, "invalidReason": str,
    "maxCount": int, "maxCoreCount": int, "activeCount": int, "activeCoreCount": int,
    "activeNodes": list, "availableCount": int, "availableCoreCount": int,
    "quotaCount": int, "quotaCoreCount": int, "consumedCoreCount": int,
    "familyQuotaCount": int, "familyQuotaCoreCount": int, "familyConsumedCoreCount": int,
    "regionalQuotaCount": int, "regionalQuotaCoreCount": int, "regionalConsumedCoreCount": int,
    "lastCapacityFailure": float, "maxPlacementGroupSize": int, "maxPlacementGroupCoreSize": int,
    "placementGroups": list, "virtualMachine": dict,
}
MACHINE = {"vcpuCount": int, "pcpuCount": int, "gpuCount": int, "memory": (int, float),
           "infiniband": bool}


def check_types(record, fields):
    for name, kind in fields.items():
        value = record[name]
        assert isinstance(value, kind) and (kind is not int or value is not True), (name, value)


def check_bucket(bucket, nodes):
    check_types(bucket, FIELDS)
    machine = bucket["virtualMachine"]
    check_types(machine, MACHINE)
    assert machine["vcpuCount"] > 0 and machine["pcpuCount"] > 0
    for name in ("max", "active", "available"):
        assert bucket[f"{name}CoreCount"] == bucket[f"{name}Count"] * machine["vcpuCount"]
    # scalelib asserts these
    assert bucket["familyConsumedCoreCount"] <= bucket["familyQuotaCoreCount"]
    assert bucket["regionalConsumedCoreCount"] <= bucket["regionalQuotaCoreCount"]
    assert bucket["invalidReason"] in (("",) if bucket["valid"]
                                       else ("NotActivated", "DisabledMachineType"))
    assert bucket["activeCount"] == len(bucket["activeNodes"])
    assert set(bucket["activeNodes"]) <= set(nodes)
    for group in bucket["placementGroups"]:
        check_types(group, {"name": str, "activeCount": int, "activeCoreCount": int})
        assert group["activeCount"] <= bucket["maxPlacementGroupSize"]


def check_status(status):
    """Walks it as an autoscaler does, which indexes without asking."""
    check_types(status, {"maxCount": int, "maxCoreCount": int, "nodearrays": list, "nodes": list})
    nodes = {n["Name"]: n for n in status["nodes"]}
    assert len(nodes) == len(status["nodes"])
    buckets, ids = {}, set()
    for array in status["nodearrays"]:
        check_types(array, {"name": str, "nodearray": dict, "maxCount": int, "maxCoreCount": int,
                            "buckets": list})
        assert array["nodearray"]["Region"] and array["nodearray"]["SubnetId"]
        for bucket in array["buckets"]:
            check_bucket(bucket, nodes)
            buckets[array["name"], bucket["definition"]["machineType"]] = bucket
            ids.add(bucket["bucketId"])
        active = sum(b["activeCount"] for b in array["buckets"])
        assert active <= array["maxCount"]
    assert len(ids) == len(buckets)
    for node in nodes.values():
        assert (node["Template"], node["MachineType"]) in buckets
        assert node["Status"] not in ("Off", "Terminated")
    hosts = [n["Hostname"] for n in nodes.values() if n["Hostname"] is not None]
    assert "" not in hosts and len(set(hosts)) == len(hosts)


def read_status(daemon, cluster="c"):
    status = json.loads(daemon.read(cluster, "status.json"))
    check_status(status)
    return status


def read_buckets(daemon, cluster="c"):
    """Of the only array, by machine type."""
    (array,) = read_status(daemon, cluster)["nodearrays"]
    return {b["definition"]["machineType"]: b for b in array["buckets"]}


def begin(make_daemon, template=SIMPLE, options=""):
    """A daemon with the cluster c that knows what the cloud sells and its quotas."""
    daemon = make_daemon(simulate=f"{QUICK} {options}").start()
    daemon.make_cluster("c", template)
    wait_until(lambda: "cores" in daemon.read("system", "quotas") and
               F2 in daemon.read("system", "machine_types"), 20, "sizes and quotas")
    return daemon


def simulator(daemon, method, path, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{daemon.simulator_port}/simulator/{path}",
        None if body is None else json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status


def refused(daemon, text):
    with pytest.raises(OSError) as caught:
        daemon.write(text, "c", "nodes", "count")
    return caught.value.errno


def test_session(make_daemon):
    """From nothing over ten nodes to the quota, which bounds counts as the bucket says."""
    daemon = begin(make_daemon, options="--quota eastus/standardFSv2Family=40")
    status = read_status(daemon)
    assert "state" not in status and status["nodes"] == []
    bucket = read_buckets(daemon)[F2]
    assert bucket["valid"] and bucket["activeNodes"] == [] and bucket["placementGroups"] == []
    assert (bucket["maxCount"], bucket["availableCount"], bucket["quotaCount"]) == (20, 20, 20)
    assert bucket["lastCapacityFailure"] == -1.0
    assert bucket["virtualMachine"] == {"vcpuCount": 2, "pcpuCount": 1, "gpuCount": 0, "memory": 4,
                                        "infiniband": False, "vcpuQuotaCount": 2}
    daemon.write("10\n", "c", "nodes", "count")
    for _ in range(20):  # the same before, while and after VMs come
        bucket = read_buckets(daemon)[F2]
        assert (bucket["activeCount"], bucket["availableCount"]) == (10, 10), bucket
    assert daemon.sync("c", "nodes", "count") == ""
    bucket = read_buckets(daemon)[F2]
    assert bucket["activeNodes"] == [f"execute-{i}" for i in range(1, 11)]
    assert (bucket["activeCount"], bucket["availableCount"]) == (10, 10)
    assert bucket["consumedCoreCount"] == bucket["familyConsumedCoreCount"] == 20
    assert bucket["regionalConsumedCoreCount"] == 24  # and the head's
    status = read_status(daemon)
    assert status["state"] == status["targetState"] == "Started"
    assert {n["Name"] for n in status["nodes"]} == set(bucket["activeNodes"])
    assert refused(daemon, "+11\n") == errno.EDQUOT
    daemon.write("+10\n", "c", "nodes", "count")
    assert read_buckets(daemon)[F2]["availableCount"] == 0


def test_file_of_an_array(make_daemon):
    daemon = begin(make_daemon)
    (listed,) = json.loads(daemon.read("c", "arrays", "execute", "buckets"))
    bucket = read_buckets(daemon)[F2]
    assert bucket.pop("activeNodes") == []
    assert listed == bucket
    (head,) = json.loads(daemon.read("c", "arrays", "head", "buckets"))
    assert head["definition"] == {"machineType": "Standard_D4s_v5"} and head["maxCount"] == 1


def test_limits_of_the_array(make_daemon):
    daemon = begin(make_daemon, SIMPLE.replace("MaxCount =", "MaxCoreCount = 25\nMaxCount ="))
    assert read_buckets(daemon)[F2]["maxCount"] == 12
    daemon.write("4\n", "c", "nodes", "count")
    assert read_buckets(daemon)[F2]["availableCount"] == 8
    assert refused(daemon, "+9\n") == errno.EDQUOT
    daemon.write("6\n", "c", "arrays", "execute", "max_count")
    assert read_buckets(daemon)[F2]["availableCount"] == 2
    daemon.write("2\n", "c", "arrays", "execute", "max_count")  # less than there are
    (array,) = read_status(daemon)["nodearrays"]
    assert array["maxCount"] == 4 and array["buckets"][0]["availableCount"] == 0


def test_regional_quota_counts_other_clusters(make_daemon):
    daemon = begin(make_daemon, options="--quota eastus/cores=40")
    daemon.make_cluster("d")
    assert read_buckets(daemon)[F2]["availableCount"] == 20
    daemon.write("5\n", "d", "nodes", "count")  # 10 cores, and 4 of its head
    bucket = read_buckets(daemon)[F2]
    assert (bucket["availableCount"], bucket["regionalConsumedCoreCount"]) == (13, 14)
    assert daemon.sync("d", "nodes", "count") == ""
    assert read_buckets(daemon)[F2]["availableCount"] == 13


def test_quota_that_changes(make_daemon):
    daemon = begin(make_daemon)
    assert read_buckets(daemon)[F2]["maxCount"] == 2000
    daemon.write("3\n", "c", "nodes", "count")
    simulator(daemon, "POST", "quota", {"quota": "eastus/cores=8"})  # 10 are wanted
    daemon.write("retry\n", "c", "control")  # reads the quotas at once
    bucket = wait_until(lambda: next(
        (b for b in read_buckets(daemon).values() if b["regionalQuotaCoreCount"] == 8), None),
        20, "the new quota")
    assert bucket["availableCount"] == 0 and bucket["regionalConsumedCoreCount"] == 8


def test_spot(make_daemon):
    daemon = begin(make_daemon, SIMPLE.replace("MaxCount =", "Interruptible = true\nMaxCount ="),
                   "--quota eastus/lowPriorityCores=20 --quota eastus/cores=100")
    daemon.write("4\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    bucket = read_buckets(daemon)[F2]
    assert (bucket["maxCount"], bucket["availableCount"], bucket["quotaCount"]) == (10, 6, 10)
    assert bucket["regionalQuotaCoreCount"] == 20 and bucket["regionalConsumedCoreCount"] == 8
    assert bucket["familyConsumedCoreCount"] == 0  # spot is not taken from the family


def test_capacity_failure(make_daemon):
    """A type that cannot be had is not available for a while; the next one takes its nodes."""
    template = SIMPLE.replace("MachineType = $ExecuteMachineType", f"MachineType = {F2}, {D2}")
    daemon = begin(make_daemon, template)
    simulator(daemon, "POST", "faults", {"spec": f"capacity,size={F2}"})
    daemon.write("2\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    buckets = read_buckets(daemon)
    assert 0 <= buckets[F2]["lastCapacityFailure"] < 120
    assert buckets[F2]["valid"] and buckets[F2]["availableCount"] == 0
    assert buckets[F2]["maxCount"] == 2000 and buckets[F2]["activeCount"] == 0
    assert buckets[D2]["lastCapacityFailure"] == -1.0
    assert buckets[D2]["activeCount"] == 2 and buckets[D2]["availableCount"] == 1998
    daemon.write("retry\n", "c", "control")
    bucket = read_buckets(daemon)[F2]
    assert bucket["availableCount"] == 1998 and bucket["lastCapacityFailure"] >= 0


def test_capacity_comes_back(make_daemon):
    daemon = begin(make_daemon)
    simulator(daemon, "POST", "faults", {"spec": f"capacity,size={F2}"})
    daemon.write("2\n", "c", "nodes", "count")
    wait_until(lambda: read_buckets(daemon)[F2]["lastCapacityFailure"] >= 0, 30, "the failure")
    assert read_buckets(daemon)[F2]["availableCount"] == 0
    simulator(daemon, "DELETE", "faults")
    daemon.write("retry\n", "c", "control")
    assert daemon.sync("c", "nodes", "count") == ""
    bucket = read_buckets(daemon)[F2]
    assert bucket["lastCapacityFailure"] == -1.0 and bucket["availableCount"] == 1998


def test_old_type(make_daemon):
    """Nodes of a type that the parameters no longer name keep a bucket of their own."""
    daemon = begin(make_daemon)
    daemon.write("2\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    before = read_buckets(daemon)[F2]["bucketId"]
    daemon.write(json.dumps({"ExecuteMachineType": D2.upper()}), "c", "parameters")
    buckets = read_buckets(daemon)
    assert list(buckets) == [D2, F2]
    assert buckets[F2]["bucketId"] == before and buckets[F2]["activeCount"] == 2
    assert not buckets[F2]["valid"] and buckets[F2]["invalidReason"] == "DisabledMachineType"
    assert buckets[F2]["availableCount"] == buckets[F2]["maxCount"] == 0
    assert buckets[D2]["valid"] and buckets[D2]["availableCount"] == 1998
    daemon.write("3\n", "c", "nodes", "count")
    assert read_buckets(daemon)[D2]["activeCount"] == 1  # in its bucket before it has a VM
    assert daemon.sync("c", "nodes", "count") == ""
    buckets = read_buckets(daemon)
    assert (buckets[F2]["activeCount"], buckets[D2]["activeCount"]) == (2, 1)
    daemon.write("0\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    assert list(read_buckets(daemon)) == [D2]


def test_unknown_type(make_daemon):
    daemon = begin(make_daemon, SIMPLE.replace(F2, "Standard_F2s_v9"))
    bucket = read_buckets(daemon)["Standard_F2s_v9"]
    assert not bucket["valid"] and bucket["invalidReason"] == "NotActivated"


def test_placement_group(make_daemon):
    daemon = begin(make_daemon, SIMPLE.replace("MaxCount =", "PlacementGroupId = pg0\nMaxCount ="))
    daemon.write("3\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    bucket = read_buckets(daemon)[F2]
    assert bucket["placementGroups"] == [{"name": "pg0", "activeCount": 3, "activeCoreCount": 6}]
    assert bucket["maxPlacementGroupSize"] == 100
    assert bucket["maxPlacementGroupCoreSize"] == 200
    assert {n["PlacementGroupId"] for n in read_status(daemon)["nodes"]} == {"pg0"}
    assert daemon.read("c", "nodes", "execute-1", "placement_group") == "pg0\n"


def test_every_moment_of_a_session(make_daemon):
    """Whatever is under way, also right after a restart: an autoscaler can read it."""
    daemon = make_daemon(simulate=QUICK).start()
    daemon.make_cluster("c")
    ids = set()

    def walk(times):
        for _ in range(times):
            ids.update(b["bucketId"] for b in read_buckets(daemon).values())
    walk(5)
    for count in ("6", "2", "8", "0"):
        daemon.write(count + "\n", "c", "nodes", "count")
        walk(30)
    daemon.write("3\n", "c", "nodes", "count")
    daemon.kill()
    daemon.start()
    walk(50)
    with contextlib.suppress(OSError):
        daemon.write("terminated\n", "c", "state")
    walk(30)
    assert len(ids) == 1


def types_of(daemon):
    """How many nodes of the nodearray have which machine type."""
    types = [daemon.read("c", "nodes", n, "machine_type").strip()
             for n in daemon.nodes("c") if n != "head"]
    return {name: types.count(name) for name in types}


def two_types(make_daemon, *quotas):
    """A cluster whose nodearray has two machine types, and a daemon that knows the quotas."""
    options = " ".join(f"--quota eastus/{quota}" for quota in quotas)
    daemon = make_daemon(simulate=f"{QUICK} {options}").start()
    daemon.make_cluster("c", SIMPLE.replace("MachineType = $Execute", f"MachineType = {F2}, {D2} #"))
    wait_until(lambda: "cores" in daemon.read("system", "quotas") and
               F2 in daemon.read("system", "machine_types"), 20, "sizes and quotas")
    return daemon


def test_next_type_when_the_quota_is_used_up(make_daemon):
    """The list is tried in order; the quota of a type is no reason to refuse what others have."""
    daemon = two_types(make_daemon, "standardFSv2Family=6")
    daemon.write("5\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    assert types_of(daemon) == {F2: 3, D2: 2}
    daemon.write("+2\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    assert types_of(daemon) == {F2: 3, D2: 4}
    daemon.write("2\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    daemon.write("6\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    assert sum(types_of(daemon).values()) == 6 and types_of(daemon)[F2] <= 3


def test_no_type_has_room(make_daemon):
    """Refused with what fits of all types together, beside the head; nothing of it is done."""
    daemon = two_types(make_daemon, "standardFSv2Family=6", "standardDSv5Family=8")
    with pytest.raises(OSError) as caught:
        daemon.write("6\n", "c", "nodes", "count")
    assert caught.value.errno == errno.EDQUOT
    words = daemon.error("c").splitlines()[0]
    assert f"{F2}, {D2}" in words and "room for 5 more" in words, words
    assert daemon.read("c", "nodes", "count") == "0\n"
    daemon.write("5\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    assert types_of(daemon) == {F2: 3, D2: 2}
