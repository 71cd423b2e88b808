"""A session permit as stored in a journal line: complete except for the signature, in the venue API's field names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ama_tui.domain.session import Methods, SessionPermit
from ama_tui.store.json_fields import as_integer

_BYTES32 = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


def permit_params(session_id: str, permit: SessionPermit) -> dict[str, object]:
    """The `params` of a line that announces a session; integers are decimal strings."""
    return {
        "sessionId": session_id,
        "expiry": str(permit.expiry),
        "nonce": str(permit.nonce),
        "permit": {
            "trader": permit.trader,
            "relayerSetRoot": permit.relayer_set_root,
            "expiry": str(permit.expiry),
            "maxNotionalPerTrade": str(permit.max_notional_per_trade6),
            "maxNotionalPerSession": str(permit.max_notional_per_session6),
            "methodsBitmap": f"0x{int(permit.methods):064x}",
            "sessionSalt": permit.salt,
            "allowedMarkets": list(permit.allowed_markets),
            "nonce": str(permit.nonce),
        },
    }


def permit_of(params: Mapping[str, object]) -> SessionPermit | None:
    """The permit of a line, None when a field is missing."""
    raw = params.get("permit")
    if not isinstance(raw, Mapping):
        return None
    trader, markets = raw.get("trader"), raw.get("allowedMarkets")
    words = [raw.get(key) for key in ("relayerSetRoot", "methodsBitmap", "sessionSalt")]
    numbers = [as_integer(raw.get(key)) for key in ("expiry", "maxNotionalPerTrade", "maxNotionalPerSession", "nonce")]
    if not isinstance(trader, str) or not _ADDRESS.fullmatch(trader) or not isinstance(markets, list):
        return None
    if not all(isinstance(word, str) and _BYTES32.fullmatch(word) for word in (*words, *markets)):
        return None
    root, bitmap, salt = map(str, words)
    expiry, per_trade6, per_session6, nonce = (-1 if number is None else number for number in numbers)
    if min(expiry, per_trade6, per_session6, nonce) < 0 or int(bitmap, 16) >= 1 << len(Methods):
        return None
    return SessionPermit(
        trader=trader,
        relayer_set_root=root,
        expiry=expiry,
        max_notional_per_trade6=per_trade6,
        max_notional_per_session6=per_session6,
        methods=Methods(int(bitmap, 16)),
        salt=salt,
        allowed_markets=tuple(markets),
        nonce=nonce,
    )
