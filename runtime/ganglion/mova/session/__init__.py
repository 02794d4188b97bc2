# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that outlive a run: in memory, in SQLite, in Redis (`ganglion.mova.ports.SessionStore`)."""
