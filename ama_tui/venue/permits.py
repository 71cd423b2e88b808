"""Session permits: their EIP-712 hash, the session's id, and the relayer set's Merkle root.

The struct, the domain and the tree are part of the venue's wire contract. The encoding is a fixed sequence of 32-byte
words, so it needs no library. Tests compare it with eth_account's encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_hash.auto import keccak

from ama_tui.domain.session import RelayerSet, SessionPermit

DOMAIN_NAME = "DexetraMeta"
DOMAIN_VERSION = "1"

_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_PERMIT_TYPE = keccak(
    b"SessionPermit(address trader,bytes32 relayerSetRoot,uint256 expiry,uint256 maxNotionalPerTrade,"
    b"uint256 maxNotionalPerSession,bytes32 methodsBitmap,bytes32 sessionSalt,bytes32[] allowedMarkets,"
    b"uint256 nonce)"
)
_NAME_HASH = keccak(DOMAIN_NAME.encode())
_VERSION_HASH = keccak(DOMAIN_VERSION.encode())


def permit_digest(permit: SessionPermit, chain_id: int, registry: str) -> bytes:
    """The 32 bytes the trader signs: keccak(0x1901 ‖ domain separator ‖ struct hash)."""
    domain = keccak(_DOMAIN_TYPE + _NAME_HASH + _VERSION_HASH + _uint(chain_id) + _address(registry))
    struct = keccak(
        _PERMIT_TYPE
        + _address(permit.trader)
        + _bytes32(permit.relayer_set_root)
        + _uint(permit.expiry)
        + _uint(permit.max_notional_per_trade6)
        + _uint(permit.max_notional_per_session6)
        + _uint(int(permit.methods))
        + _bytes32(permit.salt)
        + keccak(b"".join(map(_bytes32, permit.allowed_markets)))
        + _uint(permit.nonce)
    )
    return keccak(b"\x19\x01" + domain + struct)


def session_id(permit: SessionPermit) -> str:
    """The session's id in the registry: keccak(abi.encode(trader, relayerSetRoot, sessionSalt))."""
    encoded = _address(permit.trader) + _bytes32(permit.relayer_set_root) + _bytes32(permit.salt)
    return "0x" + keccak(encoded).hex()


def permit_payload(permit: SessionPermit) -> dict[str, object]:
    """The permit in the API's format, with integers as decimal strings."""
    return {
        "trader": permit.trader,
        "relayerSetRoot": permit.relayer_set_root,
        "expiry": str(permit.expiry),
        "maxNotionalPerTrade": str(permit.max_notional_per_trade6),
        "maxNotionalPerSession": str(permit.max_notional_per_session6),
        "methodsBitmap": "0x" + _uint(int(permit.methods)).hex(),
        "sessionSalt": permit.salt,
        "allowedMarkets": list(permit.allowed_markets),
        "nonce": str(permit.nonce),
    }


def relayer_root(addresses: Sequence[str]) -> str:
    """The Merkle root of a relayer set. Raises ValueError if it is empty.

    Leaves are keccak(address), sorted. Each pair is hashed smaller first. An odd last node is paired with itself.
    """
    level = sorted(keccak(_address(address)[12:]) for address in addresses)
    if not level:
        raise ValueError("a relayer set cannot be empty")
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [
            keccak(min(left, right) + max(left, right)) for left, right in zip(level[::2], level[1::2], strict=True)
        ]
    return "0x" + level[0].hex()


def relayer_set_problem(relayers: RelayerSet) -> str | None:
    """Why a permit for this relayer set must not be signed (empty or wrong root); None if it may be."""
    if not relayers.addresses:
        return "the venue has no relayers"
    computed = relayer_root(relayers.addresses)
    if computed != relayers.root:
        return f"the venue's relayer root {relayers.root} does not match its relayers ({computed})"
    return None


def _uint(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _bytes32(text: str) -> bytes:
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != 32:
        raise ValueError(f"not 32 bytes: {text}")
    return value


def _address(text: str) -> bytes:
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != 20:
        raise ValueError(f"not an address: {text}")
    return value.rjust(32, b"\0")
