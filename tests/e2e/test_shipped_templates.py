# SPDX-License-Identifier: MIT
"""The clusters that are shipped, on a daemon: they start as they are and with their examples."""
import json
import os

import pytest

from harness import ROOT, shell, wait_until

TEMPLATES = sorted((ROOT / "templates").glob("*.txt"))
NAMES = [path.stem for path in TEMPLATES]


def test_there_are_templates():
    assert {"simple", "slurm", "pbspro", "gridengine", "htcondor", "lsf", "nfs"} <= set(NAMES)


def remove(daemon, name):
    """With the volumes that outlive it."""
    volumes = daemon.path(name, "volumes")
    for volume in os.listdir(volumes):
        daemon.write("delete\n", name, "volumes", volume, "control")
    wait_until(lambda: all((volumes / v / "state").read_text() == "planned\n"
                           for v in os.listdir(volumes)), 60, "no disk of the cluster")
    os.rmdir(daemon.path(name))


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_starts(shared_daemon, path):
    name = path.stem
    daemon = shared_daemon
    example = path.with_name(f"{name}-parameters.json")
    shell(f"mkdir {name}; cp {path} {name}/template", cwd=daemon.mount)
    assert daemon.error(name).splitlines()[0] == "ok"
    assert "missing:" not in daemon.error(name)
    shell(f"cp {example} {name}/parameters", cwd=daemon.mount)
    assert daemon.error(name).splitlines()[0] == "ok"
    assert json.loads(daemon.read(name, "parameters")) == json.loads(example.read_text())
    definition = json.loads(daemon.read(name, "definition"))
    heads = {node["Name"] for node in definition["nodes"]}
    shell(f"echo start > {name}/control", cwd=daemon.mount)
    wait_until(lambda: daemon.read(name, "state") == "started\n", 60, f"the start of {name}")
    for array in [a["Name"] for a in definition["nodearrays"]][:1]:
        shell(f"echo 1 > {name}/arrays/{array}/count; sync {name}/nodes/count", cwd=daemon.mount)
    ready = {n for n in daemon.nodes(name) if daemon.read(name, "nodes", n, "status") == "Ready\n"}
    assert heads <= ready and len(ready) == len(heads) + bool(definition["nodearrays"])
    shell(f"echo terminated > {name}/state; sync {name}/state", cwd=daemon.mount)
    remove(daemon, name)
