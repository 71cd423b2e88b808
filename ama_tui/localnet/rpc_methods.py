"""The JSON-RPC methods of the embedded chain.

Like on a pruning node, state is available for the latest block only: a call at an older block fails with "missing trie
node". Blocks, receipts and logs go back further.
"""

from __future__ import annotations

from typing import Any

from ama_tui.localnet.blocks import Block, BlockLogFilter, MinedTransaction
from ama_tui.localnet.chain import CALL_GAS, Chain
from ama_tui.localnet.evm import ExecutionResult
from ama_tui.localnet.rpc import INVALID_PARAMS, REVERTED, SERVER_ERROR, JsonRpcError, RpcMethod
from ama_tui.localnet.rpc_format import (
    address,
    block_json,
    hash32,
    log_json,
    octets,
    quantity,
    receipt_json,
    transaction_json,
)
from ama_tui.localnet.transactions import BadTransactionError, decode_signed
from ama_tui.localnet.txpool import PoolError

CLIENT_VERSION = "ama-tui-localnet/1"
GAS_PRICE = 10**9
"""The suggested price in wei. Any price is accepted, even 0."""
PRUNED = 4444
"""The code for what is no longer kept (EIP-4444)."""
_LATEST = frozenset({"latest", "pending", "safe", "finalized"})


class RpcMethods:
    """The methods, by wire name in `table`. Each takes the list of params and raises JsonRpcError."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.table: dict[str, RpcMethod] = {
            "web3_clientVersion": lambda _: CLIENT_VERSION,
            "net_version": lambda _: str(chain.chain_id),
            "eth_chainId": lambda _: hex(chain.chain_id),
            "eth_syncing": lambda _: False,
            "eth_accounts": lambda _: [],
            "eth_gasPrice": lambda _: hex(GAS_PRICE),
            "eth_maxPriorityFeePerGas": lambda _: hex(GAS_PRICE),
            "eth_blockNumber": lambda _: hex(chain.head.number),
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getLogs": self._logs,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate_gas,
            "eth_getCode": self._code,
            "eth_getBalance": self._balance,
            "eth_getTransactionCount": self._transaction_count,
            "eth_sendRawTransaction": self._send_raw,
        }

    # ---- blocks, transactions, logs ----

    def _block_by_number(self, params: list[Any]) -> Any:
        block = self._chain.history.block(self._number(_param(params, 0, "latest")))
        return None if block is None else block_json(block, full=_param(params, 1, False) is True)

    def _block_by_hash(self, params: list[Any]) -> Any:
        block = self._chain.history.block_by_hash(hash32(_param(params, 0)))
        return None if block is None else block_json(block, full=_param(params, 1, False) is True)

    def _transaction(self, params: list[Any]) -> Any:
        tx_hash = hash32(_param(params, 0))
        if mined := self._chain.history.mined(tx_hash):
            return transaction_json(mined.transaction, mined)
        waiting = self._chain.pending(tx_hash)
        return None if waiting is None else transaction_json(waiting, None)

    def _receipt(self, params: list[Any]) -> Any:
        mined: MinedTransaction | None = self._chain.history.mined(hash32(_param(params, 0)))
        return None if mined is None else receipt_json(mined)

    def _logs(self, params: list[Any]) -> Any:
        criteria = _param(params, 0, {})
        if not isinstance(criteria, dict):
            raise JsonRpcError(INVALID_PARAMS, "invalid argument: the filter must be an object")
        logs = self._chain.history.logs(log_filter(criteria, *self._range(criteria)))
        return [log_json(log) for log in logs]

    def _range(self, criteria: dict[str, Any]) -> tuple[int, int]:
        if "blockHash" in criteria:
            block = self._chain.history.block_by_hash(hash32(criteria["blockHash"]))
            if block is None:
                raise JsonRpcError(SERVER_ERROR, "unknown block")
            return block.number, block.number
        first = self._number(criteria.get("fromBlock") or "latest")
        until = criteria.get("toBlock") or "latest"
        last = self._number(until)
        if first > last and until not in _LATEST:
            raise JsonRpcError(INVALID_PARAMS, "invalid block range params")
        if first < self._chain.history.oldest_number:
            raise JsonRpcError(PRUNED, "pruned history unavailable")
        return first, min(last, self._chain.head.number)

    # ---- the latest state ----

    def _call(self, params: list[Any]) -> Any:
        return "0x" + self._simulate(params).output.hex()

    def _estimate_gas(self, params: list[Any]) -> Any:
        # Refunds of up to a fifth are paid only after execution.
        return hex(self._simulate(params).gas_used * 5 // 4)

    def _simulate(self, params: list[Any]) -> ExecutionResult:
        message = _param(params, 0)
        if not isinstance(message, dict):
            raise JsonRpcError(INVALID_PARAMS, "invalid argument: the call must be an object")
        if len(params) > 2 and params[2]:
            raise JsonRpcError(INVALID_PARAMS, "state overrides are not supported")
        self._require_state(params, 1)
        to, sender = message.get("to"), message.get("from")
        result = self._chain.call(
            None if to is None else address(to, "to"),
            octets(message.get("input") or message.get("data") or "0x", "data"),
            sender=None if sender is None else address(sender, "from"),
            value=quantity(message.get("value") or "0x0", "value"),
            gas=quantity(message.get("gas") or hex(CALL_GAS), "gas"),
        )
        if result.ok:
            return result
        if result.error != "execution reverted":
            raise JsonRpcError(SERVER_ERROR, result.error)
        reason = f": {result.reason}" if result.reason else ""
        raise JsonRpcError(REVERTED, f"execution reverted{reason}", "0x" + result.output.hex())

    def _code(self, params: list[Any]) -> Any:
        self._require_state(params, 1)
        return "0x" + self._chain.evm.get_code(address(_param(params, 0))).hex()

    def _balance(self, params: list[Any]) -> Any:
        self._require_state(params, 1)
        return hex(self._chain.evm.get_balance(address(_param(params, 0))))

    def _transaction_count(self, params: list[Any]) -> Any:
        self._require_state(params, 1)
        pending = _param(params, 1, "latest") == "pending"
        return hex(self._chain.nonce(address(_param(params, 0)), pending=pending))

    def _send_raw(self, params: list[Any]) -> Any:
        try:
            transaction = decode_signed(octets(_param(params, 0), "transaction"), self._chain.chain_id)
            self._chain.submit(transaction)
        except (BadTransactionError, PoolError) as error:
            raise JsonRpcError(SERVER_ERROR, str(error)) from None
        return transaction.hash

    # ---- which block ----

    def _number(self, tag: Any) -> int:
        if tag in _LATEST:
            return self._chain.head.number
        return self._chain.history.oldest_number if tag == "earliest" else quantity(tag, "block")

    def _require_state(self, params: list[Any], index: int) -> None:
        """Reject any block but the latest. A block may be given as an object (EIP-1898)."""
        tag = _param(params, index, "latest")
        head = self._chain.head
        if isinstance(tag, dict) and "blockHash" in tag:
            block: Block | None = self._chain.history.block_by_hash(hash32(tag["blockHash"]))
            number = head.number + 1 if block is None else block.number
        else:
            number = self._number(tag.get("blockNumber") if isinstance(tag, dict) else tag)
        if number > head.number:
            raise JsonRpcError(SERVER_ERROR, "header not found")
        if number < head.number:
            raise JsonRpcError(SERVER_ERROR, f"missing trie node: state of block {number} is not available")


_REQUIRED = object()


def log_filter(criteria: Any, first: int, last: int) -> BlockLogFilter:
    """The addresses and topics that a client asks for, in these blocks. Raises JsonRpcError."""
    if not isinstance(criteria, dict):
        raise JsonRpcError(INVALID_PARAMS, "invalid argument: the filter must be an object")
    addresses = criteria.get("address")
    if isinstance(addresses, str):
        addresses = [addresses]
    return BlockLogFilter(
        first,
        last,
        frozenset(address(each) for each in addresses or ()),
        tuple(_topics(each) for each in criteria.get("topics") or ()),
    )


def _param(params: list[Any], index: int, default: Any = _REQUIRED) -> Any:
    if index < len(params) and params[index] is not None:
        return params[index]
    if default is _REQUIRED:
        raise JsonRpcError(INVALID_PARAMS, f"missing value for required argument {index}")
    return default


def _topics(choices: Any) -> frozenset[bytes] | None:
    """The allowed values of one topic of a filter; None (for null or []) allows any."""
    if choices is None or choices == []:
        return None
    values = choices if isinstance(choices, list) else [choices]
    return frozenset(octets(value, "topic", 32) for value in values)
