# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms that texts of the API have: a pattern, and what it is in words with an example. Pure."""

from ganglion.expected import Form
from ganglion.sentences import say

#: A tag, a class, a method, a name of a node or of a release.
WORD = r"^[A-Za-z0-9_.:-]+$"
#: What people call a thing, or why they do one; the second may be empty.
LINE = r"^[^\x00-\x1f\x7f]+$"
LINE_OR_NONE = r"^[^\x00-\x1f\x7f]*$"
USER = r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$"
ROLLOUT = r"^[a-z0-9][a-z0-9-]{0,15}$"
JOB = r"^[0-9a-f]{8}$"
KEY = r"^[0-9a-f]{16}$"
SHA256 = r"^[0-9a-f]{64}$"
EVENT = r"^[a-z2-7]{26}-\d{1,10}-\d{1,20}$"
DAY = r"^\d{4}-\d{2}-\d{2}$"
FILE = r"^[A-Za-z0-9._/-]+$"
SCRIPT = r"^[A-Za-z0-9_-]+\.(yaml|yml|json)$"


_SAID = "0a1b2c3d4e5f6789"
FORMS = {
    WORD: Form(say("each one of a-z A-Z 0-9 _ . : -"), "kitchen-2", whole=False),
    LINE: Form(say("on one line"), "for the shed", whole=False),
    LINE_OR_NONE: Form(say("on one line"), "for the shed", whole=False),
    USER: Form(say("1 to 64 of a-z A-Z 0-9 _ . @ -, with a letter or digit first"), "olena"),
    ROLLOUT: Form(say("1 to 16 of a-z 0-9 -, with a letter or digit first"), "spring-2"),
    JOB: Form(say("8 digits of 0-9 a-f"), _SAID[:8]),
    KEY: Form(say("16 digits of 0-9 a-f"), _SAID),
    SHA256: Form(say("a SHA-256 in 64 digits of 0-9 a-f"), _SAID * 4),
    EVENT: Form(say("the id of an event, NODE-EPOCH-NUMBER"), f"{'k' * 26}-3-17"),
    DAY: Form(say("a day, YEAR-MONTH-DAY"), "2026-11-22"),
    FILE: Form(say("each one of a-z A-Z 0-9 . _ / -"), "scripts/door.yaml", whole=False),
    SCRIPT: Form(say("a name of a-z A-Z 0-9 _ - that ends in .yaml, .yml or .json"), "fridge.yaml", whole=False),
}
