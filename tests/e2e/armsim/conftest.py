# SPDX-License-Identifier: MIT
"""Simulators that end with their test."""

import pytest

from armsim import FAST, Simulator


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*options, log="log.jsonl"):
        started.append(Simulator(tmp_path, *options, log=log))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            assert one.stop() == 0


@pytest.fixture
def sim(start):
    return start(*FAST)


@pytest.fixture
def rude(start):
    """For tests that send what no client should: their log is not checked against the API."""
    return start(*FAST, log="refused.jsonl")
