# SPDX-License-Identifier: GPL-3.0-or-later
"""The console of a serial port: what keys mean, what is shown and recorded, and who else may reach the port."""
