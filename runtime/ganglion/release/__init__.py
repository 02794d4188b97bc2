# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: what a node is to run, named by its content, tried and taken back without a server.

`manifest` says what one is, `record` what a node knows of its own, `start` what runs at a start; `keeper` is the shell.
"""
