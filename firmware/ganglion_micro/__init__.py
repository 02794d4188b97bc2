# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs unchanged on MicroPython and on CPython.

The dialect is what MicroPython 1.25 and later run: annotations yes (they are parsed and dropped), but no `match`,
`dataclasses`, `typing`, `enum`, `from __future__`, positional-only `/`, `{**a}`, `except*`; `int.to_bytes` is
given its byte order. Nothing here awaits, sleeps, opens a socket or reads a clock: bytes and time come in as arguments.
"""
