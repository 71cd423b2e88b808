"""A short round of malformed bodies through every parser: a value or one of our errors, never anything else."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.fuzz.bodies import RAW
from tests.fuzz.feeding import feed
from tests.fuzz.parsers import parsers

ROUNDS = 300
with TemporaryDirectory() as _names_only:
    NAMES = tuple(parsers(Path(_names_only)))


@pytest.mark.parametrize("name", NAMES)
def test_malformed_bodies_give_values_or_our_own_errors(name: str, tmp_path: Path) -> None:
    parser = parsers(tmp_path)[name]
    fed = feed(parser, ROUNDS, seed=1)
    assert fed.bodies > ROUNDS
    assert fed.refused > len(RAW) // 2 if parser.refuses else fed.refused == 0
