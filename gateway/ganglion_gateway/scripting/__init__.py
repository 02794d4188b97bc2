# SPDX-License-Identifier: GPL-3.0-or-later
"""MOVA documents of people who edit: checked, drawn and run in processes of their own, which have their bounds."""
