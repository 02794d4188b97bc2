# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/settings`: one's own account, who else may come in, and the rules that hold in the fleet."""
