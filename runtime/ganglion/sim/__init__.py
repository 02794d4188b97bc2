# SPDX-License-Identifier: GPL-3.0-or-later
"""Chips that are not there, as their data sheets describe them, on a bus that the real drivers speak to."""
