# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of third parties on plain MQTT topics, as channels to be read and set. No I/O; nobody has signed it."""

from ganglion.bridge.bridge import Bridge
from ganglion.bridge.device import Channel, Device, Dialect, Kind, Publication, Reading

__all__ = ["Bridge", "Channel", "Device", "Dialect", "Kind", "Publication", "Reading"]
