# SPDX-License-Identifier: MIT
"""Recorded traffic with the simulator against Azure's own description of its API.

Tests keep what armsim hears and answers in the directory of CYCLECLOUDFS_ARM_RECORD when it is set.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess

VARIABLE = "CYCLECLOUDFS_ARM_RECORD"
CHANGING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+|[0-9a-f]{16,}")


def keep(log):
    """Adds the log of a simulator that has ended to the record, when there shall be one."""
    record = os.environ.get(VARIABLE)
    if record and log.exists():
        os.makedirs(record, exist_ok=True)
        shutil.copy(log, os.path.join(record, re.sub(r"[^\w.-]", "_", str(log).strip("/"))))


def same_as(line):
    """What exchanges have in common that say the same of different machines at different times."""
    try:
        one = json.loads(line)
    except ValueError:
        return line
    answer = json.dumps([one["url"], one.get("responseBody"), sorted(one["responseHeaders"])])
    request = json.dumps([one["method"], one["status"], one.get("requestBody")])
    return CHANGING.sub("#", answer) + re.sub(r'"customData": "[^"]*"', "", CHANGING.sub(
        lambda found: found[0] if len(found[0]) < 6 else "#", request))


def unlisted(line):
    """An error of the disk provider: its OpenAPI file has no answers but the good ones."""
    return bool(re.search(r'"url": ?"[^"]*Microsoft\.Compute/disks', line) and
                re.search(r'"status": ?[45]', line))


def merge(record, target):
    """Writes one of each kind of exchange of all logs to one file. How many, of how many."""
    seen, total = set(), 0
    with open(target, "w", encoding="utf-8") as out:
        for log in sorted(os.listdir(record)):
            with open(os.path.join(record, log), encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    total += 1
                    key = hashlib.md5(same_as(line).encode()).digest()
                    if key not in seen and line.endswith("\n") and not unlisted(line):
                        seen.add(key)
                        out.write(line)
    return len(seen), total


def install(tool, work):
    """The checker with what it needs, in a directory that is kept. None, or why it cannot be."""
    if not shutil.which("npm"):
        return "npm is not installed"
    if (work / "node_modules/.package-lock.json").exists():
        return None
    shutil.copytree(tool, work, dirs_exist_ok=True)
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"], cwd=work,
                          capture_output=True, text=True)
    return None if done.returncode == 0 else "npm ci: " + done.stderr[-300:]


def check_record(record, shared, work, timeout=900):
    """Checks what was recorded. (why it cannot be checked or None, what is wrong or None)."""
    tool, specs = shared / "tools/armcheck", shared / "data/azure/openapi"
    if not tool.is_dir() or not specs.is_dir():
        return "the checker or Azure's OpenAPI files are not here", None
    if not record.is_dir() or not any(record.iterdir()):
        return "no traffic was recorded: run the parts e2e and crash before", None
    reason = install(tool, work)
    if reason:
        return reason, None
    kinds, total = merge(record, work / "record.jsonl")
    done = subprocess.run(["node", "--max-old-space-size=4096", "validate.js", "--specs", specs,
                           "record.jsonl"], cwd=work, capture_output=True, text=True,
                          timeout=timeout)
    print(f"{total} exchanges, {kinds} kinds: {done.stdout.strip().splitlines()[-1:]}", flush=True)
    return None, None if done.returncode == 0 else done.stdout[-6000:] + done.stderr[-2000:]
