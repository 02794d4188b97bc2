# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices with MicroPython on a serial port: their raw REPL, their files, and the ports themselves."""
