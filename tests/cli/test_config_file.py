"""The TOML options file: below the command line, above the stored run."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import Ama, StoredRun

CONFIG = """
market = "LINK-USD"
wallets = 3

[parameters]
ordersPerSidePerWallet = 2
sizeMin = 0.5
sizeMax = 0.5
"""


def levels(summary: dict[str, Any]) -> tuple[int, int]:
    """How many wallets and levels per side a dry run has planned."""
    orders = summary["orders"]
    return len({order["wallet"] for order in orders}), max(order["level"] for order in orders)


def test_config_file_provides_options(stored_run: StoredRun, ama_here: Ama) -> None:
    stored_run.operator.write("run.toml", CONFIG)
    dry = ama_here("run", "--dry-run", "--json", "--config", "run.toml", "--fresh")
    assert (dry.code, dry.summary["market"], levels(dry.summary)) == (0, "LINK-USD", (3, 2))
    sizes = {int(order["amount18"]) // 10**9 for order in dry.summary["orders"]}
    assert sizes == {5 * 10**8}


def test_command_line_overrides_the_config_file(stored_run: StoredRun, ama_here: Ama) -> None:
    stored_run.operator.write("run.toml", CONFIG)
    dry = ama_here(
        *("run", "--dry-run", "--json", "--config", "run.toml", "--fresh"),
        *("--wallets", "2", "--orders-per-side", "1", "--market", "OIL-USD"),
    )
    assert (dry.summary["market"], levels(dry.summary)) == ("OIL-USD", (2, 1))


def test_config_file_overrides_the_stored_run(stored_run: StoredRun, ama_here: Ama) -> None:
    stored_run.operator.write("run.toml", CONFIG)
    stored = ama_here("run", "--dry-run", "--json", "--market", "LINK-USD", "--wallets", "2")
    assert levels(stored.summary) == (1, 1)
    asked = ama_here("run", "--dry-run", "--json", "--config", "run.toml")
    assert levels(asked.summary) == (3, 2)
