"""Functions and events of the venue's contracts, and the encoding of call arguments.

Lists only what the client uses. Every argument is one 32-byte word. `contract_decode` reads the results.
"""

from __future__ import annotations

from eth_hash.auto import keccak


def selector(signature: str) -> bytes:
    """The first four bytes of the keccak of a function signature."""
    return keccak(signature.encode())[:4]


def topic(signature: str) -> str:
    """The keccak of an event signature: the first topic of its logs."""
    return "0x" + keccak(signature.encode()).hex()


def address_word(address: str) -> bytes:
    """An address as an argument. Raises ValueError unless it is 0x and 40 hexadecimal digits."""
    value = bytes.fromhex(address.removeprefix("0x"))
    if len(value) != 20:
        raise ValueError(f"not an address: {address}")
    return bytes(12) + value


def bytes32_word(text: str) -> bytes:
    """A bytes32 as an argument. Raises ValueError unless it is 0x and 64 hexadecimal digits."""
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != 32:
        raise ValueError(f"not 32 bytes: {text}")
    return value


def uint_word(value: int) -> bytes:
    """An unsigned integer as an argument. Raises OverflowError if it is negative or above 2^256 - 1."""
    return value.to_bytes(32, "big")


# Order book
MARKET_STATIC = selector("marketStatic()")
GET_LEVERAGE_INFO = selector("getLeverageInfo()")
BEST_BID = selector("bestBid()")
BEST_ASK = selector("bestAsk()")
LAST_TRADE_PRICE = selector("lastTradePrice()")
GET_USER_ORDERS = selector("getUserOrders(address)")
GET_ORDER = selector("getOrder(uint256)")
GET_DEPTH = selector("getOrderBookDepthFromPointers(uint256)")

# Core vault
GET_AVAILABLE_COLLATERAL = selector("getAvailableCollateral(address)")
GET_MARK_PRICE = selector("getMarkPrice(bytes32)")
GET_POSITION_SUMMARY = selector("getPositionSummary(address,bytes32)")

# Session registry
META_NONCE = selector("metaNonce(address)")
SESSIONS = selector("sessions(bytes32)")

# Multicall3
AGGREGATE3 = selector("aggregate3((address,bool,bytes)[])")
GET_BLOCK_NUMBER = selector("getBlockNumber()")
GET_BLOCK_TIMESTAMP = selector("getCurrentBlockTimestamp()")

# Solidity errors
ERROR_STRING = selector("Error(string)")
PANIC = selector("Panic(uint256)")

ORDER_PLACED = topic("OrderPlaced(uint256,address,uint256,uint256,bool,bool)")
ORDER_RESTED = topic("OrderRested(uint256,address,uint256,uint256,bool,bool)")
ORDER_CANCELLED = topic("OrderCancelled(uint256,address,uint256,uint256,bool)")
ORDER_MODIFIED = topic("OrderModified(uint256,uint256,address,uint256,uint256)")
TRADE_EXECUTED = topic("TradeExecutionCompleted(address,address,uint256,uint256)")
