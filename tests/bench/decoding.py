"""How much faster the client reads the orders of a cycle than the general ABI decoder does."""

from __future__ import annotations

from eth_abi.abi import decode as decode_any
from eth_abi.abi import encode

from ama_tui.venue import contract_decode as decode
from tests.bench.figures import Figure
from tests.bench.scale import Scale
from tests.bench.timing import best_ms

TYPES = ["uint256", "address", "uint256", "uint256", "bool", "uint256", "uint256", "uint256", "bool", "uint256"]
TRADER = "0x" + "ab" * 20


def measure(scale: Scale) -> list[Figure]:
    """Milliseconds for all orders of a cycle, and the ratio to eth_abi."""
    trader20 = bytes.fromhex(TRADER[2:])
    results = [
        encode(TYPES, [number, TRADER, 2_500_000_000, 10**17, number % 2 == 0, 1_700_000_000, 0, 10**8, True, 0])
        for number in range(1, scale.decoded_orders + 1)
    ]

    def ours() -> None:
        for number, result in enumerate(results, start=1):
            decode.order(result, number, TRADER, trader20)

    def general() -> None:
        for result in results:
            decode_any(TYPES, result)

    best = best_ms({"ours": ours, "general": general}, scale.repeats)
    ratio = best["general"] / best["ours"]
    detail = f"{scale.decoded_orders:,} orders; eth_abi takes {best['general']:.0f} ms"
    return [
        Figure("decoding", best["ours"], "ms", detail=detail),
        Figure("decoding, eth_abi to ours", ratio, "×"),
    ]
