# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages between nodes: who says so (identity, credential), what arrives (member, replay) and how (client, spool).

The parts are imported by their own names (`ganglion.mesh.client`, `ganglion.mesh.identity`), so that showing a key
costs no asyncio.
"""
