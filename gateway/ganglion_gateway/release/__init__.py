# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: what they hold, which node should have which, and what has become of it."""
