# SPDX-License-Identifier: GPL-3.0-or-later
"""json both ways, and what is no JSON."""

import io
import json

import ujson

for value in (
    None,
    True,
    1,
    -2.5,
    "text",
    'a"b\\c',
    "\n\t\x01",
    "їжак",
    [],
    [1, [2]],
    {},
    {"a": {"b": [1, 2]}},
    (1, 2),
    1e30,
):
    print(ujson.dumps(value))
print(json.dumps({"a": [1, 2]}, separators=(",", ":")), json.dumps([1, {"b": 2}], separators=("; ", "= ")))
for text in ("1", "-1.5e3", '"a\\u0457\\n"', "[1, 2, []]", '{"a": {"b": null}}', " true ", b'{"x": 1}'):
    print(json.loads(text))
for text in ("", "nul", '"open', "1 2", "abc"):
    try:
        print(repr(json.loads(text)))
    except ValueError as error:
        print("ValueError", error)
stream = io.StringIO()
json.dump({"k": [True, None]}, stream)
print(stream.getvalue(), json.load(io.StringIO(' {"x": [1]} ')), json.load(io.BytesIO(b"[1]")))
