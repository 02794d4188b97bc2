# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge to language models: a question from a node becomes one request to a chat-completions API."""
