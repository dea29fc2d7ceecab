# SPDX-License-Identifier: MIT
"""Requests that reach the cloud late, or twice: nothing is lost, nothing doubled."""
import collections
import json
import subprocess
import urllib.request

import pytest

from gate import Gate
from harness import BUILD, SIMPLE, SLOW, SUBSCRIPTION, Azure, wait_until

pytestmark = pytest.mark.no_threads

ACCOUNT = """[account own]
subscription = {subscription}
tenant = simulated
client_id = simulated
client_secret_file = {secret}
region = eastus
resource_manager = {url}
authority = {url}
prices = {url}
[server]
default_account = own
"""
VM = r"/virtualMachines/head-\d+\?"
SET = r"/virtualMachineScaleSets/execute-\d+\?"
GROUP = r"/resourceGroups/cyclecloud-[^/?]*\?"


class Site:
    """A daemon behind a gate, and the life of its cluster."""

    def __init__(self, daemon, gate, kill):
        self.daemon, self.gate, self.kill = daemon, gate, kill
        self.azure = Azure(gate.port)
        self.azure.base = gate.url

    def write(self, text, *parts):
        self.daemon.write(text + "\n", "c", *parts)

    def sync(self, *parts):
        assert self.daemon.sync("c", *parts) == ""

    def restart(self, always=False):
        if self.kill or always:
            self.daemon.kill()
            self.daemon.start()

    def held(self, method, pattern, do):
        """Does something whose first such request gets lost on the way, for now."""
        rule = self.gate.hold(method, pattern)
        do()
        rule.wait(60 * SLOW)
        self.restart()
        return rule

    def late(self, rule, *statuses):
        assert self.gate.late(rule) in statuses, rule.pattern.pattern

    def count(self, n):
        """Scales, and waits until it is so."""
        self.write(str(n), "nodes", "count")
        self.sync("nodes", "count")

    def powers(self):
        """How many VMs are in which state."""
        with urllib.request.urlopen(f"{self.gate.url}/simulator/vms", timeout=20) as answer:
            return collections.Counter(vm["power"] for vm in json.load(answer)["vms"])

    def expect(self, n):
        """The head and n nodes, in the tree and in the cloud, and nothing else."""
        shown = {self.daemon.read("c", "nodes", node, "resource_id").strip().lower()
                 for node in self.daemon.nodes("c")}
        assert len(shown) == n + 1 and "" not in shown

        def machines():
            return {vm for vm, state in self.azure.machines().items() if state == "Succeeded"}
        wait_until(lambda: machines() == shown, 60, f"{n + 1} VMs, the ones that are shown")


@pytest.fixture
def gate(tmp_path):
    """A gate before a simulator of its own."""
    port_file = tmp_path / "port"
    simulator = subprocess.Popen([str(BUILD / "armsim"), f"--port-file={port_file}",
                                  "--time-scale=0.01"])
    wait_until(lambda: port_file.exists() and port_file.read_text(), 20, "the simulator")
    made = Gate(int(port_file.read_text()))
    yield made
    made.close()
    simulator.terminate()
    simulator.wait(timeout=30)


@pytest.fixture(params=[pytest.param(False, marks=pytest.mark.long, id="running"),
                        pytest.param(True, id="killed")])
def site(make_daemon, gate, request):
    daemon = make_daemon(simulate=None)
    secret = daemon.dir / "secret"
    secret.write_text("simulated\n")
    secret.chmod(0o600)
    daemon.config.write_text(ACCOUNT.format(subscription=SUBSCRIPTION, url=gate.url,
                                            secret=secret))
    daemon.start()
    daemon.make_cluster("c", SIMPLE.replace("DefaultValue = azure", "DefaultValue = own"))
    yield Site(daemon, gate, request.param)
    daemon.terminate()


def test_late_writes_of_a_scale_set(site):
    group = site.held("PUT", GROUP, lambda: site.write("2", "nodes", "count"))
    site.sync("nodes", "count")
    site.late(group, 200)
    site.count(0)
    create = site.held("PUT", SET, lambda: site.write("3", "nodes", "count"))
    site.sync("nodes", "count")
    site.expect(3)
    resize = site.held("PATCH", SET, lambda: site.write("5", "nodes", "count"))
    site.sync("nodes", "count")
    again = site.gate.copy("PATCH", SET)
    site.count(6)
    site.late(again, 412)
    site.count(7)
    site.late(create, 412)
    site.late(resize, 412)
    site.expect(7)
    delete = site.held("POST", "/delete[?]", lambda: site.write("6", "nodes", "count"))
    site.sync("nodes", "count")
    site.count(8)
    site.late(delete, 400)
    site.late(resize, 412)
    site.expect(8)
    gone = site.held("DELETE", SET, lambda: site.write("0", "nodes", "count"))
    site.sync("nodes", "count")
    site.count(4)
    site.late(gone, 204)
    site.expect(4)


def test_late_writes_of_a_machine_and_a_group(site):
    create = site.held("PUT", VM, lambda: site.write("started", "state"))
    site.sync("state")
    site.late(create, 412)
    site.expect(0)
    delete = site.held("DELETE", VM, lambda: site.write("terminate", "nodes", "head", "control"))
    site.sync("nodes", "head", "state")
    site.write("start", "nodes", "head", "control")
    site.sync("nodes", "head", "state")
    site.late(delete, 204)
    site.expect(0)
    gone = site.held("DELETE", GROUP, lambda: site.write("terminated", "state"))
    site.sync("state")
    site.count(3)
    site.late(gone, 404)
    site.late(delete, 404)
    site.late(create, 404)
    site.expect(3)


def test_late_power(site):
    """No condition guards these: what they did is set right when the VMs are listed."""
    site.count(1)
    for node in ("head", "execute-1"):
        verb = ("nodes", node, "control")
        stop = site.held("POST", "/deallocate[?]", lambda: site.write("deallocate", *verb))
        site.sync("nodes", node, "state")
        start = site.held("POST", "/start[?]", lambda: site.write("start", *verb))
        site.sync("nodes", node, "state")
        site.late(start, 202)
        site.expect(1)
        site.late(stop, 202)
        wait_until(lambda: site.powers()["deallocated"], 20, "the late stop")
        site.restart(always=True)
        wait_until(lambda: site.powers() == {"running": 2}, 60, "both VMs running")
        site.sync("nodes", "count")
        site.expect(1)
