# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth keeping for a while: in the database, or in a Redis that several gateways share."""
