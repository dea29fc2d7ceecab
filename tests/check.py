# SPDX-License-Identifier: MIT
"""The parts of tools/check: builds, unit tests, tests on real mounts, sanitizers, static checks.

Each part counts what passed, failed and was skipped (with the reason) and its time is printed. The
last line is `N passed, N failed, N skipped`.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build-check"
PYTHON = "/usr/bin/python3"
JOBS = str(os.cpu_count() or 2)


class Result:
    """What a part counted, with a line for each failure and each reason to skip."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.notes = []
        self.measures = []  # what benchmarks print

    def add(self, good, what=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            self.notes.append(f"FAILED {what}")

    def skip(self, what, reason, count=1):
        self.skipped += count
        self.notes.append(f"skipped {what}: {reason}")

    def merge(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.notes += other.notes
        self.measures += other.measures


def log_path(name):
    (OUT / "logs").mkdir(parents=True, exist_ok=True)
    return OUT / "logs" / f"{name}.log"


def run(name, command, env=None, timeout=1800, cwd=ROOT):
    """Run a command with its output in a log. Returns (exit status, output)."""
    path = log_path(name)
    with open(path, "wb") as out:
        try:
            status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=cwd,
                                    stdin=subprocess.DEVNULL, timeout=timeout,
                                    env={**os.environ, **(env or {})}).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\nnot finished after {timeout} s\n".encode())
            status = 124
        except FileNotFoundError as e:
            out.write(f"{e}\n".encode())
            status = 127
    return status, path.read_text(errors="replace")


def tail(text, lines=30):
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-lines:])


# --- builds and unit tests -----------------------------------------------------------------------

BUILDS = {
    "gcc": ["-Dwerror=true"],
    "asan": ["-Dwerror=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"],
    "tsan": ["-Dwerror=true", "-Db_sanitize=thread", "-Db_lundef=false"],
    "release": ["-Dwerror=true", "--buildtype=release"],
}

PROGRAMS = ("cyclecloudfs", "armsim", "cyclecloud-watch", "cyclecloud-template",
            "tests/bench/bench-commit", "tests/bench/bench-template", "tests/bench/fs/fslatency",
            "tests/bench/fs/fsops", "tests/fs/fs-host")  # what benchmarks measure


def build_dir(kind):
    return OUT / kind


def build(kind, options=None, env=None, targets=()):
    """Configure once and compile. Returns a Result with one entry."""
    result = Result()
    directory = build_dir(kind)
    if not (directory / "build.ninja").exists():
        shutil.rmtree(directory, ignore_errors=True)
        command = ["meson", "setup", str(directory)] + (options or BUILDS[kind])
        status, text = run(f"{kind}-setup", command, env)
        if status:
            result.add(False, f"meson setup ({kind}):\n{tail(text)}")
            return result
    status, text = run(f"{kind}-build", ["ninja", "-C", str(directory)] + list(targets), env)
    result.add(status == 0, f"build ({kind}):\n{tail(text)}")
    return result


def sanitizer_env(kind):
    """Reports of any process of a sanitized part go to files that count as failures."""
    reports = OUT / "logs" / f"{kind}-report"
    for old in reports.parent.glob(f"{kind}-report.*"):
        old.unlink()
    suppressions = ROOT / "tests" / "tsan-suppressions.txt"
    common = f"log_path={reports}"
    return {
        "ASAN_OPTIONS": f"{common}:detect_stack_use_after_return=1:abort_on_error=0",
        "LSAN_OPTIONS": f"{common}:report_objects=1",
        "UBSAN_OPTIONS": f"{common}:print_stacktrace=1:halt_on_error=1",
        "TSAN_OPTIONS": f"{common}:halt_on_error=0:second_deadlock_stack=1"
                        + (f":suppressions={suppressions}" if suppressions.exists() else ""),
    }


def count_reports(kind, result):
    for report in sorted((OUT / "logs").glob(f"{kind}-report.*")):
        text = report.read_text(errors="replace")
        if text.strip():
            result.add(False, f"sanitizer report {report.relative_to(ROOT)}:\n{tail(text, 25)}")


def parse_cmocka(entry):
    """(passed, failed, skipped) that a cmocka program printed; zeros when it printed none."""
    text = entry.get("stdout", "") + entry.get("stderr", "")

    def total(word):
        return sum(int(n) for n in re.findall(rf"\[\s+{word}\s+\] (\d+) test\(s\)", text))
    return total("PASSED"), total("FAILED"), total("SKIPPED")


def count_unit_test(entry, result):
    passed, failed, skipped = parse_cmocka(entry)
    good = entry["result"] in ("OK", "EXPECTEDFAIL")
    if entry["result"] == "SKIP":
        result.skip(entry["name"], "the test skipped itself")
        return
    result.passed += passed if passed or failed else int(good)
    if skipped:
        result.skip(entry["name"], "see its log", skipped)
    if not good:
        result.failed += max(failed, 1)
        output = entry.get("stdout", "") + entry.get("stderr", "")
        result.notes.append(f"FAILED unit {entry['name']} ({entry['result']}):\n{tail(output, 20)}")


def unit_tests(kind, prefix=()):
    """meson test: each cmocka test counts."""
    result = Result()
    command = list(prefix) + ["meson", "test", "-C", str(build_dir(kind)), "--no-rebuild",
                              "--suite", "unit", "--num-processes", JOBS,
                              "--timeout-multiplier", "1" if kind == "gcc" else "4"]
    status, text = run(f"{kind}-unit", command, sanitizer_env(kind))
    log = build_dir(kind) / "meson-logs" / "testlog.json"
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for entry in entries:
        count_unit_test(entry, result)
    if not entries:
        result.add(False, f"unit tests did not run:\n{tail(text)}")
    elif status and not result.failed:
        result.add(False, f"meson test ended with {status}:\n{tail(text)}")
    count_reports(kind, result)
    return result


# --- tests on real programs ----------------------------------------------------------------------

def missing_for_mounts():
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/dev/fuse"):
        return "needs /dev/fuse"
    return None


def shared_dir():
    """Sample data beside the checkout, where it exists."""
    path = ROOT.parent / "shared"
    return str(path) if path.is_dir() else None


def node_id(case):
    return f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}"


def trouble(case):
    """What a test case of a report failed with, or None."""
    failure = case.find("failure")
    return failure if failure is not None else case.find("error")


def cases(path):
    return list(xml.etree.ElementTree.parse(path).getroot().iter("testcase"))


def count_junit(path, result, again=()):
    """Counts a report. `again` holds the ids of what passed when it was run a second time."""
    for case in cases(path):
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = trouble(case)
        if bad is not None and node_id(case) in again:
            result.notes.append(f"unsteady {name}: failed once, passed when run again")
            bad = None
        skip = case.find("skipped")
        if bad is not None:
            result.add(False, f"{name}:\n{tail(bad.text or bad.get('message') or '', 25)}")
        elif skip is not None:
            result.skip(name, skip.get("message", ""))
        else:
            result.passed += 1
        printed = (case.findtext("system-out") or "").strip().splitlines()
        result.measures += [line for line in printed if line and not line.startswith("-")]


UNSTEADY_MAX = 5  # more failures than this are no accident of a busy machine


def run_again(kind, folder, command, env, report):
    """Runs what failed once more, alone. Returns the ids of what passed then."""
    failed = [node_id(case) for case in cases(report) if trouble(case) is not None]
    if not 0 < len(failed) <= UNSTEADY_MAX:
        return set()
    second = report.with_suffix(".again.xml")
    second.unlink(missing_ok=True)
    command = [second_report(part, second) for part in command[:-1]] + failed
    run(f"{kind}-{folder}-again", command, env, 600)
    if not second.exists():
        return set()
    return {node_id(case) for case in cases(second)
            if trouble(case) is None and case.find("skipped") is None}


def second_report(part, path):
    return f"--junitxml={path}" if part.startswith("--junitxml=") else part


def arm_record():
    """Where tests of the plain build write their traffic with the simulator."""
    return OUT / "arm-record"


def pytest(kind, folder, prefix=(), select=None, timeout=1500):
    """Run tests/FOLDER against a build."""
    result = Result()
    reason = missing_for_mounts()
    if reason:
        result.skip(f"tests/{folder}", reason)
        return result
    report = log_path(f"{kind}-{folder}").with_suffix(".xml")
    report.unlink(missing_ok=True)
    env = {"CYCLECLOUDFS_BUILD": str(build_dir(kind)), "CYCLECLOUDFS_BUILD_KIND": kind,
           "PYTHONDONTWRITEBYTECODE": "1", **sanitizer_env(f"{kind}-{folder}")}
    if shared_dir():
        env["CYCLECLOUDFS_SHARED"] = shared_dir()
    if kind == "gcc":
        env["CYCLECLOUDFS_ARM_RECORD"] = str(arm_record())
    marks = select or ("" if os.environ.get("CYCLECLOUDFS_LONG") else "not long")
    command = list(prefix) + [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", marks,
                              f"--junitxml={report}", "-o", "junit_family=xunit1",
                              "-o", "junit_logging=system-out",
                              str(ROOT / "tests" / folder)]
    status, text = run(f"{kind}-{folder}", command, env, timeout)
    if report.exists():
        count_junit(report, result, run_again(kind, folder, command, env, report))
    if status not in (0, 1, 5) or (status and not report.exists()):
        result.add(False, f"pytest tests/{folder} ended with {status}:\n{tail(text)}")
    count_reports(f"{kind}-{folder}", result)
    return result


# --- the parts -----------------------------------------------------------------------------------

def part_gcc():
    return build("gcc")


def part_unit():
    return unit_tests("gcc")


def folder_part(kind, folder, **options):
    def part():
        result = build(kind, targets=PROGRAMS if kind == "release" else ())
        if not result.failed:
            result.merge(pytest(kind, folder, **options))
        return result
    return part


def part_asan():
    result = build("asan")
    if not result.failed:
        result.merge(unit_tests("asan"))
        for folder in ("fs", "e2e"):
            result.merge(pytest("asan", folder, select="not long and not unsanitized"))
    return result


def part_tsan():
    # Address space randomisation with 32 bits is more than gcc 12's TSan can place its shadow in.
    prefix = ["setarch", "-R"]
    result = build("tsan")
    if not result.failed:
        result.merge(unit_tests("tsan", prefix))
        for folder in ("fs", "e2e"):
            result.merge(pytest("tsan", folder, prefix,
                                "not long and not unsanitized and not no_threads", timeout=2100))
    return result


def part_arm():
    """The traffic that the parts before have recorded, against Azure's OpenAPI files."""
    sys.path.insert(0, str(ROOT / "tests"))
    import arm_schemas
    result = Result()
    reason, problem = arm_schemas.check_record(
        arm_record(), pathlib.Path(shared_dir() or "shared"), OUT / "armcheck")
    if reason:
        result.skip("recorded traffic", reason)
    else:
        result.add(not problem, f"recorded traffic:\n{tail(problem or '', 80)}")
    return result


def part_static():
    sys.path.insert(0, str(ROOT / "tests"))
    import static_checks
    result = Result()
    for name, check in static_checks.CHECKS:
        problems = check(ROOT)
        if problems is None:
            result.skip(name, "its program is not installed")
        else:
            result.add(not problems, f"{name}:\n{tail(chr(10).join(problems), 40)}")
    return result


def part_fuzz():
    result = Result()
    if not shutil.which("clang"):
        result.skip("fuzz", "needs clang")
        return result
    result.merge(build("fuzz", ["-Dfuzz=true", "-Db_lundef=false", "-Db_sanitize=address,undefined"],
                       {"CC": "clang"}, ["fuzzers"]))
    targets = sorted(p for p in build_dir("fuzz").glob("tests/fuzz/fuzz-*")
                     if p.is_file() and os.access(p, os.X_OK))
    if result.failed or not targets:
        result.add(bool(targets), "there are no fuzz targets")
        return result
    seconds = (1800 if os.environ.get("CYCLECLOUDFS_LONG") else 60) // len(targets)
    for target in targets:
        corpus = OUT / "corpus" / target.name
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = ROOT / "tests" / "data" / "corpus" / target.name.removeprefix("fuzz-")
        command = [str(target), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                   "-print_final_stats=1", f"-artifact_prefix={OUT}/logs/", str(corpus)]
        command += [str(d) for d in (seeds, ROOT / "templates") if d.is_dir()]
        status, text = run(target.name, command, timeout=seconds + 120)
        result.add(status == 0, f"{target.name} found something:\n{tail(text)}")
    return result


def part_tidy():
    result = Result()
    files = [str(p.relative_to(ROOT)) for folder in ("engine", "fs", "api", "simulator")
             for p in sorted((ROOT / folder).rglob("*.c"))]
    command = ["xargs", "-P", JOBS, "-n", "4", "clang-tidy", "-p", str(build_dir("gcc")), "--quiet",
               "--extra-arg=-Wno-unknown-warning-option"]  # the build is gcc's
    path = log_path("tidy")
    with open(path, "wb") as out:
        status = subprocess.run(command, input="\n".join(files).encode(), stdout=out,
                                stderr=subprocess.STDOUT, cwd=ROOT).returncode
    found = [line for line in path.read_text(errors="replace").splitlines()
             if re.search(r": (warning|error): ", line)]
    result.add(status == 0 and not found, "clang-tidy:\n" + tail("\n".join(sorted(set(found))), 60))
    return result


PARTS = [
    ("static", part_static, False),
    ("gcc", part_gcc, False),
    ("unit", part_unit, False),
    ("fs", folder_part("gcc", "fs"), False),
    ("e2e", folder_part("gcc", "e2e"), False),
    ("crash", folder_part("gcc", "crash"), False),
    ("arm", part_arm, False),
    ("bench", folder_part("release", "bench"), False),
    ("asan", part_asan, False),
    ("tsan", part_tsan, False),
    ("fuzz", part_fuzz, False),
    ("tidy", part_tidy, True),
]


def choose(arguments):
    names = [name for name, _, _ in PARTS]
    for name in arguments.parts:
        if name not in names:
            sys.exit(f"check: there is no part '{name}'; parts: {' '.join(names)}")
    return [(name, part) for name, part, only_long in PARTS
            if (name in arguments.parts if arguments.parts else arguments.long or not only_long)
            and (name not in ("fs", "e2e", "crash", "bench")
                 or (ROOT / "tests" / name).is_dir())]


def main():
    parser = argparse.ArgumentParser(prog="tools/check", description="Build and run all tests.")
    parser.add_argument("--long", action="store_true", help="also what takes longer")
    parser.add_argument("--list", action="store_true", help="name the parts")
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(name for name, _, _ in PARTS))
        return 0
    if arguments.long:
        os.environ["CYCLECLOUDFS_LONG"] = "1"
    OUT.mkdir(exist_ok=True)
    if not arguments.parts or "e2e" in arguments.parts:
        shutil.rmtree(arm_record(), ignore_errors=True)
    total = Result()
    begun = time.monotonic()
    for name, part in choose(arguments):
        at = time.monotonic()
        print(f"== {name}", flush=True)
        result = part()
        for line in result.notes + (result.measures if name == "bench" else []):
            print(line)
        print(f"== {name}: {result.passed} passed, {result.failed} failed, {result.skipped} skipped "
              f"({time.monotonic() - at:.0f} s)", flush=True)
        total.merge(result)
    print(f"all parts: {time.monotonic() - begun:.0f} s; logs are in build-check/logs")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
