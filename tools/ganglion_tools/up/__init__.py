# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion up`: a broker, the gateway and three nodes on one machine, started and stopped together."""
