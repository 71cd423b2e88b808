"""Ethereum transactions: decoding, hashes, and the addresses of created contracts."""

from __future__ import annotations

from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]  # ships no types
from eth_utils.crypto import keccak

LEGACY, ACCESS_LIST, DYNAMIC_FEE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction."""

    hash: str
    sender: str
    to: str | None
    data: bytes
    nonce: int
    gas: int
    value: int = 0
    gas_price: int = 0
    """What it pays per gas in wei, for every kind of transaction."""
    kind: int = LEGACY
    signature: tuple[int, int, int] = (0, 0, 0)
    """v (or the parity), r, s; zeros if the node sent it for an account without a key."""


class BadTransactionError(ValueError):
    """The bytes are not a signed transaction for this chain."""


def created_address(sender: str, nonce: int) -> str:
    """The lower-case address of the contract that `sender` creates with this nonce."""
    return "0x" + keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[12:].hex()


def unsigned(chain_id: int, sender: str, to: str | None, data: bytes, nonce: int, gas: int) -> Transaction:
    """A transaction of an account without a key. Its hash is unique although it has no signature."""
    fields = [chain_id, bytes.fromhex(sender[2:]), bytes.fromhex((to or "0x")[2:]), nonce, gas, data]
    return Transaction("0x" + keccak(rlp.encode(fields)).hex(), sender, to, data, nonce, gas)


def decode_signed(raw: bytes, chain_id: int) -> Transaction:
    """Decode a signed transaction: legacy, EIP-2930 or EIP-1559. Assumes a base fee of 0.

    Raises BadTransactionError.
    """
    from eth_account import Account  # slow to load and rarely needed

    try:
        sender = str(Account.recover_transaction(raw)).lower()
        kind, chain, fields = _fields(raw)
        nonce, price, gas, to, value, data, v, r, s = fields
    except Exception as error:  # the libraries raise almost anything for malformed bytes
        raise BadTransactionError(f"not a signed transaction: {error}") from error
    if chain not in (None, chain_id):
        raise BadTransactionError(f"invalid chain id for signer: have {chain} want {chain_id}")
    return Transaction(
        hash="0x" + keccak(raw).hex(),
        sender=sender,
        to="0x" + to.hex() if to else None,
        data=data,
        nonce=_int(nonce),
        gas=_int(gas),
        value=_int(value),
        gas_price=_int(price),
        kind=kind,
        signature=(_int(v), _int(r), _int(s)),
    )


def _fields(raw: bytes) -> tuple[int, int | None, list[bytes]]:
    """Kind, chain id if given, and the fields nonce, price, gas, to, value, data, v, r, s."""
    if raw[0] > 0x7F:
        fields = rlp.decode(raw, strict=True)
        v = _int(fields[6])
        return LEGACY, (v - 35) // 2 if v >= 35 else None, fields  # EIP-155
    kind, fields = raw[0], rlp.decode(raw[1:], strict=True)
    if kind == ACCESS_LIST:
        chain, nonce, price, *rest = fields
    elif kind == DYNAMIC_FEE:
        chain, nonce, tip, max_fee, *rest = fields
        price = min(tip, max_fee, key=_int)
    else:
        raise ValueError(f"transaction type {kind} is not supported")
    gas, to, value, data, _access_list, *signature = rest
    return kind, _int(chain), [nonce, price, gas, to, value, data, *signature]


def _int(field: bytes) -> int:
    return int.from_bytes(field, "big")
