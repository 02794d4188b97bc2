# SPDX-License-Identifier: GPL-3.0-or-later
"""For who writes MOVA documents: their layout, their form, and what an editor asks for while they are written."""
