# SPDX-License-Identifier: MIT
"""What a VM writes to its serial console: the addresses, and the storage service behind them."""

import json
import urllib.parse

import pytest

from armsim import FAST, SETS, VMS, set_body, vm_body, wait_for

READ = "/retrieveBootDiagnosticsData"
MANAGED = {"bootDiagnostics": {"enabled": True}}


def vm_with_console(name):
    body = vm_body(name)
    body["properties"]["diagnosticsProfile"] = MANAGED
    return body


def set_with_console(capacity):
    body = set_body(capacity)
    body["properties"]["virtualMachineProfile"]["diagnosticsProfile"] = MANAGED
    return body


def address_of(sim, path):
    answer = sim.post(path + READ)
    assert answer.status == 200, answer.data
    assert set(answer.body) == {"consoleScreenshotBlobUri", "serialConsoleLogBlobUri"}
    return answer.body["serialConsoleLogBlobUri"]


def fetch(sim, url, **headers):
    return sim.request("GET", url, headers={"Authorization": None, **headers})


def console(sim, path):
    answer = fetch(sim, address_of(sim, path))
    assert answer.status == 200, answer.data
    return answer.data.decode()


@pytest.mark.parametrize("body, make, path", [
    (vm_with_console("n1"), VMS + "n1", VMS + "n1"),
    (set_with_console(2), SETS + "s1", SETS + "s1/virtualMachines/1")])
def test_console(sim, body, make, path):
    sim.poll(sim.put(make, body))
    url = address_of(sim, path)
    host = urllib.parse.urlsplit(url).netloc
    assert host != urllib.parse.urlsplit(sim.url).netloc, "a service of its own"
    text = console(sim, path)
    assert "Linux version" in text and text.endswith("\r\n")


def test_console_grows_with_the_start(start):
    sim = start("--time-scale", "0.05")
    made = sim.put(VMS + "n1", vm_with_console("n1"))
    early = fetch(sim, address_of(sim, VMS + "n1"))
    assert early.status == 404 and early.headers["x-ms-error-code"] == "BlobNotFound"
    sim.poll(made)
    text = console(sim, VMS + "n1")
    assert "Set hostname to <n1>" in text
    assert sim.post(VMS + "n1/deallocate").status == 202
    assert console(sim, VMS + "n1").startswith("[    0.000000] Linux version")


def test_console_of_what_did_not_come_up(sim):
    """A machine that stalls while it boots has a console, one that could not be had has none."""
    sim.fault("method=PUT,capacity=1,code=OSProvisioningTimedOut,count=1")
    made = sim.poll(sim.put(SETS + "s1", set_with_console(2)))
    assert made["error"]["code"] == "OSProvisioningTimedOut"
    failed = sim.instances("s1")[1]["properties"]
    assert failed["provisioningState"] == "Failed"
    status = failed["instanceView"]["statuses"][0]
    assert status["code"] == "ProvisioningState/failed/OSProvisioningTimedOut"
    assert "did not finish" in status["message"]
    assert "does not exist" in console(sim, SETS + "s1/virtualMachines/1")
    sim.fault("method=PUT,capacity=0,count=1")
    sim.poll(sim.put(VMS + "n1", vm_with_console("n1")))
    assert fetch(sim, address_of(sim, VMS + "n1")).status == 404


def test_large_console(start):
    sim = start(*FAST, "--console-size", "500000")
    sim.poll(sim.put(VMS + "n1", vm_with_console("n1")))
    assert 500000 <= len(console(sim, VMS + "n1")) < 501000


def test_signature_and_token(sim):
    sim.poll(sim.put(VMS + "n1", vm_with_console("n1")))
    url = address_of(sim, VMS + "n1")
    refused = [fetch(sim, url.replace("&sig=", "&sig=0")), fetch(sim, url.split("?")[0]),
               fetch(sim, url.replace("&se=", "&se=9")), fetch(sim, url.replace(".serial", "x.")),
               sim.request("GET", url)]
    assert [one.status for one in refused] == [403] * 5, "the last one carried a token"
    assert all(one.headers["x-ms-error-code"] == "AuthenticationFailed" for one in refused)
    assert fetch(sim, url).status == 200
    past = sim.post(VMS + "n1" + READ + "?sasUriExpirationTimeInMinutes=5").body
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(past["serialConsoleLogBlobUri"]).query)
    usual = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    assert 114 * 60 <= int(usual["se"][0]) - int(query["se"][0]) <= 116 * 60


def test_no_console(sim):
    sim.poll(sim.put(VMS + "n1", vm_body("n1")))
    off = sim.post(VMS + "n1" + READ)
    assert off.status == 409 and off.code == "OperationNotAllowed"
    assert sim.post(VMS + "none" + READ).status == 404
    assert sim.post(SETS + "none/virtualMachines/0" + READ).status == 404
    sim.poll(sim.put(SETS + "s1", set_with_console(1)))
    assert sim.post(SETS + "s1/virtualMachines/7" + READ).code == "ResourceNotFound"
    assert sim.post(SETS + "s1/virtualMachines/0" + READ).status == 200
    sim.post(SETS + "s1/delete?forceDeletion=true", {"instanceIds": ["0"]})
    assert sim.post(SETS + "s1/virtualMachines/0" + READ).status == 404


def test_wrong_time_of_expiry(rude):
    rude.poll(rude.put(VMS + "n1", vm_with_console("n1")))
    for minutes in ("0", "1441", "x"):
        answer = rude.post(f"{VMS}n1{READ}?sasUriExpirationTimeInMinutes={minutes}")
        assert answer.status == 400 and answer.code == "InvalidParameter"


def test_console_faults(sim):
    sim.poll(sim.put(VMS + "n1", vm_with_console("n1")))
    sim.fault("path=retrieveBoot,status=429,count=1")
    assert sim.post(VMS + "n1" + READ).status == 429
    url = address_of(sim, VMS + "n1")
    sim.fault("path=simulated-storage,status=503,count=1")
    assert fetch(sim, url).status == 503
    assert fetch(sim, url).status == 200


def test_signatures_are_not_logged(sim):
    sim.poll(sim.put(VMS + "n1", vm_with_console("n1")))
    url = address_of(sim, VMS + "n1")
    assert fetch(sim, url).status == 200
    signature = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["sig"][0].rstrip("=")
    wait_for(lambda: "retrieveBoot" in (sim.directory / sim.log).read_text())
    log = (sim.directory / sim.log).read_text()
    assert signature not in log and "Linux version" not in log
    assert all(json.loads(line) for line in log.splitlines())
    assert sim.get("/simulator/stats", None).body["by_kind"]["get-blob"] == 1
