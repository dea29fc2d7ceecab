# SPDX-License-Identifier: MIT
"""Bad input: each is refused with an errno and in words that tell what to do; nothing changes."""
import errno
import os

import pytest

from harness import SIMPLE, shell, wait_until

TWO_ARRAYS = SIMPLE.replace("[[nodearray execute]]", """[[nodearray other]]
MachineType = Standard_F2s_v2

[[nodearray execute]]""")


@pytest.fixture(scope="module")
def cluster(shared_daemon):
    shared_daemon.make_cluster("c")
    return shared_daemon


def refused(daemon, text, *parts):
    """The errno with which a document or value is refused, at write or at close."""
    with pytest.raises(OSError) as caught:
        daemon.write(text, *parts)
    return caught.value.errno


def with_node(text):
    """The simple template with one more node."""
    return SIMPLE.replace("[[node head]]", f"[[node extra]]\n{text}\n\n[[node head]]")


@pytest.mark.parametrize("template, words", [
    ("[clutser x]\n", "clutser"),
    (with_node("CloudInit = '''no end"), "'''"),
    (with_node('Zone := "no end'), "not closed"),
    (with_node("Extends = nobody"), "nobody"),
], ids=["unknown section", "unclosed text", "unclosed quote", "unknown node"])
def test_template(cluster, template, words):
    assert refused(cluster, template, "c", "template") == errno.EINVAL
    assert cluster.error("c").startswith("refused: template: ")
    assert words in cluster.error("c")
    assert cluster.read("c", "template") == SIMPLE
    cluster.write(SIMPLE, "c", "template")
    assert cluster.error("c").startswith("ok\n")


def test_open_quote_is_warned_of(cluster):
    """A plain value takes the quote as it is, as CycleCloud does; the reader is told."""
    cluster.write(with_node('Comment = "no end'), "c", "template")
    assert cluster.error("c").startswith("ok\nwarning: ")
    assert "not closed" in cluster.error("c")
    cluster.write(SIMPLE, "c", "template")


def test_template_names_the_line(cluster):
    bad = with_node("Extends = nobody")
    line = bad[:bad.index("Extends = nobody")].count("\n") + 1
    assert refused(cluster, bad, "c", "template") == errno.EINVAL
    assert f":{line}:" in cluster.error("c")
    cluster.write(SIMPLE, "c", "template")


def test_large_template(cluster):
    text = "# " + "x" * 97 + "\n"
    body = SIMPLE + text * (5 * 1024 * 1024 // len(text))
    assert refused(cluster, body, "c", "template") == errno.EFBIG
    assert cluster.read("c", "template") == SIMPLE


def test_missing_parameter(shared_daemon):
    template = SIMPLE.replace("DefaultValue = Standard_F2s_v2\n", "Required = true\n")
    shared_daemon.make_cluster("missing", template)
    assert "missing: ExecuteMachineType" in shared_daemon.error("missing")
    assert refused(shared_daemon, "2\n", "missing", "nodes", "count") == errno.EINVAL
    assert "ExecuteMachineType" in shared_daemon.error("missing").splitlines()[0]
    assert shared_daemon.read("missing", "state") == "off\n"
    os.rmdir(shared_daemon.path("missing"))


@pytest.mark.parametrize("text, code, words", [
    ("ten\n", errno.EINVAL, "ten"),
    ("-1\n", errno.ERANGE, "would have -1 nodes; it has 0"),
    ("1.5\n", errno.EINVAL, "1.5"),
    ("other=1\n", errno.EINVAL, "other"),
    ("3000\n", errno.EDQUOT, "2000"),
], ids=["word", "negative", "fraction", "unknown array", "over MaxCount"])
def test_count(cluster, text, code, words):
    assert refused(cluster, text, "c", "nodes", "count") == code
    assert words in cluster.error("c").splitlines()[0], cluster.error("c")
    assert cluster.read("c", "nodes", "count") == "0\n"
    assert cluster.read("c", "state") == "off\n"


def test_count_is_shown_by_bash(cluster):
    done = shell("echo ten > c/nodes/count", check=False, cwd=cluster.mount)
    assert done.returncode == 1 and "write error: Invalid argument" in done.stderr


def test_several_arrays(shared_daemon):
    shared_daemon.make_cluster("two", TWO_ARRAYS)
    assert refused(shared_daemon, "10\n", "two", "nodes", "count") == errno.EINVAL
    first = shared_daemon.error("two").splitlines()[0]
    assert "execute" in first and "other" in first
    assert shared_daemon.read("two", "state") == "off\n"
    os.rmdir(shared_daemon.path("two"))


def test_unknown_machine_type(shared_daemon):
    shared_daemon.make_cluster("odd", SIMPLE.replace("Standard_F2s_v2", "Standard_F2s_v9"))
    # Known only when the sizes of the region have been read, which the start of a daemon does.
    wait_until(lambda: "Standard_F2s_v9" in shared_daemon.error("odd"), 20, "the warning")
    assert refused(shared_daemon, "1\n", "odd", "nodes", "count") == errno.EINVAL
    first = shared_daemon.error("odd").splitlines()[0]
    assert "Standard_F2s_v9" in first and "Standard_F2s_v2" in first
    os.rmdir(shared_daemon.path("odd"))


@pytest.mark.parametrize("name, code", [
    ("a b", errno.EINVAL), ("a\nb", errno.EINVAL), ("x" * 300, errno.ENAMETOOLONG),
    ("-x", errno.EINVAL), ("status", errno.EEXIST), ("x" * 64, errno.EINVAL), ("jobs", errno.EINVAL),
], ids=["space", "newline", "300 bytes", "dash", "taken", "64 bytes", "reserved"])
def test_cluster_name(shared_daemon, name, code):
    before = os.listdir(shared_daemon.mount)
    with pytest.raises(OSError) as caught:
        os.mkdir(shared_daemon.path(name))
    assert caught.value.errno == code
    assert os.listdir(shared_daemon.mount) == before
    if code == errno.EINVAL:
        assert name.split("\n")[0][:20] in shared_daemon.read("last_error")


def test_read_only_file(cluster):
    # Not even for root, whom permissions do not stop.
    with pytest.raises(OSError) as caught:
        os.close(os.open(cluster.path("c", "status"), os.O_WRONLY))
    assert caught.value.errno == errno.EACCES
    with pytest.raises(OSError) as caught:
        os.unlink(cluster.path("c", "status"))
    assert caught.value.errno == errno.EPERM


@pytest.mark.parametrize("command, words", [
    ("rm c/status", "refused: status: it belongs to its directory"),
    ("echo x > c/plan", "refused: plan: it is only read"),
    ("touch system/new", "refused: system/new: no file can be made here"),
    ("chmod 777 c/template", "refused: template: owner, group and mode"),
    ("mv system machine", "refused: system: only clusters can be renamed"),
    ("ln c/template x", "refused: x: a file has one name here"),
    ("cat users/bob/password", "refused: users/bob/password: it is only written"),
])
def test_refusals_of_the_tree_have_words(cluster, command, words):
    os.makedirs(cluster.path("users", "bob"), exist_ok=True)
    cluster.write(SIMPLE, "c", "template")
    assert shell(command, check=False, cwd=cluster.mount).returncode
    assert cluster.read("last_error").startswith(words)
    assert cluster.error("c").startswith("ok\n")


def test_rmdir_of_running_cluster(daemon):
    daemon.make_cluster("run")
    daemon.write("1\n", "run", "nodes", "count")
    with pytest.raises(OSError) as caught:
        os.rmdir(daemon.path("run"))
    assert caught.value.errno == errno.EBUSY
    assert "terminated" in daemon.error("run") + daemon.read("last_error")
    assert daemon.sync("run", "nodes", "count") == ""
    assert len(daemon.nodes("run")) == 2


def test_several_arrays_share_a_quota(make_daemon):
    """What one write asks for is added up: 10 + 14 cores, and 20 may be used."""
    daemon = make_daemon(simulate="--time-scale=0.01 --quota eastus/standardFSv2Family=20").start()
    daemon.make_cluster("c", TWO_ARRAYS)
    wait_until(lambda: "standardFSv2Family" in daemon.read("system", "quotas"), 20, "the quotas")
    assert refused(daemon, "other=5 execute=7\n", "c", "nodes", "count") == errno.EDQUOT
    first = daemon.error("c").splitlines()[0]
    assert "standardFSv2Family" in first and "at most 5 more fit" in first, first
    assert daemon.read("c", "nodes", "count") == "0\n"
    daemon.write("other=5 execute=5\n", "c", "nodes", "count")


def test_over_quota(make_daemon):
    daemon = make_daemon(simulate="--time-scale=0.01 --quota eastus/cores=12").start()
    daemon.make_cluster("c")
    wait_until(lambda: "cores" in daemon.read("system", "quotas"), 20, "the quotas")
    assert refused(daemon, "100\n", "c", "nodes", "count") == errno.EDQUOT
    first = daemon.error("c").splitlines()[0]
    assert "12" in first and "cores" in first.lower()
    assert daemon.read("c", "nodes", "count") == "0\n"
