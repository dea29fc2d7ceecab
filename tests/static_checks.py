# SPDX-License-Identifier: MIT
"""Checks that read the sources only. Each returns a list of problems, or None when it cannot run."""
import os
import pathlib
import re
import shutil
import subprocess

FUNCTION_LINES_MAX = 60
FUNCTION_CYCLOMATIC_MAX = 12
FILE_LINES_MAX = 600
EXCEPTIONS = "tests/size-exceptions.txt"
WORDS = {
    "keypair": "KeyPair is an attribute of the template language",
    "isnt": "an operator of the template language",
    "fo": "a test vector of RFC 4648",
}


def tracked(root, *patterns):
    """Files of the project that match, whether it is a git checkout or an unpacked archive."""
    out = subprocess.run(["git", "ls-files", "--"] + list(patterns), cwd=root, capture_output=True,
                         text=True)
    if out.returncode == 0:
        return [f for f in out.stdout.splitlines() if (root / f).is_file()]
    return sorted(str(p.relative_to(root)) for pattern in patterns for p in root.rglob(pattern)
                  if not str(p.relative_to(root)).startswith("build"))


def output_of(command, root, want_silence=True):
    """The lines a checker prints, when it complains."""
    if not shutil.which(command[0]) and not os.path.exists(command[0]):
        return None
    out = subprocess.run(command, cwd=root, capture_output=True, text=True)
    lines = (out.stdout + out.stderr).splitlines()
    if out.returncode == 0 and (want_silence is False or not lines):
        return []
    return lines or [f"{command[0]} ended with {out.returncode}"]


def exceptions(root):
    """"PATH" or "PATH:FUNCTION" -> its reason."""
    found = {}
    path = root / EXCEPTIONS
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            found[name] = reason.strip()
    return found


def check_layers(root):
    return output_of([str(root / "tools/check-layers")], root)


def clang_format(root):
    files = tracked(root, "*.c", "*.h")
    if not shutil.which("clang-format"):
        return None
    out = subprocess.run(["clang-format", "--dry-run", "-Werror"] + files, cwd=root,
                         capture_output=True, text=True)
    places = [line.split(":")[0] for line in out.stderr.splitlines() if "error:" in line]
    return [f"{name}: {places.count(name)} lines differ from clang-format's" for name in
            sorted(set(places))]


def function_size(root):
    if not shutil.which("pmccabe"):
        return None
    files = tracked(root, "*.c")
    out = subprocess.run(["pmccabe"] + files, cwd=root, capture_output=True, text=True)
    known = exceptions(root)
    problems = []
    for line in out.stdout.splitlines():
        fields = line.split("\t")
        if len(fields) < 6:
            continue
        cyclomatic, lines = int(fields[0]), int(fields[4])
        place, _, name = fields[5].partition(": ")
        path = place.split("(")[0]
        if f"{path}:{name}" in known:
            continue
        if lines > FUNCTION_LINES_MAX:
            problems.append(f"{place}: {name} has {lines} lines, more than {FUNCTION_LINES_MAX}")
        if cyclomatic > FUNCTION_CYCLOMATIC_MAX:
            problems.append(f"{place}: {name} has {cyclomatic} paths, more than "
                            f"{FUNCTION_CYCLOMATIC_MAX}")
    return problems


def file_size(root):
    known = exceptions(root)
    problems = []
    for name in tracked(root, "*.c", "*.h", "*.py"):
        lines = len((root / name).read_text(errors="replace").splitlines())
        if lines > FILE_LINES_MAX and name not in known:
            problems.append(f"{name}: {lines} lines, more than {FILE_LINES_MAX}")
    return problems


def licence_lines(root):
    """The licence stands in the first line, or the second behind #!."""
    problems = []
    for name in tracked(root, "*.c", "*.h", "*.py", "tools/*", ".ci/*"):
        head = "\n".join((root / name).read_text(errors="replace").splitlines()[:2])
        if "SPDX-License-Identifier:" not in head:
            problems.append(f"{name}: no SPDX-License-Identifier in the first lines")
    return problems


def shell_scripts(root):
    scripts = [f for f in tracked(root, "tools/*", ".ci/*", "*.sh")
               if re.match(r"#!/bin/(ba)?sh", (root / f).read_text(errors="replace"))]
    return output_of(["shellcheck"] + scripts, root)


def spelling(root):
    files = [f for f in tracked(root, "*.c", "*.h", "*.md", "*.py", "man/*", "tools/*")]
    return output_of(["codespell", "--ignore-words-list", ",".join(WORDS)] + files, root)


def manual_pages(root):
    """mandoc's or man's own complaints, and the options that the page must name."""
    pages = tracked(root, "man/*")
    problems = []
    if shutil.which("mandoc"):
        problems += output_of(["mandoc", "-T", "lint", "-W", "warning"] + pages, root)
    elif shutil.which("groff"):
        for page in pages:
            out = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", page], cwd=root,
                                 capture_output=True, text=True)
            problems += out.stderr.splitlines()
    else:
        return None
    return problems


def python_compiles(root):
    problems = []
    for name in tracked(root, "*.py"):
        try:
            compile((root / name).read_text(), name, "exec")
        except SyntaxError as e:
            problems.append(f"{name}:{e.lineno}: {e.msg}")
    return problems


def error_kinds(root):
    """A kind that the table of base/error.c does not have would be told as "internal"."""
    table = (root / "engine/base/error.c").read_text()
    known = set(re.findall(r'\{"(\w+)", E\w+, \d+\}', table))
    used = re.compile(r'\berr_(?:set|kind)\([^,;"]+,\s*(?:[^,;"]+,\s*)?"(\w+)"')
    problems = []
    for name in tracked(root, "*.c"):
        problems += [f"{name}: \"{kind}\" is no kind of error"
                     for kind in used.findall((root / name).read_text()) if kind not in known]
    return problems


CHECKS = [
    ("layers", check_layers),
    ("kinds of errors", error_kinds),
    ("format", clang_format),
    ("function size", function_size),
    ("file size", file_size),
    ("licence lines", licence_lines),
    ("shell scripts", shell_scripts),
    ("spelling", spelling),
    ("manual pages", manual_pages),
    ("python", python_compiles),
]

if __name__ == "__main__":
    for title, check_function in CHECKS:
        print(title, check_function(pathlib.Path(__file__).resolve().parent.parent))
