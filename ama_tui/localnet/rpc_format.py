"""Ethereum's JSON-RPC formats: parses hex parameters, formats blocks, transactions, receipts and logs."""

from __future__ import annotations

from typing import Any

from eth_utils.crypto import keccak

from ama_tui.localnet.blocks import ZERO_HASH, Block, MinedLog, MinedTransaction
from ama_tui.localnet.evm import ZERO_ADDRESS
from ama_tui.localnet.node import Log
from ama_tui.localnet.rpc import INVALID_PARAMS, JsonRpcError
from ama_tui.localnet.transactions import DYNAMIC_FEE, Transaction

_NO_BLOOM = "0x" + "00" * 256
_NO_UNCLES = "0x" + keccak(b"\xc0").hex()
_NO_TRIE = "0x" + keccak(b"\x80").hex()

# ---- parameters ----


def quantity(value: Any, what: str) -> int:
    """Parse a hex number. Like all parsers here raises JsonRpcError for anything else."""
    try:
        if isinstance(value, str) and value.startswith("0x"):
            return int(value, 16)
    except ValueError:
        pass
    raise JsonRpcError(INVALID_PARAMS, f"invalid argument: {what} must be a hex number, not {value!r}")


def octets(value: Any, what: str, length: int | None = None) -> bytes:
    """Parse hex data, of exactly `length` bytes if given."""
    try:
        if isinstance(value, str) and value.startswith("0x"):
            data = bytes.fromhex(value[2:])
            if length is None or len(data) == length:
                return data
    except ValueError:
        pass
    size = "" if length is None else f" of {length} bytes"
    raise JsonRpcError(INVALID_PARAMS, f"invalid argument: {what} must be hex data{size}, not {value!r}")


def address(value: Any, what: str = "address") -> str:
    return "0x" + octets(value, what, 20).hex()


def hash32(value: Any, what: str = "hash") -> str:
    return "0x" + octets(value, what, 32).hex()


# ---- results ----


def block_json(block: Block, *, full: bool) -> dict[str, Any]:
    """A block with full transactions, or only their hashes."""
    transactions: list[Any] = [
        transaction_json(mined.transaction, mined) if full else mined.transaction.hash for mined in block.mined
    ]
    return {
        "number": hex(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": hex(block.timestamp),
        "gasLimit": hex(block.gas_limit),
        "gasUsed": hex(block.gas_used),
        "baseFeePerGas": "0x0",
        "miner": ZERO_ADDRESS,
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": "0x",
        "nonce": "0x0000000000000000",
        "mixHash": ZERO_HASH,
        "sha3Uncles": _NO_UNCLES,
        "logsBloom": _bloom([log for mined in block.mined for log in mined.result.logs]),
        "stateRoot": _NO_TRIE,
        "transactionsRoot": _NO_TRIE,
        "receiptsRoot": _NO_TRIE,
        "size": "0x0",
        "uncles": [],
        "withdrawals": [],
        "transactions": transactions,
    }


def transaction_json(transaction: Transaction, mined: MinedTransaction | None) -> dict[str, Any]:
    """A transaction, with its block if it is mined."""
    v, r, s = transaction.signature
    fields = {
        "hash": transaction.hash,
        "type": hex(transaction.kind),
        "from": transaction.sender,
        "to": transaction.to,
        "input": "0x" + transaction.data.hex(),
        "nonce": hex(transaction.nonce),
        "gas": hex(transaction.gas),
        "gasPrice": hex(transaction.gas_price),
        "value": hex(transaction.value),
        "v": hex(v),
        "r": hex(r),
        "s": hex(s),
        "blockHash": mined.block_hash if mined else None,
        "blockNumber": hex(mined.block_number) if mined else None,
        "transactionIndex": hex(mined.index) if mined else None,
    }
    if transaction.kind == DYNAMIC_FEE:
        fields["maxFeePerGas"] = fields["maxPriorityFeePerGas"] = hex(transaction.gas_price)
    return fields


def receipt_json(mined: MinedTransaction) -> dict[str, Any]:
    result = mined.result
    logs = [MinedLog(log, mined, mined.first_log + offset) for offset, log in enumerate(result.logs)]
    return {
        "transactionHash": mined.transaction.hash,
        "transactionIndex": hex(mined.index),
        "blockHash": mined.block_hash,
        "blockNumber": hex(mined.block_number),
        "from": mined.transaction.sender,
        "to": mined.transaction.to,
        "contractAddress": result.contract_address,
        "status": "0x1" if result.ok else "0x0",
        "gasUsed": hex(result.gas_used),
        "cumulativeGasUsed": hex(mined.cumulative_gas),
        "effectiveGasPrice": hex(mined.transaction.gas_price),
        "type": hex(mined.transaction.kind),
        "logsBloom": _bloom(list(result.logs)),
        "logs": [log_json(log) for log in logs],
    }


def log_json(log: MinedLog) -> dict[str, Any]:
    return {
        "address": log.log.address,
        "topics": ["0x" + topic.hex() for topic in log.log.topics],
        "data": "0x" + log.log.data.hex(),
        "logIndex": hex(log.index),
        "transactionHash": log.mined.transaction.hash,
        "transactionIndex": hex(log.mined.index),
        "blockHash": log.mined.block_hash,
        "blockNumber": hex(log.mined.block_number),
        "removed": False,
    }


def _bloom(logs: list[Log]) -> str:
    """The 2,048-bit filter over addresses and topics (yellow paper, section 4.3.1)."""
    if not logs:
        return _NO_BLOOM
    bits = 0
    for item in {item for log in logs for item in (bytes.fromhex(log.address[2:]), *log.topics)}:
        digest = keccak(item)
        for pair in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[pair : pair + 2], "big") % 2048)
    return f"0x{bits:0512x}"
