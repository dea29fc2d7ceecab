# SPDX-License-Identifier: MIT
"""The simulated machines call home."""

import base64
import http.server
import json
import signal
import threading
import time

import pytest

from armsim import FAST, SETS, set_body, wait_for


class Server(http.server.ThreadingHTTPServer):
    """What agents call: says 202 once to each, then takes them in."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, interval_s=1):
        super().__init__(("127.0.0.1", 0), Handler)
        self.interval_s, self.lock = interval_s, threading.Lock()
        self.tries, self.calls = {}, []
        self.revoked = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def custom_data(self):
        return base64.b64encode(json.dumps({
            "server": f"http://127.0.0.1:{self.server_port}", "ca_sha256": "",
            "token": "7.99.mac"}).encode()).decode()

    def states(self, vm_id):
        with self.lock:
            return [body["state"] for who, body in self.calls if who == vm_id]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        bearer = self.headers["Authorization"].removeprefix("Bearer ")
        with self.server.lock:
            status, answer = self.answer(body, bearer)
        data = json.dumps(answer).encode()
        self.send_response(status)
        if status == 202:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, body, bearer):
        server = self.server
        if self.path == "/agent/v1/register":
            assert bearer == "7.99.mac"
            vm_id = body["vm_id"]
            server.tries.setdefault(vm_id, []).append(body)
            if len(server.tries[vm_id]) == 1:
                return 202, {}
            return 200, {"node_id": "1", "node": "n", "cluster": "c", "token": "T-" + vm_id,
                         "interval_s": server.interval_s}
        assert self.path == "/agent/v1/status"
        vm_id = bearer.removeprefix("T-")
        if vm_id in server.revoked:
            server.revoked.discard(vm_id)
            return 401, {}
        server.calls.append((vm_id, body))
        return 200, {"interval_s": server.interval_s, "work": []}

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    one = Server()
    yield one
    one.shutdown()
    one.server_close()


def test_agents_call_home(sim, server):
    sim.put(SETS + "s1", set_body(3, custom_data=server.custom_data()))
    machines = {one["vm_id"]: one for one in sim.vms()}
    wait_for(lambda: all(server.states(one).count("completed") >= 2 for one in machines))
    for vm_id, machine in machines.items():
        first = server.tries[vm_id][0]
        assert first["resource_id"] == machine["resource_id"]
        assert first["hostname"] == machine["computer_name"]
        assert first["addresses"] == {"private": machine["private_ip"], "public": ""}
        assert len(server.tries[vm_id]) == 2
        assert server.states(vm_id)[0] == "running"
        report = next(body for who, body in server.calls if who == vm_id)
        assert report["phase"] == "Cloud.AwaitInstallation" and 0 <= report["metrics"]["cpu"] <= 1
    assert {one["agent"] for one in sim.vms()} == {"completed"}
    # 401: register again
    one = next(iter(machines))
    server.revoked.add(one)
    wait_for(lambda: len(server.tries[one]) == 3)
    # Nobody calls from a machine that is gone.
    sim.poll(sim.delete(SETS + "s1?forceDeletion=true"))
    count = len(server.calls)
    time.sleep(1.5)
    assert len(server.calls) == count


def test_agents_wait_for_their_server(sim):
    server = Server()
    data = server.custom_data()
    port = server.server_port
    server.shutdown()
    server.server_close()
    sim.put(SETS + "s1", set_body(1, custom_data=data))
    wait_for(lambda: sim.vms()[0]["agent"] == "registering")
    time.sleep(0.5)
    late = http.server.ThreadingHTTPServer.__new__(Server)
    late.interval_s, late.lock = 1, threading.Lock()
    late.tries, late.calls, late.revoked = {}, [], set()
    http.server.ThreadingHTTPServer.__init__(late, ("127.0.0.1", port), Handler)
    threading.Thread(target=late.serve_forever, daemon=True).start()
    wait_for(lambda: sim.vms()[0]["agent"] == "completed")
    late.shutdown()
    late.server_close()


def test_agents_go_on_after_a_restart(start, server, tmp_path):
    sim = start(*FAST, "--state", tmp_path / "state.json")
    sim.put(SETS + "s1", set_body(2, custom_data=server.custom_data()))
    machines = [one["vm_id"] for one in sim.vms()]
    wait_for(lambda: all("completed" in server.states(one) for one in machines))
    time.sleep(0.5)  # what nobody waits for is on disk after 200 ms
    sim.stop(signal.SIGKILL)
    count = len(server.calls)
    sim.start()
    wait_for(lambda: len(server.calls) >= count + 2)
    assert all(len(server.tries[one]) == 2 for one in machines)


def test_no_agents(start, server):
    sim = start(*FAST, "--no-agents")
    sim.poll(sim.put(SETS + "s1", set_body(2, custom_data=server.custom_data())))
    time.sleep(1)
    assert not server.tries


def test_boot_failures(start, server):
    sim = start(*FAST, "--boot-fail-rate", "1", "--seed", "3")
    sim.put(SETS + "s1", set_body(12, custom_data=server.custom_data()))
    machines = [one["vm_id"] for one in sim.vms()]
    wait_for(lambda: any("failed" in server.states(one) for one in machines))
    time.sleep(2)
    failed = [one for one in machines if "failed" in server.states(one)]
    silent = [one for one in machines if one not in server.tries]
    assert failed and silent and len(failed) + len(silent) == 12
    assert not any("completed" in server.states(one) for one in machines)
