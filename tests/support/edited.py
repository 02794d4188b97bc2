# SPDX-License-Identifier: GPL-3.0-or-later
"""A script as it is edited: it says something."""

from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.plan import Plan
from support.mova import edge


def text(say: str, name: str = "trial") -> str:
    return edge(f'- {{id: say, action: log, message: "{say}"}}').replace("name: trial", f"name: {name}", 1)


def plan(say: str, name: str = "trial") -> Plan:
    return compile(load(text(say, name), file="x.yaml"))
