# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway can be asked, a module for each tag of its OpenAPI document, and a function for each operation."""
