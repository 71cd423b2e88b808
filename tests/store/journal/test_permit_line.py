"""A permit in a journal line: it is restored in full, and an incomplete one is no permit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.session import Methods, SessionPermit
from ama_tui.store.journal.permit_line import permit_of, permit_params

WORD = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
UINT = st.integers(0, 2**256 - 1)
PERMITS = st.builds(
    SessionPermit,
    trader=st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    relayer_set_root=WORD,
    expiry=UINT,
    max_notional_per_trade6=UINT,
    max_notional_per_session6=UINT,
    methods=st.integers(0, 63).map(Methods),
    salt=WORD,
    allowed_markets=st.lists(WORD, max_size=3).map(tuple),
    nonce=UINT,
)
PERMIT = SessionPermit(
    "0x" + "a1" * 20, "0x" + "b2" * 32, 1_800_000_000, 5, 6, Methods.CANCEL, "0x" + "c3" * 32, ("0x" + "d4" * 32,), 7
)


@given(PERMITS)
def test_permit_survives_a_round_trip(permit: SessionPermit) -> None:
    params = json.loads(json.dumps(permit_params("0x01", permit)))
    assert permit_of(params) == permit
    assert (params["sessionId"], params["expiry"], params["nonce"]) == ("0x01", str(permit.expiry), str(permit.nonce))


@pytest.mark.parametrize("key", list(permit_params("", PERMIT)["permit"]))  # type: ignore[call-overload]
@pytest.mark.parametrize("value", [None, "0x12", -1, "-1", "0x" + "ff" * 32, [1], {}])
def test_incomplete_permit_is_ignored(key: str, value: object) -> None:
    params = json.loads(json.dumps(permit_params("0x01", PERMIT)))
    params["permit"][key] = value
    found = permit_of(params)
    is_another_word = value == "0x" + "ff" * 32 and key in ("relayerSetRoot", "sessionSalt")
    assert (found is not None) == is_another_word
    del params["permit"][key]
    assert permit_of(params) is None


def test_line_without_a_permit_has_none() -> None:
    assert permit_of({"sessionId": "0x01"}) is None
    assert permit_of({"permit": "0x01"}) is None
