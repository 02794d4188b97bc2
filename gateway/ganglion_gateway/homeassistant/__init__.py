# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet in Home Assistant, by the discovery of its MQTT integration."""
