# SPDX-License-Identifier: GPL-3.0-or-later
"""Topics: names and filters made up of few levels; a tree of filters finds exactly those that match."""

from hashlib import sha256

from ganglion_micro.topic import Tree, is_filter, is_name, matches
from support.dice import Dice

# MQTT 3.1.1, section 4.7
assert matches("sport/#", "sport")
assert matches("+/+", "/finance")
assert not matches("+", "/finance")
assert not matches("sport/+", "sport")
assert not matches("#", "$SYS/monitor/Clients")
assert matches("$SYS/monitor/+", "$SYS/monitor/Clients")

dice = Dice(47)
everything = sha256()
tree = Tree()
filters = {}
for key in range(600):
    levels = [dice.one_of(["a", "b", "", "+", "#", "$x", "ї"]) for _ in range(1 + dice.throw(4))]
    text = "/".join(levels)
    if is_filter(text):
        tree.add(text, key)
        filters[key] = text
    if len(filters) > 60:
        key = dice.one_of(sorted(filters))
        tree.remove(filters.pop(key), key)
    if is_name(text):
        found = sorted(tree.match(text))
        assert found == sorted([key for key in filters if matches(filters[key], text)]), text
        everything.update(f"{text} {found}".encode())
print(everything.digest().hex())
