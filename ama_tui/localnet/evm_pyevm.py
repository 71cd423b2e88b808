"""An EVM on py-evm: pure Python, for platforms where pyrevm has no wheel."""

from __future__ import annotations

import sys
from typing import Final

from eth.abc import ComputationAPI
from eth.constants import BLANK_ROOT_HASH, CREATE_CONTRACT_ADDRESS
from eth.exceptions import Revert, VMError
from eth.typing import JournalDBCheckpoint
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.message import Message as EthMessage
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.address import to_canonical_address

from ama_tui.localnet.evm import ZERO_ADDRESS, ExecutionResult, Message
from ama_tui.localnet.flat_state import FlatState
from ama_tui.localnet.node import Log
from ama_tui.localnet.transactions import created_address

# Intrinsic gas (yellow paper, appendix G; EIP-2028, EIP-3860) and the cap on refunds (EIP-3529).
_TX_GAS: Final = 21_000
_CREATE_GAS: Final = 32_000
_INITCODE_WORD_GAS: Final = 2
_DATA_GAS: Final = 16
_ZERO_DATA_GAS: Final = 4
_REFUND_QUOTIENT: Final = 5


class PyEvm:
    """An `Evm` on py-evm."""

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id
        self._state = FlatState(None, self._context(0, 0), BLANK_ROOT_HASH)  # type: ignore[arg-type]
        self._accounts = self._state.accounts
        self._marks: list[int] = []

    def set_block(self, number: int, timestamp: int) -> None:
        self._state.execution_context = self._context(number, timestamp)

    def execute(self, message: Message) -> ExecutionResult:
        sender = to_canonical_address(message.sender)
        intrinsic = _intrinsic_gas(message)
        if intrinsic > message.gas:
            return ExecutionResult(ok=False, output=b"", gas_used=message.gas, error="intrinsic gas too low")

        self._accounts.begin_transaction()
        self._accounts.mark_address_warm(sender)
        start = self._accounts.record()
        try:
            computation = self._run(message, sender, message.gas - intrinsic)
        except VMError as error:  # the sender cannot pay the value
            self._accounts.discard(start)
            return ExecutionResult(ok=False, output=b"", gas_used=message.gas, error=str(error))

        used = message.gas - computation.get_gas_remaining()
        used -= min(computation.get_gas_refund(), used // _REFUND_QUOTIENT)
        if computation.is_error:
            reverted = isinstance(computation.error, Revert)
            return ExecutionResult(
                ok=False,
                output=bytes(computation.output) if reverted else b"",
                gas_used=used,
                error="execution reverted" if reverted else type(computation.error).__name__,
            )
        for account in computation.get_accounts_for_deletion():
            self._accounts.delete_account(account)
        created = None if message.to is not None else created_address(message.sender, message.nonce)
        return ExecutionResult(
            ok=True,
            output=b"" if created else bytes(computation.output),
            gas_used=used,
            logs=tuple(_log(*entry) for entry in computation.get_log_entries()),
            contract_address=created,
        )

    def _run(self, message: Message, sender: Address, gas: int) -> ComputationAPI:
        context = CancunTransactionContext(gas_price=0, origin=sender)
        run = self._state.computation_class
        if message.to is None:
            created = to_canonical_address(created_address(message.sender, message.nonce))
            self._accounts.mark_address_warm(created)
            creation = EthMessage(
                gas=gas,
                to=CREATE_CONTRACT_ADDRESS,
                sender=sender,
                value=message.value,
                data=b"",
                code=message.data,
                create_address=created,
            )
            return run.apply_create_message(self._state, creation, context)
        to = to_canonical_address(message.to)
        self._accounts.mark_address_warm(to)
        call = EthMessage(
            gas=gas,
            to=to,
            sender=sender,
            value=message.value,
            data=message.data,
            code=self._accounts.get_code(to),
        )
        return run.apply_message(self._state, call, context)

    # ---- rewinding ----

    def mark(self) -> None:
        self._marks.append(self._accounts.record())

    def rewind(self) -> None:
        self._accounts.discard(JournalDBCheckpoint(self._marks.pop()))

    def drop_oldest_mark(self) -> None:
        self._marks.pop(0)
        final = self._marks[0] if self._marks else self._accounts.record()
        self._accounts.forget(final)
        self._marks = [mark - final for mark in self._marks]

    def compact(self) -> None:
        if self._marks:
            raise RuntimeError("a state with marks cannot be compacted")
        self._accounts.forget(self._accounts.record())

    # ---- accounts ----

    def get_code(self, address: str) -> bytes:
        return self._accounts.get_code(to_canonical_address(address))

    def set_code(self, address: str, code: bytes) -> None:
        self._accounts.set_code(to_canonical_address(address), code)

    def get_balance(self, address: str) -> int:
        return self._accounts.get_balance(to_canonical_address(address))

    def set_balance(self, address: str, wei: int) -> None:
        self._accounts.set_balance(to_canonical_address(address), wei)

    def _context(self, number: int, timestamp: int) -> ExecutionContext:
        return ExecutionContext(
            coinbase=to_canonical_address(ZERO_ADDRESS),
            timestamp=timestamp,
            block_number=BlockNumber(number),
            difficulty=0,
            mix_hash=Hash32(bytes(32)),
            gas_limit=2**63,
            prev_hashes=(),
            chain_id=self._chain_id,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )


def _intrinsic_gas(message: Message) -> int:
    zeros = message.data.count(0)
    gas = _TX_GAS + zeros * _ZERO_DATA_GAS + (len(message.data) - zeros) * _DATA_GAS
    if message.to is None:
        gas += _CREATE_GAS + -(-len(message.data) // 32) * _INITCODE_WORD_GAS
    return gas


def _log(address: bytes, topics: tuple[int, ...], data: bytes) -> Log:
    return Log(
        address=sys.intern("0x" + address.hex()),
        topics=tuple(topic.to_bytes(32, "big") for topic in topics),
        data=bytes(data),
    )
