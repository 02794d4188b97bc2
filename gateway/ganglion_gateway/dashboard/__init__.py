# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see in a browser."""
