# SPDX-License-Identifier: MIT
"""Templates: how long from text to definition, next to reading the file and loading it as JSON."""
import json
import subprocess

import pytest

from harness import BUILD, ROOT, SLOW, shared

pytestmark = pytest.mark.unsanitized
SLURM_US = 5000
LARGE = (3000, 12000)  # parameters: somewhat less than 1 MiB and 4 MiB


def bench(*files):
    done = subprocess.run([BUILD / "tests" / "bench" / "bench-template", *map(str, files)],
                          capture_output=True, text=True, timeout=300, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows:
        read = f"{row['template_us'] / row['read_us']:.0f} x reading the file, " if row["read_us"] else ""
        print(f"{row['file']}: {row['bytes']} bytes, {row['template_us']} us = {read}"
              f"{row['template_us'] / row['json_us']:.1f} x jansson")
    return rows


def test_slurm():
    files = [ROOT / "templates" / "slurm.txt"]
    if shared():
        files.append(shared() / "data" / "templates" / "slurm__slurm.txt")
    for row in bench(*files):
        assert row["template_us"] <= SLURM_US * SLOW, row


def test_large_templates_take_linear_time():
    small, large = bench(*(f"large:{n}" for n in LARGE))
    assert large["bytes"] > 3.9 * small["bytes"] and large["bytes"] > 3.5 * (1 << 20)
    grown = (large["template_us"] / small["template_us"]) / (large["bytes"] / small["bytes"])
    assert grown < 1.6, f"{grown:.2f} times what is linear"
