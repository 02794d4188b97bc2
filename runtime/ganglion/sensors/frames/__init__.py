# SPDX-License-Identifier: GPL-3.0-or-later
"""Where pictures come from: a folder, a film, a camera of Video4Linux."""
