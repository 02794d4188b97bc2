# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a board to where it runs: MicroPython's image, the agent, its configuration and its identity.

What is there is looked at first; from that follows a plan, of which a dry run shows what the run does. What is right is
left alone, so a run that was broken off is gone on with by the next.
"""
