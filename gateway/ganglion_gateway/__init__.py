# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet's server: inventory, events, webhooks, the bridge to language models, a dashboard."""
