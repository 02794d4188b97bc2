# SPDX-License-Identifier: GPL-3.0-or-later
"""collections: queues with a length, named tuples and ordered dictionaries."""

from collections import OrderedDict, deque, namedtuple

import ucollections

queue = deque((), 3)
for each in range(5):
    queue.append(each)
print(len(queue), list(queue), queue.popleft(), queue.pop(), bool(queue), queue[0])
queue.appendleft(9)
queue.extend([10, 11])
print(list(queue), queue[1], queue[-1])
queue[0] = 5
print(list(queue))
for what in (lambda: deque((), 0).popleft(), lambda: deque((), 2, 1).pop(), lambda: deque([1, 2], 2, 1).append(3)):
    try:
        what()
        print("nothing")
    except IndexError as error:
        print("IndexError", error)
for what in (lambda: deque(()), lambda: deque((), -1)):
    try:
        what()
        print("made")
    except Exception as error:
        print(type(error).__name__ in ("TypeError", "ValueError"))
Point = ucollections.namedtuple("Point", ("x", "y"))
point = Point(1, y=2)
print(point, point.x, point[1], tuple(point), Point(3, 4) == (3, 4), namedtuple("A", "b c")(1, 2))
ordered = OrderedDict([("z", 1), ("a", 2)])
ordered["m"] = 3
print(list(ordered.items()), ordered.popitem(), list(ordered))
