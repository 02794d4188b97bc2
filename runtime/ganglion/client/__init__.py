# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's API as Python has it: what it can be asked, without I/O, and a client on the standard library alone.

`ganglion_gateway.client` has the same and a client for asyncio. Nothing is imported here: a command starts fast.
"""
