# SPDX-License-Identifier: GPL-3.0-or-later
"""json of what is out of order: commas, colons and the kind of a bracket count for nothing."""

import io
import json

DOCUMENTS = [
    # what is not there, or has no end
    (
        "",
        " ",
        ",",
        "\0",
        "[[",
        "[{",
        '{"a":[',
        '{"a":{',
        '"abc',
        '"ab\\',
        '"',
        '{"',
        '{"a":"',
        '"a\\u12',
        '"\\u 12"',
        "nul",
    ),
    # commas and colons
    ("[,]", "[1,]", "[1,,2]", "[1 2]", "{,}", "{:}", '{"a":1,}', '{"a" 1}', '{"a",1}', '{"a"::1}', '{"a":}', "[:1]"),
    ('{"a":1:2}', ",1", ":1", "1,", "1:", "[1],", '"a":1', "1 2", "[]x", "[] \v\f", "{} {}", "null null", "nullnull"),
    # brackets
    (
        "[1}",
        '{"a":1]',
        "[{]}",
        '[{"a":1]}',
        '{"a":[1}]',
        "]",
        "}",
        "[]]",
        '{"a":1}}',
        "[1]]",
        "[1]\0x",
        "1\0",
        '"a\0b"',
    ),
    # keys, and what stands without anything between
    (
        "{1:2}",
        "{null:1}",
        "{1.5:2}",
        "{[1]:2}",
        "{{}:1}",
        '[{"a"},1,{2}]',
        '[1"b"]',
        '["a""b"]',
        '"a""b"',
        "[truefalse]",
    ),
    # numbers
    ("01", "-01", "00", "1.", "-.5", "1.e5", "[1e5,1E5,1e+5]", "1e", "-", "- 1", "--1", "-1-1", "1+1", "1-2", "1.5.5"),
    ("--1.5", "[-]", ".5", "+1", "e5", "0x10", "1_0", "[1e400]", "NaN", "[Infinity]", "-Infinity", "\ufeff1", "'a'"),
    # text
    ('"a\nb"', '"\x01"', '"\\q\\x41\\/"', '["\\n\\b"]x', '["\\n\\t\\"\\\\",]', '["\\u0041",]', "1\xa0", "[1\v]"),
    (b'{"a":]', bytearray(b"[1}"), memoryview(b"[2,]")),
]
for i, part in enumerate(DOCUMENTS):
    for k, document in enumerate(part):
        try:
            print(i, k, json.loads(document))
        except ValueError as error:
            print(i, k, "ValueError", error)
print(json.load(io.StringIO("[1, [2], ]")), json.load(io.BytesIO(b'{"a":}')))
print(len(json.loads("[" * 2000 + "]" * 2000)), len(json.loads("[" + "[]" * 300 + "}")))
