"""The settings of a run, each declared once. Options, files, the set-up form and the documentation follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ama_tui.domain.plan import CollateralBasis, Rules
from ama_tui.domain.setting import Kind, Setting

MIN_DELAY_MS = Setting(
    "minDelayMs",
    "min_delay_ms",
    Kind.INTEGER,
    250,
    "shortest pause between two cycles",
    unit="ms",
    low=0,
    high=600_000,
    in_checkpoint=True,
    form_label="delay, ms",
    form_end="shortest",
    form_line=5,
)
MAX_DELAY_MS = Setting(
    "maxDelayMs",
    "max_delay_ms",
    Kind.INTEGER,
    1200,
    "longest pause between two cycles",
    unit="ms",
    low=0,
    high=600_000,
    in_checkpoint=True,
    form_label="delay, ms",
    form_end="longest",
    form_line=5,
)
SIZE_MIN = Setting(
    "sizeMin",
    "size_min",
    Kind.NUMBER,
    0.05,
    "smallest order",
    unit="base",
    low=0,
    low_is_exclusive=True,
    in_checkpoint=True,
    form_label="order size, base",
    form_end="smallest",
    form_line=4,
)
SIZE_MAX = Setting(
    "sizeMax",
    "size_max",
    Kind.NUMBER,
    0.25,
    "largest order",
    unit="base",
    low=0,
    low_is_exclusive=True,
    in_checkpoint=True,
    form_label="order size, base",
    form_end="largest",
    form_line=4,
)
ORDERS_PER_SIDE = Setting(
    "ordersPerSidePerWallet",
    "orders_per_side",
    Kind.INTEGER,
    6,
    "orders a wallet keeps on each side",
    unit="orders",
    low=1,
    high=50,
    in_checkpoint=True,
    form_label="orders per side",
    form_line=1,
)
MAX_UTILIZATION = Setting(
    "maxWalletUtilization",
    "max_utilization",
    Kind.NUMBER,
    0.20,
    "largest share of a wallet's collateral that its orders may tie up",
    unit="share",
    low=0.02,
    high=0.90,
    in_checkpoint=True,
    form_label="collateral share",
    form_line=2,
)
MIN_DISTANCE_TICKS = Setting(
    "minDistanceTicks",
    "min_distance_ticks",
    Kind.INTEGER,
    10,
    "nearest distance to the anchor",
    unit="ticks",
    low=1,
    high=100_000,
    in_checkpoint=True,
    form_label="distance, ticks",
    form_end="nearest",
    form_line=3,
)
MAX_DISTANCE_TICKS = Setting(
    "maxDistanceTicks",
    "max_distance_ticks",
    Kind.INTEGER,
    120,
    "farthest distance to the anchor",
    unit="ticks",
    low=1,
    high=100_000,
    in_checkpoint=True,
    form_label="distance, ticks",
    form_end="farthest",
    form_line=3,
)

WALLETS = Setting(
    "wallets",
    "wallets",
    Kind.INTEGER,
    10,
    "number of wallets to use, in file order",
    low=1,
    placeholder="N",
    form_label="wallets",
    form_line=6,
)
MARKET: Setting[str | None] = Setting(
    "market", "market", Kind.TEXT, None, "market to quote", placeholder="SYMBOL|ADDRESS"
)
RESUME: Setting[bool | None] = Setting(
    "resume",
    "resume",
    Kind.FLAG,
    None,
    "resume the saved run for this market, or start fresh",
    spelling="--resume/--fresh",
    in_config_file=False,
)
STRATEGY = Setting(
    "strategy", "strategy", Kind.CHOICE, "packer", "name of the strategy", placeholder="NAME", in_checkpoint=True
)
RULES = Setting(
    "rules",
    "rules",
    Kind.CHOICE,
    Rules.EVEN,
    "how the packer spreads its prices",
    enumeration=Rules,
    in_checkpoint=True,
)
COLLATERAL = Setting(
    "collateral",
    "basis",
    Kind.CHOICE,
    CollateralBasis.NET,
    "whether available collateral already excludes order margin (net) or not (gross)",
    spelling="--collateral",
    enumeration=CollateralBasis,
    in_checkpoint=True,
)
CANCEL_ON_STOP = Setting(
    "cancelOnStop", "cancel_on_stop", Kind.FLAG, False, "cancel all orders when stopping", in_config_file=False
)
SETTLE_AFTER = Setting(
    "settleAfter",
    "settle_after_s",
    Kind.NUMBER,
    60.0,
    "seconds before an unacknowledged order is written off",
    spelling="--settle-after",
    placeholder="S",
    unit="s",
    low=1,
    in_config_file=False,
)
CYCLE_GAP = Setting(
    "cycleGapMs",
    "cycle_gap_ms",
    Kind.INTEGER,
    20,
    "least time between two cycles that new blocks start",
    unit="ms",
    low=0,
    high=60_000,
)
PRICE_BAND = Setting(
    "priceBandPercent",
    "price_band_percent",
    Kind.NUMBER,
    5.0,
    "how far the anchor may be from the vault's mark price before nothing is placed",
    spelling="--price-band",
    placeholder="P",
    unit="%",
    low=0.1,
    high=10_000,
    in_checkpoint=True,
)
TAKERS = Setting(
    "takers",
    "takers",
    Kind.NUMBER,
    0.0,
    "share of the wallets that take instead of make: to test, and to exit positions; never from the fleet itself",
    placeholder="RATIO",
    low=0,
    high=1,
    in_checkpoint=True,
)
TAKER_BUDGET = Setting(
    "takerBudget",
    "taker_budget",
    Kind.NUMBER,
    1_000.0,
    "the most that each taker trades in an hour",
    placeholder="USDC",
    unit="USDC",
    low=0,
    in_checkpoint=True,
)
TAKER_SIZE_MAX = Setting(
    "takerSizeMax",
    "taker_size_max",
    Kind.NUMBER,
    0.1,
    "largest order of a taker",
    unit="base",
    low=0,
    low_is_exclusive=True,
    in_checkpoint=True,
)
TAKER_SLIPPAGE = Setting(
    "takerSlippageTicks",
    "taker_slippage_ticks",
    Kind.INTEGER,
    20,
    "how far from the best price a taker trades",
    spelling="--taker-slippage",
    placeholder="TICKS",
    unit="ticks",
    low=0,
    high=100_000,
    in_checkpoint=True,
)
SESSION_HOURS = Setting(
    "sessionHours",
    "session_hours",
    Kind.NUMBER,
    24.0,
    "hours that a new session lasts",
    placeholder="H",
    unit="hours",
    low=0.1,
    high=168,
)
SESSION_CAPS = Setting(
    "sessionCaps",
    "session_caps",
    Kind.FLAG,
    True,
    "limit what a session may trade to what the run needs, with room to spare",
    spelling="--session-caps/--no-session-caps",
)
RENEW_REVOKED = Setting("renewRevoked", "renew_revoked", Kind.FLAG, False, "recreate revoked sessions")
CONFIRM_QUIT = Setting(
    "confirmQuit",
    "confirm_quit",
    Kind.FLAG,
    True,
    "ask before the dashboard quits while orders rest",
    spelling="--confirm-quit/--no-confirm-quit",
)
DRY_RUN = Setting(
    "dryRun",
    "dry_run",
    Kind.FLAG,
    False,
    "plan once and show the plan; sign and send nothing",
    in_config_file=False,
)

PARAMETERS: Final[tuple[Setting[Any], ...]] = (
    MIN_DELAY_MS,
    MAX_DELAY_MS,
    SIZE_MIN,
    SIZE_MAX,
    ORDERS_PER_SIDE,
    MAX_UTILIZATION,
    MIN_DISTANCE_TICKS,
    MAX_DISTANCE_TICKS,
)
"""The settings of `Parameters`, in the order of the checkpoint."""
SETTINGS: Final[tuple[Setting[Any], ...]] = (
    *PARAMETERS,
    WALLETS,
    MARKET,
    RESUME,
    STRATEGY,
    RULES,
    COLLATERAL,
    CANCEL_ON_STOP,
    SETTLE_AFTER,
    CYCLE_GAP,
    PRICE_BAND,
    TAKERS,
    TAKER_BUDGET,
    TAKER_SIZE_MAX,
    TAKER_SLIPPAGE,
    SESSION_HOURS,
    SESSION_CAPS,
    RENEW_REVOKED,
    CONFIRM_QUIT,
    DRY_RUN,
)
PARAMETER_BY_KEY: Final[Mapping[str, Setting[Any]]] = {setting.key: setting for setting in PARAMETERS}
