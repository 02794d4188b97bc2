# SPDX-License-Identifier: GPL-3.0-or-later
"""`%` and `format` of bytes, with text, bytes and numbers."""

print(b"%s /%s HTTP/1.0\r\n" % ("GET", "path"))
print(b"%s=%s" % ("grüße", b"\xff\x00"))
print(b"%d %5d|%-5d|%x %c" % (1, 2, 3, 255, "c"), b"%s" % 5, b"%s" % None)
print(b"%r %r" % ("a", b"b"), b"%s" % "one", b"100%%" % ())
print(b"{}:{}".format("user", "pass"), b"{1}-{0:>3}".format(1, 2), b"{name}".format(name="n"))
for values in ((), (1, 2)):
    try:
        print(b"%d" % values)
    except TypeError:
        print("TypeError")
try:
    print(b"{}".format())
except IndexError:
    print("IndexError")
