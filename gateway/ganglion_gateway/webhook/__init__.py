# SPDX-License-Identifier: GPL-3.0-or-later
"""Events out to people's servers: signed, in order, at least once, and never to an address that was not checked."""
