# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes are meant: `tag=fridge and board=esp32`."""

from ganglion_gateway.selecting.parse import parse
from ganglion_gateway.selecting.selector import Selector, Subject, chosen, strange

__all__ = ["Selector", "Subject", "chosen", "parse", "strange"]
