# SPDX-License-Identifier: MIT
"""A daemon with its simulator on a temporary mount, for tests; and how tests talk to both."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import arm_schemas
from mounted import Mounted, is_mounted

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("CYCLECLOUDFS_BUILD", ROOT / "build"))
KIND = os.environ.get("CYCLECLOUDFS_BUILD_KIND", "gcc")
SLOW = {"asan": 3, "tsan": 8}.get(KIND, 1)  # how much longer a sanitized build may take
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
API = {"compute": "2024-03-01", "group": "2024-03-01"}

# A head node and one array, as small as a template can be.
SIMPLE = """\
[cluster Simple]

[[node defaults]]
Credentials = $Credentials
Region = $Region
SubnetId = sim-rg/sim-vnet/compute
ImageName = almalinux8

[[node head]]
MachineType = Standard_D4s_v5

[[nodearray execute]]
MachineType = $ExecuteMachineType
MaxCount = $MaxExecuteCount

[parameters About]
[[parameters Basics]]
[[[parameter Region]]]
ParameterType = Cloud.Region
DefaultValue = eastus
[[[parameter Credentials]]]
ParameterType = Cloud.Credentials
DefaultValue = azure
[[[parameter ExecuteMachineType]]]
ParameterType = Cloud.MachineType
DefaultValue = Standard_F2s_v2
[[[parameter MaxExecuteCount]]]
DefaultValue = 2000
"""


def free_port():
    """A port of the loopback address that nobody uses now."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def alive(pid):
    """True when a process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def eventually(function, expected, seconds):
    """Waits until function() is what it should be; the assertion shows what it was."""
    end = time.monotonic() + seconds * SLOW
    while function() != expected and time.monotonic() < end:
        time.sleep(0.005)
    assert function() == expected


def wait_until(condition, timeout=30, what="the condition", interval=0.05):
    """The first true value of condition(), asked again and again; an error after the time."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not hold within {timeout * SLOW} s")
        time.sleep(interval)


def wait_for_mount(path, timeout=10):
    wait_until(lambda: is_mounted(path), timeout, f"a mount at {path}")
    os.stat(path)


class Azure:
    """A client of the simulator, as a person with the portal would look at it."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"
        self.token = None

    def login(self):
        form = urllib.parse.urlencode({
            "grant_type": "client_credentials", "client_id": "simulated",
            "client_secret": "simulated", "scope": "https://management.azure.com/.default"})
        with urllib.request.urlopen(f"{self.base}/simulated/oauth2/v2.0/token", form.encode(),
                                    timeout=20) as answer:
            return json.load(answer)["access_token"]

    def get(self, path, api):
        """The value of a listing, all pages."""
        self.token = self.token or self.login()
        separator = "&" if "?" in path else "?"
        url = f"{self.base}{path}{separator}api-version={api}"
        values = []
        while url:
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.token}"})
            for _ in range(50):
                try:
                    with urllib.request.urlopen(request, timeout=20) as answer:
                        body = json.load(answer)
                    break
                except urllib.error.HTTPError as e:
                    if e.code != 429:
                        raise
                    time.sleep(0.2)
            values += body.get("value", [])
            url = body.get("nextLink")
        return values

    def groups(self):
        found = self.get(f"/subscriptions/{SUBSCRIPTION}/resourceGroups", API["group"])
        return [g["name"] for g in found]

    def machines(self):
        """Resource ids (lower case) of all VMs, alone or in sets, with their provisioning state."""
        found = {}
        compute = "providers/Microsoft.Compute"
        for group in self.groups():
            base = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/{compute}"
            with contextlib.suppress(urllib.error.HTTPError):
                for vm in self.get(f"{base}/virtualMachines", API["compute"]):
                    found[vm["id"].lower()] = vm["properties"].get("provisioningState")
                for vmss in self.get(f"{base}/virtualMachineScaleSets", API["compute"]):
                    instances = f"{base}/virtualMachineScaleSets/{vmss['name']}/virtualMachines"
                    for vm in self.get(instances, API["compute"]):
                        found[vm["id"].lower()] = vm["properties"].get("provisioningState")
        return found


class Daemon(Mounted):
    """cyclecloudfs on a temporary state directory and mount."""

    def __init__(self, simulate="--time-scale=0.01 --seed=1", config=None):
        super().__init__("ccfs-")
        self.state = self.dir / "state"
        self.config = self.dir / "cyclecloudfs.conf"
        self.azure_log = self.dir / "azure.jsonl"
        self.simulate = simulate
        self.config.write_text(config or "")
        self.port = free_port()

    def command(self, *more):
        arguments = [str(BUILD / "cyclecloudfs"), f"--state={self.state}",
                     f"--listen=127.0.0.1:{self.port}", f"--config={self.config}"]
        if self.simulate is not None:
            arguments.append(f"--simulate={self.simulate} --log={self.azure_log}")
        return arguments + list(more) + [str(self.mount)]

    def start(self, *more):
        """Start; returns when it has gone to the background. Raises when it refuses."""
        done = self.try_start(*more)
        assert done.returncode == 0, f"the daemon did not start: {done.stderr}\n{self.log()}"
        return self

    def try_start(self, *more):
        return subprocess.run(self.command(*more), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60 * SLOW)

    @property
    def pid(self):
        return self._number("cyclecloudfs.pid")

    @property
    def simulator_pid(self):
        return self._number("armsim/pid")

    @property
    def simulator_port(self):
        return self._number("armsim/port")

    def _number(self, name):
        try:
            return int((self.state / name).read_text())
        except (OSError, ValueError):
            return 0

    def azure(self):
        return Azure(self.simulator_port)

    def log(self):
        try:
            return (self.state / "log").read_text(errors="replace")
        except OSError:
            return ""

    def terminate(self, timeout=20):
        """SIGTERM, and wait for the end."""
        pid = self.pid
        if pid and alive(pid):
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not alive(pid), timeout, "the end of the daemon")

    def kill(self):
        """kill -9 of the daemon alone."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid), 10, "the death of the daemon")

    def cleanup(self):
        """Whatever state it is in: nothing of it is left."""
        for pid in (self.pid, self.simulator_pid):
            if pid and alive(pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGTERM)
                end = time.monotonic() + 15 * SLOW
                while alive(pid) and time.monotonic() < end:
                    time.sleep(0.05)
                with contextlib.suppress(OSError):
                    if alive(pid):
                        os.kill(pid, signal.SIGKILL)
        arm_schemas.keep(self.azure_log)
        self.remove()

    # --- files of the tree ---

    def sync(self, *parts, timeout=120):
        """Wait for convergence, as sync(1) does; the error it printed, "" when fine."""
        done = subprocess.run(["sync", str(self.path(*parts))], capture_output=True, text=True,
                              timeout=timeout * SLOW)
        assert done.returncode in (0, 1)
        return done.stderr.strip()

    def make_cluster(self, name, template=SIMPLE):
        os.mkdir(self.path(name))
        self.write(template, name, "template")


def shell(command, check=True, timeout=120, **more):
    """A command as a person types it, in bash."""
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True,
                          timeout=timeout * SLOW, stdin=subprocess.DEVNULL, **more)
    if check:
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


def shared():
    """Sample data beside the checkout; None where there is none."""
    path = os.environ.get("CYCLECLOUDFS_SHARED")
    return pathlib.Path(path) if path else None
