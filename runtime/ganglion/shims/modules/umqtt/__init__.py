# SPDX-License-Identifier: GPL-3.0-or-later
"""`umqtt`: MQTT clients that block, `umqtt.simple` and `umqtt.robust`."""
