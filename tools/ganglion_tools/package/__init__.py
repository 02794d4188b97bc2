# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of a node for Linux: deb, ipk, apk and tar, built on a developer's machine for another."""

from ganglion_tools.package.building import build

__all__ = ["build"]
