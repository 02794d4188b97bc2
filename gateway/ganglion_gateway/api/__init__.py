# SPDX-License-Identifier: GPL-3.0-or-later
"""REST under /api/v1, health and metrics."""
