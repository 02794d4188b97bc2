# SPDX-License-Identifier: GPL-3.0-or-later
"""The console of a node, and of its leaves, for people far away: the log as it comes, and lines that are carried out.

`sessions` has who is there and who writes, `lines` what a line says and `words` what it does, `tail` the log,
`log` that for who has no session, `leaf` that of a leaf, `shell` a login shell on a pty, and `record` what is kept.
"""

from ganglion.node.console.console import Console

__all__ = ["Console"]
