# SPDX-License-Identifier: GPL-3.0-or-later
"""What people run around a fleet: the laptop demo, benchmarks, later flashing and the console."""
