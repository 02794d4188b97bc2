# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of a member on this machine: UDP on its LANs, brokers; and the shell around the router that uses them."""
