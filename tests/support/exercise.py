# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver's exercise on a bench: with a model and everything that is said on the wires written down, or from that.

A script of tests/conformance/drivers has `exercise(bench)` and ends in `replay(exercise)`. Under CPython the bench of
`record` puts the driver on its model. Run as a script, on whatever Python, the bench says the recorded answers again,
and refuses every call that differs from the recorded one. What the exercise prints has to be the same.
"""

import errno
import json
import sys

#: Numbers differ from system to system, names do not.
_ERRORS = ("ENODEV", "EIO", "EAGAIN", "ETIMEDOUT", "EINVAL", "ENXIO", "EBUSY", "ENOBUFS")


class Bench:
    """What an exercise works on. Its wires are attributes: `bench.i2c`, and whatever the driver is made with.

    Args:
        wires: Name to bus or pin.
        world: The models' side: `set`, `fault` and other methods of a model, which do nothing where a recording speaks.
        sleep: Lets milliseconds pass.
        say: Takes a line.
    """

    def __init__(self, wires, world, sleep, say):
        self.world = world
        self.sleep_ms = sleep
        self._say = say
        for name in wires:
            setattr(self, name, wires[name])

    def say(self, *words):
        self._say(" ".join(text(word) for word in words))

    def attempt(self, what, *arguments):
        """The result, or None after saying what was raised."""
        try:
            return what(*arguments)
        except OSError as error:
            self.say("OSError", name(error.args[0]), *error.args[1:])
        except ValueError as error:
            self.say("ValueError", str(error))
        return None

    def measure(self, driver):
        """A round of `start` and `sample`, and its values by name."""
        wait = self.attempt(driver.start)
        if wait is None:
            return
        self.sleep_ms(wait)
        values = self.attempt(driver.sample)
        if values is not None:
            self.say(wait, "ms", *(f"{channel}={text(values[channel])}" for channel in sorted(values)))

    def sensor(self, make, places, rounds=1):
        """All that a driver with `start` and `sample` goes through: places, faults before and after it was made."""
        driver = make()
        for place in places:
            self.world.set(**place)
            for _ in range(rounds):
                self.measure(driver)
        for fault in ("nack", "stuck", "stuck low", "short", "corrupt", "busy"):
            for early in (True, False):
                self.say(fault, "from the start" if early else "from then on")
                driver = None if early else make()
                self.world.fault(fault)
                driver = driver or self.attempt(make)
                for _ in range(rounds if driver else 0):
                    self.measure(driver)
                self.world.fault(None)
                self.sleep_ms(1000)


def text(value):
    """Millionths of a number with a fraction: how a tie is rounded when it is printed differs from Python to Python."""
    return f"{int(value * 1e6)}e-6" if isinstance(value, float) else str(value)


def name(number):
    for each in _ERRORS:
        if getattr(errno, each, None) == number:
            return each
    return str(number)


def plain(value):
    """As JSON can have it, bytes in hexadecimal."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def rich(value):
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    if isinstance(value, list):
        return [rich(each) for each in value]
    return value


class Recorded:
    """A bus or pin whose calls are passed on and written down: name, arguments, outcome, and the buffers afterwards."""

    def __init__(self, wire, called, lines):
        self._wire = wire
        self._called = called
        self._lines = lines

    def __call__(self, *arguments, **named):
        return self.__getattr__("__call__")(*arguments, **named)

    def __getattr__(self, method):
        def call(*arguments, **named):
            given = [self._called, method, plain(arguments), named]
            try:
                result = getattr(self._wire, method)(*arguments, **named)
            except OSError as error:
                outcome = {"errno": name(error.args[0]), "says": list(error.args[1:])}
                result = error
            else:
                outcome = {"is": plain(result)}
            filled = [plain(each) if isinstance(each, bytearray) else None for each in arguments]
            given += [outcome, filled]
            self._lines.append(json.dumps(given))
            if isinstance(result, OSError):
                raise result
            return result

        return call


class Replayed:
    """One that answers as it is written."""

    def __init__(self, called, lines):
        self._called = called
        self._lines = lines

    def __call__(self, *arguments, **named):
        return self.__getattr__("__call__")(*arguments, **named)

    def __getattr__(self, method):
        def call(*arguments, **named):
            assert self._lines, f"{self._called}.{method}{arguments} is one call too many"
            line = json.loads(self._lines.pop(0))
            given = [self._called, method, plain(arguments), named]
            assert given == line[:4], f"{given} instead of {line[:4]}"
            for each, filled in zip(arguments, line[5]):  # noqa: B905 - MicroPython's is never strict
                if filled is not None:
                    each[:] = rich(filled)
            if "errno" in line[4]:
                raise OSError(getattr(errno, line[4]["errno"]), *line[4]["says"])
            return rich(line[4]["is"])

        return call


class Nothing:
    """The world, where there is none."""

    def __getattr__(self, method):
        return lambda *arguments, **named: None


def record(exercise, wires, world, sleep):
    """What the exercise says with models on its wires, and the recording: lines both, the wires' names first in it."""
    said = []
    recording = [json.dumps(sorted(wires))]
    bench = Bench({each: Recorded(wires[each], each, recording) for each in wires}, world, sleep, said.append)
    exercise(bench)
    return said, recording


def replay(exercise):
    """Runs the exercise on the recording that the command line names, and prints what it says."""
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} RECORDING")
        sys.exit(2)
    with open(sys.argv[1]) as file:
        lines = file.read().splitlines()
    wires = json.loads(lines.pop(0))
    exercise(Bench({each: Replayed(each, lines) for each in wires}, Nothing(), lambda ms: None, print))
    assert not lines, f"{len(lines)} calls are missing, the first is {lines[0]}"
