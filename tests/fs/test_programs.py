# SPDX-License-Identifier: MIT
"""Every way in which programs write and read: what the user sees, and what is stored."""
import ctypes
import errno
import os
import shutil
import subprocess
import threading

import pytest

from harness import shell, wait_until

OLD = "[cluster Old]\n# in force\n"
GOOD = "[cluster Good]\n" + "".join(f"# line {i}\n" for i in range(2000))
BAD = "[cluster Bad]\nnonsense = here\n"
BROKEN = "[cluster Broken\nsecond = line\n"  # no later text can repair it: refused by write(2)

WRITERS = {
    "bash-cat": "cat {src} > {f}",
    "dash-cat": "dash -c 'cat {src} > {f}'",
    "cp": "cp {src} {f}",
    "cp-p": "cp -p {src} {f}",
    "mv": "cp {src} {src}.moved && mv {src}.moved {f}",
    "tee": "tee {f} < {src} > /dev/null",
    "tee-pipe": "cat {src} | tee {f} > /dev/null",
    "dd": "dd if={src} of={f} status=none",
    "dd-small": "dd if={src} of={f} bs=7 status=none",
    "dd-fsync": "dd if={src} of={f} bs=512 conv=fsync status=none",
    "install": "install -m 644 {src} {f}",
    "rsync": "rsync {src} {f}",
    "rsync-archive": "rsync -a {src} {f}",
    "rsync-inplace": "rsync --inplace --no-whole-file {src} {f}",
    "mv-beside": "cp {src} {f}.tmp && mv {f}.tmp {f}",
    "sed-i": "sed -i -n '1r {src}' {f}",
    "perl-i": "perl -i -ne 'if ($. == 1) {{ open(S, \"{src}\"); print <S> }}' {f}",
    "tar-x": "cp {src} {src}.d/template && tar cf - -C {src}.d template | tar xf - -C {dir}",
    "tar-x-overwrite": "cp {src} {src}.d/template && tar cf - -C {src}.d template"
                       " | tar xf - --overwrite -C {dir}",
    "python": "python3 -c \"f = open('{f}', 'w'); f.write(open('{src}').read()); f.close()\"",
    "python-flush": "python3 -c \"f = open('{f}', 'w')\nfor line in open('{src}'):"
                    "\n print(line, end='', file=f, flush=True)\nf.close()\"",
    "python-child": "python3 -c \"import subprocess\nf = open('{f}', 'w')\n"
                    "subprocess.run(['cat', '{src}'], stdout=f, check=True)\nf.close()\"",
    "python-replace": "python3 -c \"import os\nopen('{f}.tmp', 'w').write(open('{src}').read())\n"
                      "os.replace('{f}.tmp', '{f}')\"",
    "perl": "perl -e 'open(F, \">\", \"{f}\") or die; open(S, \"{src}\"); print F <S>;"
            " close(F) or die \"$!\\n\"'",
    "node": "node -e 'const fs = require(\"fs\").promises;"
            "fs.readFile(\"{src}\").then(t => fs.writeFile(\"{f}\", t))"
            ".catch(e => {{ console.error(e.message); process.exit(1) }})'",
    "flock": "flock {f} cp {src} {f}",
    "exec-3": "exec 3> {f}; cat {src} >&3 || exit 1; exec 3>&-",
    "truncate-then": "truncate -s 0 {f} && dd if={src} of={f} conv=fsync status=none",
    "group": "{{ head -1 {src}; /bin/cat /dev/null; tail -n +2 {src}; }} > {f}.lock"
             " && mv {f}.lock {f}",
    "sync-file": "cp {src} {f} && sync {f}",
}

# A shell opens the file itself, and does not look at what close says: `error` alone tells.
SILENT = ("dash-cat", "exec-3")
MV_EINVAL = "to a subdirectory of itself"  # mv's own words for the EINVAL of rename(2)


class Case:
    """A cluster with a template in force, and a source file beside the mount."""

    def __init__(self, host, tmp_path):
        self.host = host
        self.file = host.path("c", "template")
        self.source = tmp_path / "source"
        (tmp_path / "source.d").mkdir()
        host.write(OLD, "c", "template")

    def run(self, writer, text):
        self.source.write_text(text)
        self.source.chmod(0o644)
        return shell(WRITERS[writer].format(f=self.file, src=self.source, dir=self.file.parent),
                     check=False)

    def stored(self):
        return self.host.read("c", "template")

    def error(self):
        return self.host.read("c", "error").splitlines()[0]


@pytest.fixture
def case(host, tmp_path):
    return Case(host, tmp_path)


def program_of(writer):
    return {"dash-cat": "dash", "perl": "perl"}.get(writer, writer.split("-")[0])


@pytest.fixture(params=WRITERS)
def writer(request):
    program = program_of(request.param)
    if program in ("rsync", "perl", "dash", "node") and not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    return request.param


def test_good_document(case, writer):
    done = case.run(writer, GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert case.stored() == GOOD
    assert os.stat(case.file).st_size == len(GOOD)
    assert case.error() == "ok"
    assert case.run(writer, OLD).returncode == 0
    assert case.stored() == OLD


def test_bad_document(case, writer):
    """Refused as a whole: the user hears of it, the old text stays, the new one can be read."""
    done = case.run(writer, BAD)
    if writer not in SILENT:
        assert done.returncode != 0, "the program did not notice"
        assert "invalid argument" in done.stderr.lower() or MV_EINVAL in done.stderr
    assert case.stored() == OLD
    assert case.error().startswith("refused: template:")
    assert "nonsense" in case.error()
    assert case.host.read("c", "template.rejected") == BAD
    assert case.run(writer, GOOD).returncode == 0, "a good text after a bad one"
    assert case.stored() == GOOD
    assert case.error() == "ok"


@pytest.mark.parametrize("command,text", [
    ("printf '[cluster Good]\\n# a\\n# b\\n' > {f}", "[cluster Good]\n# a\n# b\n"),
    ("dash -c \"printf '[cluster Good]\\n# a\\n' > {f}\"", "[cluster Good]\n# a\n"),
    ("echo '[cluster Good]' > {f}", "[cluster Good]\n"),
    ("echo '# more' >> {f}", OLD + "# more\n"),
    ("echo '# one' >> {f}; echo '# two' >> {f}", OLD + "# one\n# two\n"),
    ("cat > {f} <<'END'\n[cluster Good]\n# here\nEND", "[cluster Good]\n# here\n"),
    ("exec 3> {f}; echo '[cluster Good]' >&3; echo '# b' >&3; exec 3>&-",
     "[cluster Good]\n# b\n"),
    ("{{ echo '[cluster Good]'; /bin/echo '# b'; echo '# c'; }} > {f}",
     "[cluster Good]\n# b\n# c\n"),
    ("(echo '[cluster Good]'; sleep 0.1; echo '# b') > {f}", "[cluster Good]\n# b\n"),
    ("sed -i 's/Old/New/' {f}", OLD.replace("Old", "New")),
    ("perl -i -pe 's/Old/New/' {f}", OLD.replace("Old", "New")),
    ("sed -i.orig~ 's/Old/New/' {f}", OLD.replace("Old", "New")),
    ("head -c 5 {f} > /dev/null; : > {f}", OLD),
    ("cp /dev/null {f}", OLD),
    ("truncate -s 0 {f}", OLD),
    ("touch {f}", OLD),
])
def test_shell_forms(case, command, text):
    shell(command.format(f=case.file))
    assert case.stored() == text
    assert case.error() == "ok"


@pytest.mark.parametrize("command", [
    "echo '[cluster Broken' > {f}",
    "printf '[cluster Broken\\nx = y\\n' > {f}",
    "dash -c \"echo '[cluster Broken' > {f}\"",
    "cat > {f} <<'END'\n[cluster Broken\nEND",
    "exec 3> {f}; echo '[cluster Broken' >&3",
    "cp {broken} {f}",
    "tee {f} < {broken}",
])
def test_what_nothing_can_repair_is_refused_at_once(case, tmp_path, command):
    """The shell's echo shows only what write(2) says."""
    (tmp_path / "broken").write_text(BROKEN)
    done = shell(command.format(f=case.file, broken=tmp_path / "broken"), check=False)
    assert done.returncode != 0
    assert "nvalid argument" in done.stderr or "I/O error" in done.stderr
    assert case.stored() == OLD
    assert case.error().startswith("refused: template:")


@pytest.mark.parametrize("command,seen", [
    ("sed -i 's/in force/nonsense/' {f}", "Invalid argument"),
    ("sed -i.orig~ 's/in force/nonsense/' {f}", "Invalid argument"),
    ("perl -i -pe 's/in force/nonsense/' {f}", "Invalid argument"),
    ("cat > {f} <<'END'\n[cluster Bad]\nnonsense = here\nEND", "Invalid argument"),
    ("{{ cat {f}; echo 'nonsense = here'; }} > {f}.tmp; mv {f}.tmp {f}", MV_EINVAL),
    # The shell is the one that closes, and does not tell; nor does it see an error at write(2), for
    # a later line could still make the text good.
    ("printf '[cluster Bad]\\nnonsense = here\\n' > {f}", ""),
    ("dash -c \"printf '[cluster Bad]\\nnonsense = here\\n' > {f}\"", ""),
    ("echo 'nonsense = here' >> {f}", ""),
    ("exec 3> {f}; echo 'nonsense = here' >&3; exec 3>&-", ""),
    ("python3 -c \"print('nonsense', file=open('{f}', 'w'))\"", ""),  # never closed by the program
    ("{{ echo '[cluster Bad]'; /bin/echo 'nonsense = here'; }} > {f}", ""),
])
def test_bad_forms(case, command, seen):
    """What the user sees of a bad text, and that it is refused as a whole whether he sees it or not."""
    done = shell(command.format(f=case.file), check=False)
    assert seen in done.stderr and (not seen) == (done.stderr == ""), done.stderr
    assert case.stored() == OLD
    assert case.error().startswith("refused: template:") and "nonsense" in case.error()
    assert case.host.read("last_error").startswith("refused: template:")


def test_removed_document_is_back(case):
    """Unlinking is what editors do around a save: it never takes the template away."""
    shell(f"rm {case.file}; ls {case.file.parent}")
    assert not os.path.exists(case.file)
    wait_until(lambda: os.path.exists(case.file), 8, "the document")
    assert "template" in os.listdir(case.file.parent)
    assert case.stored() == OLD


def test_thread_pool_writer(case):
    """As Node and VS Code: open, write, close on different threads."""
    def on_a_thread(function, *arguments):
        result = []

        def body():
            try:
                result.append(function(*arguments))
            except OSError as e:
                result.append(e)
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        return result[0]

    for text, good in ((GOOD, True), (BAD, False), (GOOD + "# again\n", True)):
        fd = on_a_thread(os.open, case.file, os.O_WRONLY | os.O_TRUNC)
        for at in range(0, len(text), 8192):
            on_a_thread(os.write, fd, text[at:at + 8192].encode())
        outcome = on_a_thread(os.close, fd)
        assert (outcome is None) == good
        assert (case.stored() == text) == good
        assert case.error().startswith("ok" if good else "refused")


def test_too_long(case):
    done = case.run("cp", "# a line of a template that is too long\n" * 120000)
    assert done.returncode != 0 and "File too large" in done.stderr
    assert case.stored() == OLD
    assert "refused: template: " in case.error()


def test_nul_byte(case):
    done = shell(f"printf '[cluster a]\\n\\0\\n' > {case.file}", check=False)
    assert done.returncode != 0
    assert case.stored() == OLD


def test_parameters_by_jq(case):
    if not shutil.which("jq"):
        pytest.skip("jq is not installed")
    parameters = case.host.path("c", "parameters")
    shell(f"jq -n '{{a: 1}}' > {parameters}")
    assert shell(f"jq .a {parameters}").stdout == "1\n"
    shell(f"jq '.b = 2' {parameters} > {parameters}.tmp && mv {parameters}.tmp {parameters}")
    assert shell(f"jq -c . {parameters}").stdout == '{"a":1,"b":2}\n'
    done = shell(f"jq -n --arg a nonsense '{{a: $a}}' > {parameters}", check=False)
    assert case.error().startswith("refused: parameters")
    assert shell(f"jq -c . {parameters}").stdout == '{"a":1,"b":2}\n'
    assert done.returncode != 0  # jq says "Input/output error" whatever the reason


# --- value files ---------------------------------------------------------------------------------

@pytest.mark.parametrize("command,count", [
    ("echo 5 > {f}", 5),
    ("dash -c 'echo 5 > {f}'", 5),
    ("printf 5 > {f}", 5),
    ("printf '%s\\n' 5 > {f}", 5),
    ("echo 5 >> {f}", 5),
    ("echo +2 > {f}", 5),
    ("echo -1 > {f}", 2),
    ("echo 5 | tee {f}", 5),
    ("echo 5 > {tmp}/x; cp {tmp}/x {f}", 5),
    ("echo 5 | dd of={f} status=none", 5),
    ("echo 5 | dd of={f} conv=notrunc,fsync status=none", 5),
    ("exec 3> {f}; echo 5 >&3; echo 6 >&3; exec 3>&-", 6),
    ("exec 3> {f}; echo +1 >&3; echo +1 >&3; exec 3>&-", 5),
    ("cat > {f} <<< 5", 5),
    ("python3 -c \"open('{f}', 'w').write('5')\"", 5),
    ("python3 -c \"print(5, file=open('{f}', 'w'))\"", 5),
    ("flock {f} -c 'echo 5 > {f}'", 5),
    (": > {f}", 3),
    ("truncate -s 0 {f}; touch {f}", 3),
])
def test_values(host, tmp_path, command, count):
    shell(command.format(f=host.path("c", "nodes", "count"), tmp=tmp_path))
    assert host.read("c", "nodes", "count") == f"{count}\n"
    assert shell(f"echo $(< {host.path('c', 'nodes', 'count')})").stdout == f"{count}\n"
    assert len(host.nodes()) == count


@pytest.mark.parametrize("command,words", [
    ("echo many > {f}", "Invalid argument"),
    ("dash -c 'echo many > {f}'", "I/O error"),
    ("/bin/echo many > {f}", "Invalid argument"),
    ("echo many | tee {f}", "Invalid argument"),
    ("echo many | dd of={f} status=none", "Invalid argument"),
    ("echo -9 > {f}", "Numerical result out of range"),
    ("echo 99999 > {f}", "Disk quota exceeded"),
    ("python3 -c \"f = open('{f}', 'w'); f.write('many'); f.close()\"", "Invalid argument"),
    ("head -c 5000 /dev/zero | tr '\\0' 1 > {f}", "Argument list too long"),
])
def test_bad_values(host, command, words):
    done = shell(command.format(f=host.path("c", "nodes", "count")), check=False)
    assert words in done.stderr
    assert "|" in command or done.returncode != 0
    assert host.read("c", "nodes", "count") == "3\n"
    assert host.read("c", "error").startswith("refused: nodes/count: ")
    assert host.read("last_error").startswith("refused: nodes/count: ")


NO_FILE = "no file can be made here"
NO_LINK = "no link can be made here"
ONE_NAME = "a file has one name here"
NO_DEVICES = "there are no devices, pipes or sockets here"
READ_ONLY = "it is only read"
STAYS = "it belongs to its directory"
FIXED = "its name is fixed"
ACCESS = "owner, group and mode cannot be changed here"

# What is tried, what the program says, what last_error says: of which name, and why. None: the
# kernel or the program refuses by itself, and the tree never hears of it.
REFUSALS = [
    ("echo x > {m}/c/status", "Permission denied", "status", READ_ONLY),
    ("echo x > {m}/README", "Permission denied", "README", READ_ONLY),
    ("truncate -s 0 {m}/c/nodes/c-1/status", "Permission denied", "nodes/c-1/status", READ_ONLY),
    ("touch {m}/c/new", "Operation not permitted", "new", NO_FILE),
    ("touch {m}/new", "Operation not permitted", "new", NO_FILE),
    ("touch {m}/c/nodes/new", "Operation not permitted", "nodes/new", NO_FILE),
    ("ln {m}/c/status {m}/c/other", "Operation not permitted", "other", ONE_NAME),
    ("ln -s x {m}/c/other", "Operation not permitted", "other", NO_LINK),
    ("mkfifo {m}/c/fifo", "Operation not permitted", "fifo", NO_DEVICES),
    ("rm {m}/c/status", "Operation not permitted", "status", STAYS),
    ("rm {m}/c/arrays/execute/nodes/c-1", "Operation not permitted", "arrays/execute/nodes/c-1",
     STAYS),
    ("rmdir {m}/c/nodes", "Operation not permitted", "nodes", "this directory belongs to its parent"),
    ("mkdir {m}/c/new", "Operation not permitted", "new", "no directory can be made here"),
    ("mkdir {m}/-bad", "Invalid argument", "-bad", "is not a name"),
    ("mkdir {m}/c", "File exists", None, None),
    ("mkdir {m}/status", "File exists", None, None),
    ("mkdir {m}/jobs", "Invalid argument", "jobs", "is reserved"),
    ("mkdir {m}/" + "x" * 256, "File name too long", None, None),
    ("rmdir {m}/c", "Device or resource busy", "file", "the cluster has nodes"),
    ("chmod 600 {m}/c/status", "Operation not permitted", "status", ACCESS),
    ("chmod 700 {m}", "Operation not permitted", "/", ACCESS),
    ("chown 1 {m}/c/nodes", "Operation not permitted", "nodes", ACCESS),
    ("chgrp 1 {m}/c/template", "Operation not permitted", "template", ACCESS),
    ("mv {m}/c/status {m}/c/other", "Operation not permitted", "status", FIXED),
    ("mv {m}/c/template {m}/c/other", "Operation not permitted", "template", FIXED),
    ("mv {m}/c/nodes/c-1 {m}/c/nodes/c-9", "Operation not permitted", "c-1",
     "only clusters can be renamed"),
    ("cat {m}/c/nodes", "Is a directory", None, None),
    ("ls {m}/c/status/x", "Not a directory", None, None),
    ("cat {m}/c/nothing", "No such file or directory", None, None),
]


@pytest.mark.parametrize("command,words,name,reason", REFUSALS)
def test_refusals_of_the_tree(host, command, words, name, reason):
    host.write("4\n", "c", "nodes", "count")
    done = shell(command.format(m=host.mount), check=False)
    assert done.returncode != 0 and words in done.stderr, f"{command}: {done.stderr}"
    said = host.read("last_error")
    assert said.startswith("ok" if name is None else f"refused: {name}: "), said
    assert reason is None or reason in said
    assert host.nodes() == ["c-1", "c-2", "c-3", "c-4"]
    if reason in (NO_FILE, NO_LINK, ONE_NAME, NO_DEVICES, READ_ONLY, STAYS, FIXED, ACCESS):
        assert host.error() == "ok\n", "which is about the last write in the cluster"


@pytest.mark.parametrize("command", ["touch", "mkdir"])
@pytest.mark.parametrize("place", ["", "c", "c/nodes"])
def test_names_that_would_play_with_the_terminal(host, command, place):
    """What somebody put into a name does not reach the screen of who reads of it."""
    name = host.path(place, "a\nok\x1b[31mred\x7f")
    assert subprocess.run([command, name], capture_output=True).returncode
    for text in (host.read("last_error"), host.error()):
        assert text.count("\n") == 1 and not set(text) & {"\x1b", "\x7f"}
    assert "a?ok?[31mred?: " in host.read("last_error")


def test_room_for_scratch_files(host):
    """It is bounded, and who fills it is told; what is in force is not touched."""
    done = shell(f"head -c 17000000 /dev/zero > {host.path('c', 'x~')}", check=False)
    assert "File too large" in done.stderr
    assert "has at most 16 MiB" in host.read("last_error")
    done = shell(f"for i in $(seq 1100); do echo > {host.path('c')}/$i.lock || exit 1; done",
                 check=False)
    assert "No space left" in done.stderr
    assert host.read("last_error").startswith("refused: ") and \
        "no room for more files" in host.read("last_error")
    host.write(OLD, "c", "template")
    shell(f"cd {host.path('c')} && rm *.lock x~ && echo > y~")
    assert host.error() == "ok\n"


def test_exchange_of_names(host):
    """renameat2 with RENAME_EXCHANGE, which mv does not do."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = [str(host.path("c", n)).encode() for n in ("template", "parameters")]
    assert libc.renameat2(-100, names[0], -100, names[1], 2) < 0
    assert ctypes.get_errno() == errno.EINVAL
    assert "cannot be exchanged" in host.read("last_error")


# --- readers -------------------------------------------------------------------------------------

def test_readers(host, tmp_path):
    m = host.mount
    assert shell(f"find {m}/c -name status | wc -l").stdout.strip() == "4"
    assert shell(f"grep -rl Acquiring {m}/c/nodes | wc -l").stdout.strip() == "3"
    assert shell(f"cat {m}/c/nodes/*/status").stdout == "Acquiring\n" * 3
    assert shell(f"du -s {m}").returncode == 0
    assert shell(f"ls -lR {m}").stderr == ""
    assert shell(f"stat -c %s {m}/c/nodes/c-1/status").stdout == "10\n"
    assert shell(f"wc -c < {m}/c/nodes/c-1/status").stdout == "10\n"
    assert shell(f"df {m}").returncode == 0
    assert shell(f"du --apparent-size -bc {m}/c/nodes/*/status | tail -1").stdout == "30\ttotal\n"
    shell(f"rsync -a {m}/c/nodes/ {tmp_path}/nodes/")
    shell(f"cp -r {m}/c/arrays {tmp_path}/arrays")
    assert (tmp_path / "nodes" / "c-1" / "status").read_text() == "Acquiring\n"
    assert os.readlink(tmp_path / "arrays/execute/nodes/c-1") == "../../../nodes/c-1"
    assert shell(f"diff -r {m}/c/nodes {tmp_path}/nodes").stdout == ""
    assert shell(f"cat {m}/c/arrays/execute/nodes/c-2/status").stdout == "Acquiring\n"
    watch = f"TERM=xterm LINES=20 COLUMNS=120 timeout 1 watch -n 0.2 cat {m}/c/nodes/c-1/status"
    assert "Acquiring" in shell(watch, check=False).stdout


def test_tar_takes_it_elsewhere(host, tmp_path):
    """The sizes in its headers are those of what it reads: it does not pad, and does not complain."""
    done = shell(f"tar -C {host.mount} -cf {tmp_path}/all.tar . && tar -C {tmp_path} -xf {tmp_path}/all.tar")
    assert done.stderr == ""
    assert shell(f"diff -r -x usage {host.mount}/c {tmp_path}/c").stdout == ""
    assert (tmp_path / "c/nodes/c-3/status").read_text() == "Acquiring\n"
    assert os.readlink(tmp_path / "c/arrays/execute/nodes/c-1") == "../../../nodes/c-1"


def test_copying_a_cluster(host):
    """As the manual has it: mkdir NEW; cp OLD/template OLD/parameters NEW/."""
    host.write("[cluster Old]\n# copied\n", "c", "template")
    m = host.mount
    shell(f"mkdir {m}/d && cp {m}/c/template {m}/c/parameters {m}/d/")
    assert host.read("d", "template") == host.read("c", "template")
    assert host.error("d") == "ok\n"


def test_git_in_a_cluster(host):
    """git keeps its files beside the documents only where scratch names allow: it is told so."""
    done = shell(f"cd {host.path('c')} && git init", check=False)
    assert done.returncode != 0 and "not permitted" in done.stderr
    assert "template" in os.listdir(host.path("c"))


def test_git_in_projects(host, tmp_path):
    """Projects are a real directory: git works there as anywhere."""
    shell(f"cd {tmp_path} && git init -q p && cd p && cp {host.path('c', 'template')} t"
          " && git add t && git -c user.name=a -c user.email=a@b commit -qm m && git status")
    assert subprocess.run(["git", "-C", str(tmp_path / "p"), "log", "--oneline"],
                          capture_output=True, check=True).stdout
