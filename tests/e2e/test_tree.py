# SPDX-License-Identifier: MIT
"""What the server shows of itself and of money: system/prices, price, usage, alerts, trace."""
import json
import os
import re
import shutil
import signal

from harness import shell, wait_until


def table(text):
    """The rows of a table as dicts."""
    head, *lines = [re.split(r"  +", line.strip()) for line in text.splitlines()]
    return [dict(zip(head, line)) for line in lines]


def prices(daemon):
    return {row["NAME"]: row for row in table(daemon.read("system", "prices"))}


def test_prices(shared_daemon):
    wait_until(lambda: "Standard_F2s_v2" in prices(shared_daemon), 10, "the prices")
    row = prices(shared_daemon)["Standard_F2s_v2"]
    assert (row["ACCOUNT"], row["REGION"], row["CURRENCY"]) == ("azure", "eastus", "USD")
    assert 0 < int(row["SPOT_HOUR"]) < int(row["HOUR"]) < 1_000_000


def test_times_of_readings(shared_daemon):
    """What was read from the cloud has the time of the reading, whatever else changes."""
    wait_until(lambda: prices(shared_daemon), 10, "the prices")
    files = [shared_daemon.path("system", name) for name in ("prices", "quotas", "machine_types")]

    def unchanged():  # but for a reading that comes in between, once a minute
        before = [os.stat(path).st_mtime_ns for path in files]
        shell("mkdir t; rmdir t; sleep 0.3", cwd=shared_daemon.mount)
        return before == [os.stat(path).st_mtime_ns for path in files]
    wait_until(unchanged, 10, "times of modification that stay")


def test_price_of_a_node(shared_daemon):
    shared_daemon.make_cluster("p")
    shared_daemon.write("1\n", "p", "nodes", "count")
    assert shared_daemon.sync("p", "nodes", "count") == ""
    wait_until(lambda: prices(shared_daemon), 10, "the prices")
    (name,) = [n for n in shared_daemon.nodes("p") if n != "head"]
    hour = prices(shared_daemon)["Standard_F2s_v2"]["HOUR"]
    wait_until(lambda: shared_daemon.read("p", "nodes", name, "price") == f"{hour} USD\n", 5,
               "the price")
    shell("echo terminated > p/state; sync p/state; rmdir p", cwd=shared_daemon.mount)


def usage(daemon, cluster):
    return json.loads(daemon.read(cluster, "usage"))


def test_usage(make_daemon):
    daemon = make_daemon().start()
    daemon.make_cluster("u")
    assert usage(daemon, "u")["breakdown"] == []
    wait_until(lambda: prices(daemon), 10, "the prices")
    daemon.write("2\n", "u", "nodes", "count")
    assert daemon.sync("u", "nodes", "count") == ""
    wait_until(lambda: usage(daemon, "u")["total"]["cost_micro"] > 20, 20, "some cost")
    now = usage(daemon, "u")
    rows = {row["array"]: row for row in now["breakdown"]}
    assert rows["execute"]["nodes"] == 2 and rows["head"]["nodes"] == 1
    assert rows["execute"]["machine_type"] == "Standard_F2s_v2" and not rows["execute"]["spot"]
    assert now["total"]["nodes"] == 3 and now["total"]["currency"] == "USD"
    assert now["total"]["unpriced_node_hours"] == 0
    shell("echo terminated > u/state; sync u/state", cwd=daemon.mount)
    gone = usage(daemon, "u")
    assert gone["total"]["nodes"] == 0
    assert gone["total"]["cost_micro"] >= now["total"]["cost_micro"]
    assert usage(daemon, "u")["total"] == gone["total"]  # it stands still
    daemon.kill()
    wait_until(lambda: daemon.try_start().returncode == 0, 20, "another start")
    assert usage(daemon, "u")["total"] == gone["total"]


def test_alerts(make_daemon):
    fault = "--fault=size=Standard_F2s_v2,capacity=0,count=1,code=AllocationFailed"
    daemon = make_daemon(simulate=f"--time-scale=0.01 --seed=1 {fault}").start()
    assert os.listdir(daemon.path("system", "alerts")) == []
    daemon.make_cluster("a")
    assert daemon.read("a", "alerts") == ""
    daemon.write("2\n", "a", "nodes", "count")
    # one machine may be seen to have failed before the other
    wait_until(lambda: "2 nodes" in daemon.read("a", "alerts"), 30, "an alert")
    (line,) = daemon.read("a", "alerts").splitlines()
    assert re.match(r"20\d\d-\S+Z execute: capacity: 2 nodes: ", line)
    assert os.listdir(daemon.path("system", "alerts")) == ["a-execute-capacity"]
    since, cluster, array, kind, words = daemon.read(
        "system", "alerts", "a-execute-capacity").splitlines()
    assert since == "since: " + line.split()[0]
    assert (cluster, array, kind) == ("cluster: a", "array: execute", "kind: capacity")
    assert words.startswith("2 nodes: ")
    assert "1 alerts" in daemon.read("status")
    daemon.write("retry\n", "a", "control")
    assert daemon.sync("a", "nodes", "count") == ""
    assert daemon.read("a", "alerts") == ""
    assert os.listdir(daemon.path("system", "alerts")) == []
    logs = daemon.read("a", "logs")
    assert re.search(r"alert: capacity: [12] node", logs) and "alert over: capacity: " in logs


def test_orphans(make_daemon):
    """The state directory is restored from before the cluster was made: its VMs are left over."""
    daemon = make_daemon().start()
    daemon.terminate()
    shutil.copytree(daemon.state / "db", daemon.dir / "backup")
    daemon.start()
    daemon.make_cluster("o")
    daemon.write("1\n", "o", "nodes", "count")
    assert daemon.sync("o", "nodes", "count") == ""
    machines = daemon.azure().machines()
    daemon.kill()
    shutil.rmtree(daemon.state / "db")
    shutil.copytree(daemon.dir / "backup", daemon.state / "db")
    daemon.start()
    assert os.listdir(daemon.path("system", "orphans")) == []

    def orphans():
        os.kill(daemon.pid, signal.SIGHUP)  # looks at the cloud anew
        return os.listdir(daemon.path("system", "orphans"))

    wait_until(lambda: len(orphans()) == 2, 30, "two orphans", 0.3)
    found = {daemon.read("system", "orphans", name, "resource_id").strip().lower(): name
             for name in orphans()}
    assert found.keys() == machines.keys()
    assert "server-orphans" in os.listdir(daemon.path("system", "alerts"))
    for name in found.values():
        assert daemon.read("system", "orphans", name, "state") == "left\n"
        assert shell(f"echo adopt > system/orphans/{name}/control", check=False,
                     cwd=daemon.mount).returncode
        assert "write one of terminate" in daemon.read("last_error")
        shell(f"echo terminate > system/orphans/{name}/control", cwd=daemon.mount)
        assert daemon.read("system", "orphans", name, "control") == "# no verb is allowed now\n"
    wait_until(lambda: not daemon.azure().machines(), 30, "no VM left")
    wait_until(lambda: orphans() == [], 30, "no orphan left", 0.3)
    assert os.listdir(daemon.path("system", "alerts")) == []


def test_trace(shared_daemon):
    wait_until(lambda: "list_sizes account=azure: ok http=200" in
               shared_daemon.read("system", "trace"), 10, "the first requests")
    for line in shared_daemon.read("system", "trace").splitlines():
        assert re.match(r"20\d\d-\S+Z [a-z_]+ account=\S+.*: [a-z]+ http=\d+ ms=\d+", line)
