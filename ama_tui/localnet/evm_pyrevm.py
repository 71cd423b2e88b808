"""An EVM on pyrevm.

Quirks of pyrevm 0.3.7, determined by experiment:
- Its state is a journal that only a revert shortens; `commit()` merely closes a snapshot. Each open snapshot uses one
  of the 1,024 levels of call depth. A `commit()` without a snapshot, or a `revert()` past several, leaves the count
  wrong for good. So snapshots are kept on a stack and closed one by one, and `compact` moves the state to a new EVM.
- A call changes the state even if it is meant as a read.
- Revert data is only in the error's text.
- Balances set from outside are not in the journal: `rewind` restores them.
- Only creations increment the sender's nonce, and gas is free: the chain handles both.
- It holds the GIL while it runs, so a separate thread does not help.
- BLOCKHASH returns made-up hashes, not the chain's.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Final

from eth_utils.crypto import keccak
from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env, JournalCheckpoint

from ama_tui.localnet.evm import ExecutionResult, Message
from ama_tui.localnet.node import Log

_REVERT: Final = re.compile(r"Revert \{ gas_used: (\d+), output: 0x([0-9a-f]*) \}")
_HALT: Final = re.compile(r"Halt \{ reason: (.+), gas_used: (\d+) \}")
# In the debug text of a state. Each begins with letters that stand nowhere else, which makes the search quick.
_ACCOUNT: Final = ": Account {"
_SLOT: Final = re.compile(r": StorageSlot \{ previous_or_original_value: \d+, present_value: (\d+) \}")
_ADDRESS_LENGTH: Final = 42
_SLOT_DIGITS: Final = 78
"""The most digits of a slot's number."""

_UNLIMITED: Final = 2**63
_CODE_PADDING: Final = 33
"""Zero bytes that revm appends to a created contract's code."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A checkpoint of the state."""

    checkpoint: JournalCheckpoint
    """The position in pyrevm's journal."""
    balance_changes: dict[str, int] = field(default_factory=dict)
    """Wei by which balances were changed from outside since."""


class PyRevm:
    """An `Evm` on pyrevm."""

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id
        self._block = BlockEnv(number=0, timestamp=0, gas_limit=_UNLIMITED, basefee=0)
        self._evm = self._fresh()
        self._marks: list[_Mark] = []
        self._storage: dict[str, dict[int, int]] = {}

    def set_block(self, number: int, timestamp: int) -> None:
        self._block = BlockEnv(number=number, timestamp=timestamp, gas_limit=_UNLIMITED, basefee=0)
        self._evm.set_block_env(self._block)

    def execute(self, message: Message) -> ExecutionResult:
        evm = self._evm
        evm.reset_transient_storage()
        created: str | None = None
        output = b""
        try:
            if message.to is None:
                self._set_nonce(message.sender, message.nonce)
                created = evm.deploy(message.sender, message.data, message.value, message.gas).lower()
            else:
                output = evm.message_call(message.sender, message.to, message.data, message.value, message.gas)
        except RuntimeError as error:
            return _failure(str(error), message.gas)
        result = evm.result
        if result is None:  # the type allows it, but a message that ran has a result
            raise RuntimeError("pyrevm returned no result")
        logs = tuple(_log(log) for log in result.logs)
        return ExecutionResult(ok=True, output=output, gas_used=result.gas_used, logs=logs, contract_address=created)

    # ---- rewinding ----

    def mark(self) -> None:
        self._marks.append(_Mark(self._evm.snapshot()))

    def rewind(self) -> None:
        mark = self._marks.pop()
        self._evm.revert(mark.checkpoint)
        for address, wei in mark.balance_changes.items():
            self._evm.set_balance(address, self._evm.get_balance(address) - wei)

    def drop_oldest_mark(self) -> None:
        self._marks.pop(0)
        self._evm.commit()

    def compact(self) -> None:
        """Copy the whole state to a new EVM, without the journal.

        Storage can only be read from the debug text. If that does not parse as expected, the EVM is kept as it is and
        merely stays larger.
        """
        if self._marks:
            raise RuntimeError("a state with marks cannot be compacted")
        text = self._evm.journal_str.partition("transient_storage: {")[0]
        changed = _read_storage(text)
        if sum(map(len, changed.values())) != text.count("StorageSlot {"):
            return
        for address, slots in changed.items():
            kept = self._storage.setdefault(address, {})
            kept.update(slots)
            self._storage[address] = {slot: value for slot, value in kept.items() if value != 0}

        fresh = self._fresh()
        for address, info in {**self._evm.db_accounts, **self._evm.journal_state}.items():
            fresh.insert_account_info(address, info)
        for address, slots in self._storage.items():
            for slot, value in slots.items():
                fresh.insert_account_storage(address, slot, value)
        self._evm = fresh

    # ---- accounts ----

    def get_code(self, address: str) -> bytes:
        info = self._evm.basic(address)
        code = info.code or b""
        if keccak(code) == info.code_hash:
            return code
        return code[:-_CODE_PADDING]

    def set_code(self, address: str, code: bytes) -> None:
        self._evm.insert_account_info(address, AccountInfo(nonce=1, code=code))

    def get_balance(self, address: str) -> int:
        return self._evm.get_balance(address)

    def set_balance(self, address: str, wei: int) -> None:
        if self._marks:
            changes = self._marks[-1].balance_changes
            changes[address] = changes.get(address, 0) + wei - self._evm.get_balance(address)
        self._evm.set_balance(address, wei)

    def _set_nonce(self, address: str, nonce: int) -> None:
        info = self._evm.basic(address)
        if info.nonce != nonce:
            balance = self._evm.get_balance(address)
            self._evm.insert_account_info(address, AccountInfo(nonce=nonce))
            self._evm.set_balance(address, balance)

    def _fresh(self) -> EVM:
        env = Env(cfg=CfgEnv(chain_id=self._chain_id), block=self._block)
        return EVM(env=env, gas_limit=_UNLIMITED, spec_id="CANCUN")


def _read_storage(text: str) -> dict[str, dict[int, int]]:
    """The values by address and slot, from the debug text of a state."""
    storage: dict[str, dict[int, int]] = {}
    before, *accounts = text.split(_ACCOUNT)
    for account in accounts:
        slots = storage.setdefault(before[-_ADDRESS_LENGTH:], {})
        for match in _SLOT.finditer(account):
            end = match.start()
            slot = account[max(0, end - _SLOT_DIGITS) : end].rpartition(" ")[2].rpartition("{")[2]
            if slot.isdecimal():
                slots[int(slot)] = int(match[1])
        before = account
    return storage


def _failure(text: str, gas: int) -> ExecutionResult:
    if match := _REVERT.search(text):
        return ExecutionResult(
            ok=False,
            output=bytes.fromhex(match[2]),
            gas_used=int(match[1]),
            error="execution reverted",
        )
    if match := _HALT.search(text):
        return ExecutionResult(ok=False, output=b"", gas_used=int(match[2]), error=match[1])
    return ExecutionResult(ok=False, output=b"", gas_used=gas, error=text)


def _log(log: object) -> Log:
    # The stub declares `Log` outside the module's exports.
    topics, data = log.data  # type: ignore[attr-defined]
    return Log(address=sys.intern(log.address.lower()), topics=tuple(topics), data=data)  # type: ignore[attr-defined]
