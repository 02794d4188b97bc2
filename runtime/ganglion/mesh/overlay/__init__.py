# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh over its links: hello and cost, routes without loops, flooding with repair, and delivery hop by hop.

Nothing in this package opens a socket, reads a clock, sleeps or draws a number: bytes and time come in, effects go out.
`router.Router` puts the parts together; a shell around it owns the links.
"""
