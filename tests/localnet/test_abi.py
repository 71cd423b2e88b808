"""Calls and events match the signatures of the venue's wire contract, copied here by hand."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from ama_tui.localnet import abi

ADDRESS = "0x" + "ab" * 20

FUNCTIONS = [
    ("OrderBook", "marketStatic()", "(address,bytes32,bool,uint256)"),
    ("OrderBook", "getLeverageInfo()", "(bool,uint256,uint256,address)"),
    ("OrderBook", "bestBid()", "(uint256)"),
    ("OrderBook", "bestAsk()", "(uint256)"),
    ("OrderBook", "lastTradePrice()", "(uint256)"),
    ("OrderBook", "getUserOrders(address)", "(uint256[])"),
    (
        "OrderBook",
        "getOrder(uint256)",
        "(uint256,address,uint256,uint256,bool,uint256,uint256,uint256,bool,uint256)",
    ),
    (
        "OrderBook",
        "getOrderBookDepthFromPointers(uint256)",
        "(uint256[],uint256[],uint256[],uint256[])",
    ),
    ("OrderBook", "getUserPosition(address)", "(int256)"),
    ("CoreVault", "getAvailableCollateral(address)", "(uint256)"),
    ("CoreVault", "getMarkPrice(bytes32)", "(uint256)"),
    ("CoreVault", "getPositionSummary(address,bytes32)", "(int256,uint256,uint256)"),
    ("SessionRegistry", "metaNonce(address)", "(uint256)"),
    (
        "SessionRegistry",
        "sessions(bytes32)",
        "(address,bytes32,uint256,uint256,uint256,uint256,bytes32,bool)",
    ),
    ("Multicall3", "aggregate3((address,bool,bytes)[])", "((bool,bytes)[])"),
    ("Multicall3", "aggregate((address,bytes)[])", "(uint256,bytes[])"),
    ("Multicall3", "tryAggregate(bool,(address,bytes)[])", "((bool,bytes)[])"),
    ("Multicall3", "getBlockNumber()", "(uint256)"),
    ("Multicall3", "getEthBalance(address)", "(uint256)"),
]

EVENTS = [
    "OrderPlaced(uint256,address,uint256,uint256,bool,bool)",
    "OrderRested(uint256,address,uint256,uint256,bool,bool)",
    "OrderCancelled(uint256,address,uint256,uint256,bool)",
    "OrderModified(uint256,uint256,address,uint256,uint256)",
    "TradeExecutionCompleted(address,address,uint256,uint256)",
]


@pytest.mark.parametrize(("contract", "signature", "outputs"), FUNCTIONS)
def test_functions_have_the_wire_contracts_signature(contract: str, signature: str, outputs: str) -> None:
    name = signature.partition("(")[0]
    function = abi.function(contract, name)
    assert function.selector == keccak(text=signature)[:4]
    assert f"({','.join(function.outputs)})" == outputs


@pytest.mark.parametrize("signature", EVENTS)
def test_events_have_the_wire_contracts_topic(signature: str) -> None:
    assert abi.event_topic("OrderBook", signature.partition("(")[0]) == keccak(text=signature)


def test_unknown_function_is_named_in_the_error() -> None:
    with pytest.raises(KeyError, match="OrderBook has no function nothing"):
        abi.encode("OrderBook", "nothing")
