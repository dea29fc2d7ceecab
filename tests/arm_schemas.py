# SPDX-License-Identifier: MIT
"""Recorded traffic with the simulator against Azure's own description of its API."""
import shutil
import subprocess

from harness import shared, shell


def check_arm_requests(daemon):
    """Every request and answer of the session against Azure's own schemas, where that is possible."""
    tool = shared() / "tools" / "armcheck" if shared() else None
    if not tool or not tool.is_dir() or not shutil.which("npm"):
        return
    copy = daemon.dir / "tools" / "armcheck"
    shutil.copytree(tool, copy)
    installed = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=copy,
                               capture_output=True, text=True)
    if installed.returncode:
        return
    specs = shared() / "data" / "azure" / "openapi"
    done = shell(f"node --max-old-space-size=4096 validate.js --specs {specs} {daemon.azure_log}",
                 check=False, timeout=400, cwd=copy)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
