# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux machines that are reached by SSH: what they are, what is to be done there, and doing it."""
