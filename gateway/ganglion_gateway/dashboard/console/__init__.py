# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/nodes/{node}/console`: a terminal at the console of a node or a leaf, across the mesh."""
