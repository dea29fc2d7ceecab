# SPDX-License-Identifier: MIT
"""The manual pages: their examples run, and groff has nothing to say against them."""
import re
import shutil
import subprocess

import pytest

from harness import ROOT, shell

PAGES = sorted((ROOT / "man").iterdir())


@pytest.mark.skipif(not shutil.which("groff"), reason="needs groff")
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages_are_well_formed(page):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(page)], capture_output=True,
                          text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_page_is_installed():
    text = (ROOT / "meson.build").read_text()
    assert [p.name for p in PAGES if f"'man/{p.name}'" not in text] == []


def example(page):
    """The commands of the first example of a page."""
    text = (ROOT / "man" / page).read_text().split(".SH EXAMPLES")[1]
    return re.search(r"\.nf\n(.*?)\.fi", text, re.DOTALL).group(1).replace("\\-", "-")


def test_example_of_the_tree(shared_daemon):
    script = example("cyclecloudfs-tree.5").replace("/cyclecloud", str(shared_daemon.mount), 1)
    done = shell(f"set -e\n{script}")
    assert done.stdout.startswith("ok\n")
    assert len(re.findall(r"^10\.0\.0\.\d+$", done.stdout, re.MULTILINE)) == 3
    assert not shared_daemon.path("hpc").exists()
