"""A chain state for py-evm in plain dictionaries.

py-evm's own account database keeps every version of its Merkle tries. A local venue needs no state root, so this one
keeps only the values and an undo log.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final, NamedTuple

from eth.abc import AccountDatabaseAPI, MetaWitnessAPI
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.typing import JournalDBCheckpoint
from eth.vm.forks.cancun.state import CancunState
from eth_typing import Address, Hash32
from eth_utils.crypto import keccak

_ABSENT: Final = object()


class _Change(NamedTuple):
    """An entry of the undo log: the value before a write."""

    table: MutableMapping[Any, Any]
    key: Any
    before: Any


class FlatAccounts(AccountDatabaseAPI):
    """Accounts and storage in dictionaries. A checkpoint is a position in the undo log."""

    def __init__(self, db: object = None, state_root: Hash32 = BLANK_ROOT_HASH) -> None:
        self._balances: dict[Address, int] = {}
        self._nonces: dict[Address, int] = {}
        self._codes: dict[Address, bytes] = {}
        self._storage: dict[tuple[Address, int], int] = {}
        self._transient: dict[tuple[Address, int], bytes] = {}
        self._changes: list[_Change] = []
        self._originals: dict[tuple[Address, int], int] = {}
        self._warm: set[Address | tuple[Address, int]] = set()

    def begin_transaction(self) -> None:
        self._originals.clear()
        self._warm.clear()
        self._transient.clear()

    def _write(self, table: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        self._changes.append(_Change(table, key, table.get(key, _ABSENT)))
        if value:
            table[key] = value
        else:
            table.pop(key, None)

    # ---- rewinding ----

    def record(self) -> JournalDBCheckpoint:
        return JournalDBCheckpoint(len(self._changes))

    def discard(self, checkpoint: JournalDBCheckpoint) -> None:
        while len(self._changes) > checkpoint:
            table, key, before = self._changes.pop()
            if before is _ABSENT:
                table.pop(key, None)
            else:
                table[key] = before

    def commit(self, checkpoint: JournalDBCheckpoint) -> None:
        pass

    def forget(self, checkpoint: int) -> None:
        """Make changes before a checkpoint permanent. Later checkpoints shift down by its position."""
        del self._changes[:checkpoint]

    # ---- storage ----

    def get_storage(self, address: Address, slot: int, from_journal: bool = True) -> int:
        key = (address, slot)
        if not from_journal and key in self._originals:
            return self._originals[key]
        return self._storage.get(key, 0)

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        key = (address, slot)
        self._originals.setdefault(key, self._storage.get(key, 0))
        self._write(self._storage, key, value)

    def delete_storage(self, address: Address) -> None:
        for key in [key for key in self._storage if key[0] == address]:
            self._write(self._storage, key, 0)

    def get_transient(self, address: Address, slot: int) -> bytes:
        return self._transient.get((address, slot), b"")

    def set_transient(self, address: Address, slot: int, value: bytes) -> None:
        self._write(self._transient, (address, slot), value)

    # ---- accounts ----

    def get_balance(self, address: Address) -> int:
        return self._balances.get(address, 0)

    def set_balance(self, address: Address, balance: int) -> None:
        self._write(self._balances, address, balance)

    def get_nonce(self, address: Address) -> int:
        return self._nonces.get(address, 0)

    def set_nonce(self, address: Address, nonce: int) -> None:
        self._write(self._nonces, address, nonce)

    def increment_nonce(self, address: Address) -> None:
        self.set_nonce(address, self.get_nonce(address) + 1)

    def get_code(self, address: Address) -> bytes:
        return self._codes.get(address, b"")

    def set_code(self, address: Address, code: bytes) -> None:
        self._write(self._codes, address, code)

    def get_code_hash(self, address: Address) -> Hash32:
        code = self.get_code(address)
        return Hash32(keccak(code)) if code else EMPTY_SHA3

    def delete_code(self, address: Address) -> None:
        self.set_code(address, b"")

    def account_has_code_or_nonce(self, address: Address) -> bool:
        return address in self._codes or address in self._nonces

    def account_exists(self, address: Address) -> bool:
        return self.account_has_code_or_nonce(address) or address in self._balances

    def account_is_empty(self, address: Address) -> bool:
        return not self.account_exists(address)

    def delete_account(self, address: Address) -> None:
        self.delete_storage(address)
        for table in (self._balances, self._nonces, self._codes):
            self._write(table, address, None)

    def touch_account(self, address: Address) -> None:
        pass

    # ---- access lists (EIP-2929); warmth survives a reverted inner call, which only lowers gas ----

    def is_storage_warm(self, address: Address, slot: int) -> bool:
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: Address, slot: int) -> None:
        self._warm.add((address, slot))

    def is_address_warm(self, address: Address) -> bool:
        return address in self._warm

    def mark_address_warm(self, address: Address) -> None:
        self._warm.add(address)

    # ---- required by py-evm, meaningless without tries ----

    @property
    def state_root(self) -> Hash32:
        return BLANK_ROOT_HASH

    @state_root.setter
    def state_root(self, value: Hash32) -> None:
        pass

    def has_root(self, state_root: bytes) -> bool:
        return False

    def lock_changes(self) -> None:
        pass

    def make_state_root(self) -> Hash32:
        return BLANK_ROOT_HASH

    def persist(self) -> MetaWitnessAPI:
        raise NotImplementedError("a flat state has no tries to write")


class FlatState(CancunState):
    """Cancun rules on flat accounts, which hold the transient storage too."""

    account_db_class = FlatAccounts
    _account_db: FlatAccounts

    @property
    def accounts(self) -> FlatAccounts:
        return self._account_db

    def set_system_contracts(self) -> None:
        pass

    def snapshot(self) -> tuple[Hash32, JournalDBCheckpoint]:
        return BLANK_ROOT_HASH, self._account_db.record()

    def revert(self, snapshot: tuple[Hash32, JournalDBCheckpoint]) -> None:
        self._account_db.discard(snapshot[1])

    def commit(self, snapshot: tuple[Hash32, JournalDBCheckpoint]) -> None:
        pass

    def get_transient_storage(self, address: Address, slot: int) -> bytes:
        return self._account_db.get_transient(address, slot)

    def set_transient_storage(self, address: Address, slot: int, value: bytes) -> None:
        self._account_db.set_transient(address, slot, value)
