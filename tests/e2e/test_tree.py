# SPDX-License-Identifier: MIT
"""What the server shows of itself and of money: system/prices, price, usage, alerts, trace."""
import json
import re

import pytest

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
