# SPDX-License-Identifier: GPL-3.0-or-later
"""errno, and OSError as MicroPython makes it."""

import errno

import uerrno

for number in (errno.ENOENT, uerrno.EIO, errno.EINVAL):
    try:
        raise OSError(number)
    except OSError as error:
        print(errno.errorcode[error.errno], error.errno == number, error.args == (number,), error.args[0] == number)
try:
    open("/no/such/file")
except OSError as error:
    print(error.errno > 0)
try:
    raise OSError(-1)
except OSError as error:
    print(error.errno, error.args)
try:
    raise OSError("words")
except OSError as error:
    print(error, error.args)
for name in (
    "ENOENT",
    "EIO",
    "EBADF",
    "EAGAIN",
    "ENOMEM",
    "EACCES",
    "EEXIST",
    "ENODEV",
    "EISDIR",
    "EINVAL",
    "EOPNOTSUPP",
):
    print(name, getattr(errno, name) in errno.errorcode)
