# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs pytest with another build of the native module: `python sanitized.py MODULE ARGUMENTS…`."""

import importlib.util
import sys

import pytest

import ganglion


def main() -> int:
    spec = importlib.util.spec_from_file_location("ganglion._native", sys.argv[1])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["ganglion._native"] = ganglion._native = module  # type: ignore[attr-defined]
    return pytest.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
