# SPDX-License-Identifier: GPL-3.0-or-later
"""What people run around a fleet: here the whole site on one laptop."""
