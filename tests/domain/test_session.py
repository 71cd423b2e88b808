from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.session import ZERO_ADDRESS, Methods, SessionRecord

TRADER, ROOT, NOW = "0x" + "ab" * 20, "0x" + "0c" * 32, 1_700_000_000
NEEDED = Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL
RECORD = SessionRecord("0x" + "01" * 32, TRADER, ROOT, NOW + 1, 0, 0, 0, NEEDED, revoked=False)


def problem(record: SessionRecord, relayer_root: str | None = ROOT) -> str | None:
    return record.problem(trader=TRADER, now=NOW, relayer_root=relayer_root, methods=NEEDED)


def test_a_valid_session_has_no_problem() -> None:
    assert problem(RECORD) is None
    assert problem(replace(RECORD, methods=NEEDED | Methods.PLACE_MARKET)) is None


def test_addresses_and_roots_are_compared_whatever_their_case() -> None:
    assert problem(replace(RECORD, trader="0x" + "AB" * 20, relayer_set_root="0x" + "0C" * 32)) is None


def test_an_unknown_relayer_root_is_no_problem() -> None:
    assert problem(RECORD, relayer_root=None) is None


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (replace(RECORD, trader=ZERO_ADDRESS), "unknown"),
        (replace(RECORD, trader="0x" + "cd" * 20), "another wallet"),
        (replace(RECORD, revoked=True), "revoked"),
        (replace(RECORD, expiry=NOW), "expired"),
        (replace(RECORD, relayer_set_root="0x" + "00" * 32), "relayer set changed"),
        (replace(RECORD, methods=NEEDED & ~Methods.CANCEL), "does not allow"),
    ],
)
def test_each_problem_is_named(record: SessionRecord, expected: str) -> None:
    assert expected in (problem(record) or "")


def test_method_bits_are_those_of_the_wire_contract() -> None:
    assert [method.value for method in Methods] == [1, 2, 4, 8, 16, 32]
    assert NEEDED == 0b110010
