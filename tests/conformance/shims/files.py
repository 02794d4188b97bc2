# SPDX-License-Identifier: GPL-3.0-or-later
"""os: folders, files, and what is said of them."""

import os
import time

import uos

FOLDER = "shims_{}".format(time.ticks_us())
try:
    os.mkdir(FOLDER)
except OSError:
    pass
with open(FOLDER + "/a.txt", "w") as file:
    print(file.write("hello\n"))
with open(FOLDER + "/a.txt", "rb") as file:
    print(file.read(), file.seek(1), file.readline())
os.mkdir(FOLDER + "/sub")
print(sorted(os.listdir(FOLDER)), sorted((entry[0], entry[1]) for entry in uos.ilistdir(FOLDER)))
stat = os.stat(FOLDER + "/a.txt")
print(len(stat), stat[6], stat[0] & 0xF000 == 0x8000, os.stat(FOLDER)[0] & 0xF000 == 0x4000)
for what in (
    lambda: os.mkdir(FOLDER),
    lambda: os.remove(FOLDER + "/none"),
    lambda: os.stat("none"),
    lambda: os.listdir("none"),
):
    try:
        what()
        print("done")
    except OSError as error:
        print(error.errno > 0)
os.rename(FOLDER + "/a.txt", FOLDER + "/b.txt")
here = os.getcwd()
os.chdir(FOLDER)
print(sorted(os.listdir()), len(os.statvfs("/")))
os.chdir(here)
os.remove(FOLDER + "/b.txt")
os.rmdir(FOLDER + "/sub")
os.rmdir(FOLDER)
print(FOLDER in os.listdir(""))
