# SPDX-License-Identifier: MIT
"""The sessions of the manual: define a cluster from a template, scale it, watch it, take it down."""
import json
import os
import re

import pytest

from harness import ROOT, SIMPLE, alive, shared, shell, wait_until


def delete_volumes(daemon, name):
    """Each by the request that names it; returns when the disks are gone."""
    volumes = os.listdir(daemon.path(name, "volumes"))
    for volume in volumes:
        daemon.write("delete\n", name, "volumes", volume, "control")
    wait_until(lambda: all(daemon.read(name, "volumes", volume, "state") == "planned\n"
                           for volume in volumes), 30, "no disk left")


def take_down(daemon, name):
    shell(f"echo terminated > {name}/state; sync {name}/state", cwd=daemon.mount)
    delete_volumes(daemon, name)
    shell(f"rmdir {name}", cwd=daemon.mount)
    assert not daemon.path(name).exists()
    wait_until(lambda: not daemon.azure().machines(), 30, "no VM left")


def ready_nodes(daemon, cluster):
    return [n for n in daemon.nodes(cluster)
            if daemon.read(cluster, "nodes", n, "status") == "Ready\n"]


def test_simple(daemon):
    """A head node and one array: a plain number scales it."""
    daemon.make_cluster("hpc")
    assert daemon.error("hpc").startswith("ok\n")
    assert daemon.read("hpc", "state") == "off\n"
    shell("echo 10 > hpc/nodes/count; sync hpc/nodes/count", cwd=daemon.mount)
    assert daemon.read("hpc", "nodes", "count") == "10\n"
    assert daemon.read("hpc", "state") == "started\n"
    nodes = daemon.nodes("hpc")
    assert len(nodes) == 11 and "head" in nodes
    assert ready_nodes(daemon, "hpc") == nodes
    assert len(daemon.azure().machines()) == 11
    addresses = {daemon.read("hpc", "nodes", n, "private_ip") for n in nodes}
    assert len(addresses) == 11 and all(re.fullmatch(r"10\.\d+\.\d+\.\d+\n", a) for a in addresses)
    assert "10" in daemon.read("hpc", "status")
    assert daemon.read("hpc", "logs").count("\n") > 5
    for line in daemon.read("hpc", "events").splitlines():
        assert json.loads(line)["specversion"] == "1.0"
    assert "cyclecloud" in daemon.read("hpc", "metrics")
    take_down(daemon, "hpc")


def test_shipped_template(daemon):
    template = ROOT / "templates" / "simple.txt"
    shell(f"mkdir hpc; cp {template} hpc/template; echo 3 > hpc/nodes/count;"
          "sync hpc/nodes/count", cwd=daemon.mount)
    assert len(ready_nodes(daemon, "hpc")) == 4
    take_down(daemon, "hpc")


def test_scale_up_and_down(daemon):
    daemon.make_cluster("c")
    for count in ("4", "+3", "-5", "2"):
        daemon.write(count + "\n", "c", "nodes", "count")
    assert daemon.read("c", "nodes", "count") == "2\n"
    assert daemon.sync("c", "nodes", "count") == ""
    assert len(daemon.nodes("c")) == 3
    daemon.write("0\n", "c", "nodes", "count")
    assert daemon.sync("c", "nodes", "count") == ""
    assert daemon.nodes("c") == ["head"]
    wait_until(lambda: len(daemon.azure().machines()) == 1, 30, "one VM")


def test_state_survives_restart(make_daemon):
    daemon = make_daemon().start()
    daemon.make_cluster("keep")
    daemon.write("2\n", "keep", "nodes", "count")
    assert daemon.sync("keep", "nodes", "count") == ""
    before = {n: daemon.read("keep", "nodes", n, "instance_id") for n in daemon.nodes("keep")}
    machines = daemon.azure().machines()
    simulator = daemon.simulator_pid
    daemon.terminate()
    assert not alive(simulator)
    daemon.start()
    assert daemon.read("keep", "template") == SIMPLE
    assert daemon.sync("keep", "nodes", "count") == ""
    assert {n: daemon.read("keep", "nodes", n, "instance_id")
            for n in daemon.nodes("keep")} == before
    assert daemon.azure().machines().keys() == machines.keys()


# --- the session with Azure's own Slurm template -------------------------------------------------

GIVEN = {"SubnetId": "sim-rg/sim-vnet/compute", "SchedulerMachineType": "Standard_D4s_v5",
         "HPCMachineType": "Standard_F2s_v2", "HTCMachineType": "Standard_F2s_v2",
         "loginMachineType": "Standard_D4s_v5", "DynamicMachineType": "Standard_F2s_v2",
         "MaxHPCExecuteNodeCount": 16}


def slurm_files():
    data = shared() / "data" / "templates" if shared() else None
    if not data or not (data / "slurm__slurm.txt").exists():
        pytest.skip("needs the sample data beside the checkout")
    return data / "slurm__slurm.txt", data / "slurm-workspace__initial_params.json"


def test_slurm(daemon):
    template, parameters = slurm_files()
    given = json.loads(parameters.read_text())
    shell(f"mkdir hpc; cp {template} hpc/template", cwd=daemon.mount)
    daemon.write(json.dumps({**given, **GIVEN}), "hpc", "parameters")
    shell("echo hpc=10 > hpc/nodes/count; sync hpc/nodes/count", cwd=daemon.mount)
    assert daemon.read("hpc", "arrays", "hpc", "count") == "10\n"
    names = [n for n in daemon.nodes("hpc") if daemon.read("hpc", "nodes", n, "array") == "hpc\n"]
    assert len(names) == 10 and set(names) <= set(ready_nodes(daemon, "hpc"))
    for name in ("status", "logs", "metrics"):
        assert daemon.read("hpc", name)
    take_down(daemon, "hpc")


def test_slurm_parameters_unchanged(daemon):
    """What is missing is named, and then the limit that the file itself sets."""
    template, parameters = slurm_files()
    shell(f"mkdir hpc; cp {template} hpc/template; cp {parameters} hpc/parameters",
          cwd=daemon.mount)
    refused = shell("echo hpc=10 > hpc/nodes/count", check=False, cwd=daemon.mount)
    assert refused.returncode != 0 and "write error" in refused.stderr
    assert "SubnetId" in daemon.error("hpc")
    assert daemon.read("hpc", "state") == "off\n"
    given = json.loads(parameters.read_text())
    more = {k: v for k, v in GIVEN.items() if k != "MaxHPCExecuteNodeCount"}
    daemon.write(json.dumps({**given, **more}), "hpc", "parameters")
    refused = shell("echo hpc=10 > hpc/nodes/count", check=False, cwd=daemon.mount)
    assert refused.returncode != 0
    assert "MaxCount" in daemon.error("hpc") and "4" in daemon.error("hpc")


def test_git_in_a_project_directory(shared_daemon):
    """Through the mount: projects/ leads to a real directory, where git does all that it does."""
    shell("""cd projects && git init -q demo && cd demo && git config user.name a &&
             git config user.email a@b && mkdir -p specs/default/cluster-init/scripts &&
             printf '[project]\\nname = demo\\nversion = 1.0.0\\n' > project.ini &&
             echo 'echo hello' > specs/default/cluster-init/scripts/01.sh && git add . &&
             git commit -qm first && git checkout -qb other && sed -i s/1.0.0/1.1.0/ project.ini &&
             git commit -qam second && git gc -q && git checkout -q - && git merge -q other &&
             git stash list && git fsck""", cwd=shared_daemon.mount)
    log = shell("git -C projects/demo log --format=%s", cwd=shared_daemon.mount).stdout
    assert log == "second\nfirst\n"
    assert "1.1.0" in shared_daemon.read("projects", "demo", "project.ini")
