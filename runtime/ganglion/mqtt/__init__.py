# SPDX-License-Identifier: GPL-3.0-or-later
"""MQTT 3.1.1 client made for batches: one read of the socket is one list of messages, one loop turn is one write.

`packet` and `connection` are the protocol without I/O, `outbox` keeps what must be acknowledged, `client`
owns the socket. References are to MQTT Version 3.1.1 (OASIS Standard, 29 October 2014). QoS 0 and 1, clean
session.
"""
