# SPDX-License-Identifier: MIT
"""The tour of the README, typed in and compared with what it shows."""
import re

from harness import ROOT, shell


def tour():
    """(command, lines that it prints) in the order of the text."""
    steps = []
    for line in (ROOT / "README.md").read_text().splitlines():
        if line.startswith("    $ "):
            steps.append((line[6:], []))
        elif line.startswith("    ") and steps:
            steps[-1][1].append(line[4:])
        elif not line and steps and steps[-1][1] and steps[-1][0].startswith("cat /"):
            steps[-1][1].append("")
    return [(command, "\n".join(lines).rstrip()) for command, lines in steps]


def alike(text):
    """What a text looks like without times, numbers, random names and the widths of columns."""
    text = re.sub(r"cyclecloud-hpc-\S+", "GROUP", text)
    text = re.sub(r"execute-\d+-\d{6}", "HOST", text)
    text = re.sub(r"execute-[45]: ready", "NODE: ready", text)
    text = re.sub(r"\S*T\d\d:\d\d:\S+Z", "TIME", text)
    text = re.sub(r"read: \d+ bytes", "read: N bytes", text)
    text = re.sub(r"10\.0\.\d+\.\d+", "ADDRESS", text)
    return re.sub(r" +", " ", text).strip()


def test_tour(daemon):
    steps = tour()
    assert len(steps) > 15
    for command, shown in steps:
        done = shell(command.replace("/cyclecloud/", f"{daemon.mount}/"), check=False, cwd=ROOT)
        printed = done.stdout + re.sub(r"bash: line \d+: ", "bash: ", done.stderr)
        assert alike(printed) == alike(shown), command
