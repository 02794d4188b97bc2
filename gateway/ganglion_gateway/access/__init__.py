# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask the gateway anything: tokens for programs, sessions for browsers, nobody else."""
