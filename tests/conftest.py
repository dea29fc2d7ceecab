# SPDX-License-Identifier: MIT
"""What all tests on real mounts have in common."""
import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import harness  # noqa: E402  (found through the line above)


def pytest_configure(config):
    # A shell that runs this in the background has it ignore SIGINT, and so would all it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "long: runs only with tools/check --long")
    config.addinivalue_line("markers", "unsanitized: measures time or memory, not for sanitizers")
    config.addinivalue_line("markers", "no_threads: is about nothing that threads share, not for TSan")


@pytest.fixture
def make_daemon():
    """Makes daemons that are taken down whatever happens."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse")
    made = []

    def make(**options):
        daemon = harness.Daemon(**options)
        made.append(daemon)
        return daemon
    yield make
    for daemon in made:
        daemon.cleanup()


@pytest.fixture
def daemon(make_daemon):
    """A daemon that runs, on a simulator of its own."""
    return make_daemon().start()


@pytest.fixture(scope="module")
def shared_daemon():
    """A daemon that runs for all tests of a file."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse")
    daemon = harness.Daemon()
    try:
        yield daemon.start()
    finally:
        daemon.cleanup()


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the daemon's log."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for value in item.funcargs.values():
            if isinstance(value, harness.Daemon):
                report.sections.append(("daemon's log", value.log()[-4000:]))
