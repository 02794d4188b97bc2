# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion broker`: who may connect to a broker, and what each may say and hear there.

Nothing in the mesh depends on it: a broker is trusted with nothing, and every message is signed. What it keeps out is
noise, and whoever would listen.
"""
