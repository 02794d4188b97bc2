# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: one file with the database and the keys of a gateway, which any gateway can begin from."""
