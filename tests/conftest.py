# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test may ask for. `HYPOTHESIS_PROFILE=long` searches longer than the `ci` that runs without it."""

import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

from support.agent import firmware
from support.brokers import _cluster, broker, certificates, cluster
from support.browser import _chromium, chromium, front
from support.postgres import _postgres, postgres, store_url

__all__ = [
    "_chromium",
    "_cluster",
    "_postgres",
    "broker",
    "certificates",
    "chromium",
    "cluster",
    "firmware",
    "front",
    "postgres",
    "store_url",
]

# As `ganglion_gateway.intents` has it; here NumPy may be imported before
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# As tools/dev has it, for whoever runs pytest alone
os.environ.setdefault("ZIG_DEBUG_CMD", "1")
# The same examples in every run: a red test must be red for its author too
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Collects the tests, which stay to the end, without the collector of garbage: it would take half of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Runs a test that is marked `untraced` without coverage: here, and in the processes that it starts."""
    tracing = Coverage.current() if item.get_closest_marker("untraced") else None
    if tracing is None:
        return (yield)
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("COV_", "COVERAGE_"))}
    tracing.stop()
    try:
        return (yield)
    finally:
        tracing.start()
        os.environ.update(kept)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Interrupts the end of a test that takes minutes, again and again, and prints where every thread is.

    pytest-timeout interrupts a test once; a thread that it waited for would then be waited for without end, as its loop
    is closed.
    """

    def interrupt(*_: object) -> None:
        faulthandler.dump_traceback(file=sys.__stderr__)
        pytest.fail("the end of this test took minutes")

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 180, 30)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A state folder that is not the user's, for what commands keep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
