from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.session import (
    RENEW_BEFORE_S,
    ZERO_ADDRESS,
    Caps,
    Methods,
    SessionPermit,
    SessionRecord,
    methods_of_role,
    renewal_reason,
    session_status,
)
from ama_tui.domain.wallet import Role

TRADER, ROOT, NOW = "0x" + "ab" * 20, "0x" + "0c" * 32, 1_700_000_000
NEEDED = Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL
RECORD = SessionRecord("0x" + "01" * 32, TRADER, ROOT, NOW + 1, 0, 0, 0, NEEDED, revoked=False)


def problem(record: SessionRecord, relayer_root: str | None = ROOT) -> str | None:
    return session_status(record, trader=TRADER, block_time=NOW, relayer_root=relayer_root, methods=NEEDED).problem


def test_valid_session_has_no_problem() -> None:
    assert problem(RECORD) is None
    assert problem(replace(RECORD, methods=NEEDED | Methods.PLACE_MARKET)) is None


def test_addresses_and_roots_are_compared_case_insensitively() -> None:
    assert problem(replace(RECORD, trader="0x" + "AB" * 20, relayer_set_root="0x" + "0C" * 32)) is None


def test_unknown_relayer_root_is_no_problem() -> None:
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


WORN = replace(
    RECORD, expiry=NOW + 86_400, max_notional_per_trade6=100, max_notional_per_session6=1_000, notional_used6=899
)


def reason(record: SessionRecord, relayer_root: str | None = ROOT, largest6: int = 100) -> str | None:
    return renewal_reason(record, block_time=NOW, relayer_root=relayer_root, largest6=largest6)


def test_session_is_good_up_to_each_of_its_limits() -> None:
    assert reason(WORN) is None
    assert reason(replace(WORN, expiry=NOW + RENEW_BEFORE_S + 1)) is None
    assert reason(replace(WORN, relayer_set_root="0x" + "0C" * 32)) is None
    assert reason(WORN, relayer_root=None) is None


@pytest.mark.parametrize(
    ("record", "largest6", "why"),
    [
        (replace(WORN, expiry=NOW + RENEW_BEFORE_S), 100, "it expires within 5 min"),
        (replace(WORN, relayer_set_root="0x" + "00" * 32), 100, "the relayer set changed"),
        (replace(WORN, notional_used6=900), 100, "90 % of its budget is used"),
        (WORN, 101, "the session's cap per trade is too low"),
    ],
)
def test_session_beyond_a_limit_must_be_renewed(record: SessionRecord, largest6: int, why: str) -> None:
    assert reason(record, largest6=largest6) == why


def test_session_without_caps_is_never_too_small() -> None:
    uncapped = replace(WORN, max_notional_per_trade6=0, max_notional_per_session6=0, notional_used6=10**18)
    assert (reason(uncapped, largest6=10**18), uncapped.shortage(10**18), uncapped.used_percent) == (None, None, None)


@pytest.mark.parametrize(
    ("notional6", "pending6", "why"),
    [
        (100, 0, None),
        (101, 0, "the session's cap per trade is too low"),
        (100, 1, None),
        (100, 2, "the session's notional budget is used up"),
        (1, 101, "the session's notional budget is used up"),
    ],
)
def test_order_that_the_session_would_refuse_is_known_in_advance(
    notional6: int, pending6: int, why: str | None
) -> None:
    assert WORN.shortage(notional6, pending6) == why
    assert WORN.used_percent == 89


def test_record_of_a_permit_is_that_of_an_unused_session() -> None:
    permit = SessionPermit(TRADER, ROOT, NOW, 5, 6, NEEDED, "0x" + "5a" * 32, (), 7)
    assert permit.as_record("0x01") == SessionRecord("0x01", TRADER, ROOT, NOW, 5, 6, 0, NEEDED, revoked=False)
    assert permit.caps == Caps(5, 6)


def test_method_bits_are_those_of_the_wire_contract() -> None:
    assert [method.value for method in Methods] == [1, 2, 4, 8, 16, 32]
    assert NEEDED == 0b110010


def test_makers_never_get_market_orders_and_takers_get_nothing_but_these_and_cancels() -> None:
    everything = Methods(2**6 - 1)
    assert not methods_of_role(Role.MAKER, everything) & (Methods.PLACE_MARKET | Methods.PLACE_MARGIN_MARKET)
    assert methods_of_role(Role.MAKER, Methods.CANCEL) == Methods.CANCEL
    assert methods_of_role(Role.TAKER, everything) == Methods.PLACE_MARGIN_MARKET | Methods.CANCEL
