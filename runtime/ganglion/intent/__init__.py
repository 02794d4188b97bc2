# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a document's intents a text has: its patterns, what the text names, and who else is asked after them."""
