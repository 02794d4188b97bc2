# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of a machine with Linux, for all who read, act or flash."""
