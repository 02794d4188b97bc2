# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts: a release to many nodes, cohort by cohort, and back when it turns out to be bad.

`machine` decides and does nothing, `controller` does and decides nothing, `contract` is what both need of others.
"""
