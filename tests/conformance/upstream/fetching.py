# SPDX-License-Identifier: GPL-3.0-or-later
"""A script for MicroPython: asks a server with the library `requests` in the folder that it is given."""

import sys

sys.path.insert(0, sys.argv[1])

import requests

print(requests.__file__)
answer = requests.post(sys.argv[2], json={"asked": [1, "two"]}, headers={"X-Who": "me"}, auth=("me", "word"))
print(answer.status_code, answer.reason, answer.headers["X-Told"], answer.json())
