# SPDX-License-Identifier: MIT
"""The tree as it was promised: every name, and whether it is read, written or both."""
import os
import stat

import pytest

from harness import shell

# r = read, w = written, rw = both, d = directory, l = symbolic link.
ROOT = """README r  status r  events r  logs r  metrics r  last_error r  templates l  projects l
          users d  system d"""
USER = "uid rw  gid rw  role rw  shell rw  authorized_keys rw  password w  disabled rw"
SYSTEM = """version r  health r  config rw  accounts d  machine_types r  prices r  quotas r
            limits r  trace r  orphans d  alerts d"""
CLUSTER = """template rw  parameters rw  parameters.schema r  definition r  definition.origin r
             plan r  state rw  control rw  status r  status.json r  metrics r  logs r  events r
             usage r  alerts r  error r  arrays d  nodes d  volumes d"""
ARRAY = """count rw  max_count rw  cores r  machine_type r  buckets r  attributes r  control rw
           nodes d"""
NODE = """state rw  status r  phase r  array r  machine_type r  hostname r  private_ip r
          public_ip r  instance_id r  resource_id r  placement_group r  zone r  price r
          keepalive rw  attributes r  configuration r  metrics r  logs r  events r  console r
          control rw  last_seen r"""


def promised(table, **more):
    words = table.split()
    return {**dict(zip(words[::2], words[1::2])), **more}


def access(path):
    mode = path.lstat().st_mode
    kind = {stat.S_IFDIR: "d", stat.S_IFLNK: "l"}.get(stat.S_IFMT(mode))
    return kind or "r" * bool(mode & 0o400) + "w" * bool(mode & 0o200)


@pytest.fixture(scope="module")
def tree(shared_daemon):
    shared_daemon.make_cluster("hpc")
    os.mkdir(shared_daemon.path("users", "alice"))
    shell("echo 1 > hpc/nodes/count; sync hpc/nodes/count", cwd=shared_daemon.mount)
    return shared_daemon


@pytest.mark.parametrize("directory, names", [
    ("", promised(ROOT, hpc="d")),
    ("users", {"alice": "d"}),
    ("users/alice", promised(USER)),
    ("system", promised(SYSTEM)),
    ("system/accounts", {"azure": "rw"}),
    ("hpc", promised(CLUSTER)),
    ("hpc/arrays", {"execute": "d", "head": "d"}),
    ("hpc/arrays/execute", promised(ARRAY)),
    ("hpc/arrays/execute/nodes", {"execute-1": "l"}),
    ("hpc/nodes", {"count": "rw", "execute-1": "d", "head": "d"}),
    ("hpc/nodes/execute-1", promised(NODE)),
    ("hpc/nodes/head", promised(NODE))])
def test_names_and_access(tree, directory, names):
    found = {path.name: access(path) for path in tree.path(directory).iterdir()}
    assert found == names


def test_nobody_but_owner_and_group(tree):
    """What others may not read although everything else of a cluster is open to them."""
    closed = shell("find hpc users system -type f ! -perm -004 | sort", cwd=tree.mount)
    nodes = [f"hpc/nodes/{name}/console" for name in ("execute-1", "head")]
    assert closed.stdout.split() == [*nodes, "users/alice/password"]


def test_reading_all_of_it_ends(tree):
    """No file blocks a reader, and each can be read by who may: password(w) alone cannot."""
    done = shell("find hpc users system -type f ! -name password -exec cat {} + > /dev/null &&"
                 "tar cf /dev/null hpc system && du -s . && grep -rc . hpc > /dev/null",
                 cwd=tree.mount, timeout=60)
    assert done.stderr == ""
