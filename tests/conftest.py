# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test may ask for. `HYPOTHESIS_PROFILE=long` searches longer than the `ci` that runs without it."""

import os

from hypothesis import HealthCheck, settings

from support.brokers import broker

__all__ = ["broker"]

# The same examples in every run: a red test must be red for its author too
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
