"""The settings of a run, each declared once. Options, files, the set-up form and the documentation follow from it."""

from __future__ import annotations

from typing import Any, Final

from ama_tui.domain.packer_settings import SHAPING
from ama_tui.domain.plan import AnchorSource, CollateralBasis, Mode, Rules
from ama_tui.domain.setting import Kind, Setting
from ama_tui.domain.strategy_settings import StrategyList, StrategySettings

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
MARKET: Setting[tuple[str, ...]] = Setting(
    "market",
    "market",
    Kind.TEXTS,
    (),
    "market to quote; repeat it for several in one run",
    placeholder="SYMBOL|ADDRESS",
)
WEIGHTS: Setting[tuple[str, ...]] = Setting(
    "weights",
    "weights",
    Kind.TEXTS,
    (),
    "share of each wallet's collateral that a market may use, relative to the run's other markets, or in percent",
    spelling="--weight",
    placeholder="MARKET=N",
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
MODE = Setting(
    "mode",
    "mode",
    Kind.CHOICE,
    Mode.MEAN,
    "which sides makers quote: both, only bids (UP) or only asks (DOWN)",
    enumeration=Mode,
    in_checkpoint=True,
)
MAX_OPEN_ORDERS = Setting(
    "maxOpenOrdersPerMaker",
    "max_open_orders",
    Kind.INTEGER,
    12,
    "orders that a maker may have on the book",
    unit="orders",
    low=1,
    high=100,
    in_checkpoint=True,
    form_label="most open orders",
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
ANCHOR = Setting(
    "anchor",
    "anchor",
    Kind.CHOICE,
    AnchorSource.BOOK,
    "price that distances are measured from: the book's mid, the venue's mark, or --price-source (external)",
    enumeration=AnchorSource,
    in_checkpoint=True,
)
PRICE_SOURCES: Setting[tuple[str, ...]] = Setting(
    "priceSources",
    "price_sources",
    Kind.TEXTS,
    (),
    "JSON document and the place of a price in it; with several, their median is used",
    spelling="--price-source",
    placeholder="URL#json.path",
)
PRICE_MAX_AGE = Setting(
    "priceMaxAge",
    "price_max_age_s",
    Kind.NUMBER,
    2.0,
    "seconds after which the price of a source no longer counts",
    spelling="--price-max-age",
    placeholder="S",
    unit="s",
    low=0.5,
    high=600,
)
TAKERS = Setting(
    "takers",
    "takers",
    Kind.NUMBER,
    0.0,
    "share of the wallets that take others' orders instead of making: to test, and to exit positions",
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
SHARED_SESSION = Setting(
    "sharedSession",
    "shared_session",
    Kind.FLAG,
    False,
    "with several markets, one session per wallet that names all of them, instead of one per market",
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

SHARED: Final[tuple[Setting[Any], ...]] = (MIN_DELAY_MS, MAX_DELAY_MS, MAX_UTILIZATION)
"""The parameters that every strategy has."""
PACKER: Final = StrategySettings(
    "packer",
    "keeps a target number of bids and asks of each wallet resting around the anchor",
    SHARED,
    (
        MIN_DELAY_MS,
        MAX_DELAY_MS,
        SIZE_MIN,
        SIZE_MAX,
        ORDERS_PER_SIDE,
        MAX_UTILIZATION,
        MIN_DISTANCE_TICKS,
        MAX_DISTANCE_TICKS,
        RULES,
        *SHAPING,
    ),
    is_flat=True,
)
BUILT_IN: Final = StrategyList((PACKER,))
"""The strategies that are declared here, so that none of their code is needed to know their parameters."""
RUN_SETTINGS: Final[tuple[Setting[Any], ...]] = (
    WALLETS,
    MARKET,
    WEIGHTS,
    RESUME,
    STRATEGY,
    COLLATERAL,
    CANCEL_ON_STOP,
    SETTLE_AFTER,
    CYCLE_GAP,
    PRICE_BAND,
    ANCHOR,
    PRICE_SOURCES,
    PRICE_MAX_AGE,
    TAKERS,
    TAKER_BUDGET,
    TAKER_SIZE_MAX,
    TAKER_SLIPPAGE,
    SESSION_HOURS,
    SESSION_CAPS,
    SHARED_SESSION,
    RENEW_REVOKED,
    CONFIRM_QUIT,
    DRY_RUN,
)
"""The settings of `RunConfig` besides the parameters."""


def settings_with(strategy: StrategySettings) -> tuple[Setting[Any], ...]:
    """All settings of a run with this strategy."""
    return (*strategy.all, *RUN_SETTINGS)
