"""Setting up: resume or fresh, fields checked while typing, and nothing signed before the start."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from ama_tui.config.presets import load_presets, save_preset
from ama_tui.domain.errors import CheckpointError, PreflightError
from ama_tui.domain.market import Quote
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.setting import Setting
from ama_tui.domain.settings import PACKER
from ama_tui.engine.engine_api import StoredRun
from ama_tui.ui.panels.form import WALLETS_FIELD, field_text, form_state, help_text, parse_number
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.setup import SetupScreen
from tests.ui.fakes import NOW
from tests.ui.stage import MEDIUM, NARROW, WIDE, Stage, dashboard

STORED = StoredRun(
    run_id="1a2b3c4d-0000-4000-8000-000000000000",
    started_at="2025-11-22T12:00:00.000Z",
    updated_at="2025-11-22T13:00:00.000Z",
    wallets=3,
    parameters=Parameters.of(min_delay_ms=400, orders_per_side=4),
    stored_keys=frozenset({"minDelayMs", "maxDelayMs", "sizeMin", "sizeMax"}),
    last_action_at=int((NOW - 240) * 1000),
    sessions_valid=2,
    missing=("User009",),
)


async def retype(stage: Stage, name: str, text: str) -> None:
    """Set a field's text as if it had been typed; `test_letters_do_nothing...` and others really type."""
    edited = stage.app.screen.query_one(f"#field-{name}", Input)
    edited.focus()
    edited.value = text
    await stage.pilot.pause()


@pytest.mark.parametrize("size", [NARROW, MEDIUM, WIDE])
async def test_form_shows_defaults_ranges_units_and_consequences(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_setup()
        await stage.shows("below 5 bp")
        text = stage.text()
        for part in (
            "REAL", "Set up   ETH (ETH-USD)  orderBook=0x1234…abc0  chain=31337", "1…50", "0.02…0.9", "1…100000",
            "distance, ticks", "0…600000", "delay, ms", "above 0", "of 25", "120 orders", "0.4…4.8 bp",
            "125…625 USDC", "up to 20%", "‹ standard", "Plan preview", "nothing is signed or sent yet",
            "Prepare sessions",
        ):  # fmt: skip
            assert part in text, part
        assert stage.engine.requests == []


async def test_enter_starts_with_the_values_of_the_form() -> None:
    async with dashboard(gates={"start": threading.Event()}) as stage:
        await stage.to_setup()
        await retype(stage, "orders_per_side", "4")
        await retype(stage, "max_utilization", "0.35")
        await retype(stage, "wallets", "3")
        await stage.shows("24 orders")
        await stage.press("enter")
        assert stage.focused() == "start"
        await stage.press("enter")
        await stage.on(PreparationScreen)
        (request,) = stage.engine.requests
        assert request.parameters == Parameters.of(orders_per_side=4, max_utilization=0.35)
        assert (request.wallets, request.resume, request.market.symbol) == (3, False, "ETH")


async def test_letters_do_nothing_while_a_field_is_edited() -> None:
    async with dashboard() as stage:
        await stage.to_setup()
        stage.app.screen.query_one("#field-orders_per_side", Input).focus()
        await stage.press("end", "backspace", "5", "q", "d", "r", "space", "k")
        assert isinstance(stage.app.screen, SetupScreen)
        assert not stage.app.is_leaving
        assert stage.app.screen.query_one("#field-orders_per_side", Input).value == "5"


WRONG = [
    ("orders_per_side", "51", "orders per side is 51, but must be 1…50"),
    ("orders_per_side", "2.5", "orders per side must be a whole number"),
    ("max_utilization", "0.95", "collateral share is 0.95, but must be 0.02…0.9"),
    ("size_min", "0", "smallest order size is 0, but must be above 0"),
    ("min_delay_ms", "5000", "shortest delay (5000) must not be above longest delay (1200)"),
    ("max_distance_ticks", "", "farthest distance must be a number"),
    ("min_distance_ticks", "1.2.3", "nearest distance must be a number"),
    ("wallets", "26", "wallets must be a whole number, 1…25"),
    ("wallets", "0", "wallets must be a whole number, 1…25"),
]


async def test_invalid_values_are_named_and_marked_and_prevent_a_start() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        for name, text, problem in WRONG:
            edited = stage.app.screen.query_one(f"#field-{name}", Input)
            right, edited.value = edited.value, text
            await stage.shows(f"✗ {problem}")
            assert edited.has_class("-wrong")
            await stage.press("f2")
            assert isinstance(stage.app.screen, SetupScreen)
            edited.value = right
            await stage.until(lambda edited=edited: not edited.has_class("-wrong"), "the mark's end")  # type: ignore[misc]
        assert stage.engine.requests == []


async def test_invalid_value_is_named_while_typing_and_enter_does_not_start() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        stage.app.screen.query_one("#field-orders_per_side", Input).focus()
        await stage.press("end", "backspace", "5", "1")
        await stage.shows("✗ orders per side is 51, but must be 1…50")
        await stage.press("enter")
        assert isinstance(stage.app.screen, SetupScreen)
        assert stage.engine.requests == []


async def test_distances_that_do_not_fit_the_price_are_refused_with_what_fits() -> None:
    async with dashboard(WIDE, prices=Quote(best_bid6=100_000, best_ask6=120_000)) as stage:
        await stage.to_setup()
        await stage.shows("✗ nearest distance 10 does not fit a price of 11 ticks; use 5 or")
        await stage.press("f2")
        assert stage.engine.requests == []


async def test_market_without_a_price_shows_a_warning() -> None:
    async with dashboard(prices=Quote(mark6=1_000_000, last_trade6=1_000_000)) as stage:
        await stage.to_setup()
        await stage.shows("⚠ no price yet: quoting starts once there is one")


async def test_focused_field_is_explained() -> None:
    async with dashboard() as stage:
        await stage.to_setup()
        stage.app.screen.query_one("#field-max_delay_ms").focus()
        await stage.shows("longest delay: longest pause between two cycles")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_stored_run_is_offered_and_resumed_with_its_own_parameters(size: tuple[int, int]) -> None:
    async with dashboard(size, stored=STORED) as stage:
        await stage.to_setup()
        await stage.shows("(●) Resume it")
        text = stage.text()
        for part in (
            "run 1a2b3c4d · started 2025-11-22 12:00 UTC · last action 4m ago · 3 wallets", "sessions valid 2/3",
            "stored: packer · orders per side 4 · collateral share 0.2 ·", "not stored, please check: orders per side",
            "no longer in the wallets file: User009", "‹ as stored",
        ):  # fmt: skip
            assert part in text, part
        await stage.press("f2")
        await stage.until(lambda: bool(stage.engine.requests), "the start")
        (request,) = stage.engine.requests
        assert request.resume
        assert request.parameters == STORED.parameters
        assert request.wallets == 3


async def test_options_are_filled_in() -> None:
    async with dashboard(stored=STORED, wallets_asked=4, resume_asked=False) as stage:
        await stage.to_setup()
        await stage.shows("(●) Start fresh")
        assert stage.app.screen.query_one("#field-wallets", Input).value == "4"
        await stage.press("f2")
        await stage.until(lambda: bool(stage.engine.requests), "the start")
        assert not stage.engine.requests[0].resume
        assert stage.engine.requests[0].wallets == 4


async def test_fresh_run_uses_the_defaults() -> None:
    async with dashboard(stored=STORED, defaults=Parameters.of(orders_per_side=7)) as stage:
        await stage.to_setup()
        await stage.shows("(●) Resume it")
        stage.app.screen.query_one("#resume").focus()
        await stage.press("down")
        await stage.shows("(●) Start fresh")
        assert "( ) Resume it" in stage.text()
        await stage.press("up", "down", "f2")
        await stage.until(lambda: bool(stage.engine.requests), "the start")
        (request,) = stage.engine.requests
        assert not request.resume
        assert request.parameters == Parameters.of(orders_per_side=7)


async def test_resume_or_fresh_can_be_chosen_by_mouse() -> None:
    async with dashboard(stored=STORED) as stage:
        await stage.to_setup()
        await stage.shows("(●) Resume it")
        await stage.pilot.click("#resume", offset=(6, 1))
        await stage.shows("(●) Start fresh")


async def test_unreadable_checkpoint_is_reported_and_a_fresh_run_is_possible() -> None:
    error = CheckpointError("checkpoint.json is not JSON", "it was kept as checkpoint.json.corrupt")
    async with dashboard(errors={"stored_run": error}) as stage:
        await stage.to_setup()
        await stage.shows("✗ checkpoint.json is not JSON")
        assert "→ it was kept as checkpoint.json.corrupt" in stage.text()
        await stage.press("f2")
        await stage.until(lambda: bool(stage.engine.requests), "the start")
        assert not stage.engine.requests[0].resume


async def test_failed_start_returns_with_the_reason_and_can_be_retried() -> None:
    error = PreflightError("no wallet has collateral", "fund them on the venue")
    async with dashboard(errors={"start": error}) as stage:
        await stage.to_setup()
        await stage.press("f2")
        await stage.shows("✗ no wallet has collateral")
        assert isinstance(stage.app.screen, SetupScreen)
        assert "→ fund them on the venue" in stage.text()
        stage.engine.errors.clear()
        await stage.press("f2")
        await stage.until(lambda: len(stage.engine.requests) == 2, "the second start")


async def test_start_waits_for_the_check_for_a_stored_run() -> None:
    async with dashboard(gates={"stored_run": threading.Event()}) as stage:
        await stage.to_markets()
        await stage.press("enter")
        await stage.on(SetupScreen)
        await stage.press("f2")
        assert stage.engine.requests == []
        stage.engine.gates["stored_run"].set()


async def test_back_returns_to_the_markets_and_buttons_work_by_mouse() -> None:
    async with dashboard() as stage:
        await stage.to_setup()
        await stage.press("escape")
        await stage.on(MarketsScreen)
        await stage.press("enter")
        await stage.on(SetupScreen)
        await stage.pilot.click("#back")
        await stage.on(MarketsScreen)
        await stage.press("enter")
        await stage.on(SetupScreen)
        assert stage.engine.requests == []
        await stage.until(lambda: stage.engine.calls.count("stored_run") == 3, "the answer")
        await stage.pilot.click("#start")
        await stage.until(lambda: bool(stage.engine.requests), "the start")


def test_numbers_are_parsed_and_other_text_is_kept() -> None:
    assert parse_number(" 7 ") == 7
    assert isinstance(parse_number("7"), int)
    assert parse_number("0.25") == 0.25
    assert parse_number("") == ""
    assert parse_number("1.2.3") == "1.2.3"


def test_default_form_has_the_default_parameters() -> None:
    texts = {setting.name: setting.default_text for setting in PACKER.asked} | {WALLETS_FIELD: "10"}
    assert form_state(texts, 10).parameters == Parameters()
    assert form_state(texts, 9).wallets is None


@pytest.mark.parametrize("setting", PACKER.asked, ids=lambda setting: setting.key)
def test_every_field_has_help(setting: Setting[float]) -> None:
    text = help_text(setting.name, 10)
    assert setting.help in text
    assert f"default {setting.default:g}" in text


async def test_distances_and_sizes_are_converted_while_typing() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        await stage.shows("0.4…4.8 bp")
        await retype(stage, "max_distance_ticks", "250")
        await stage.shows("0.4…10.0 bp")
        await retype(stage, "size_max", "1")
        await stage.shows("125…2,500 USDC")


async def test_options_override_stored_values_and_the_form_says_so() -> None:
    stored = replace(STORED, with_options=STORED.parameters.changed(orders_per_side=8))
    async with dashboard(WIDE, stored=stored) as stage:
        await stage.to_setup()
        await stage.shows("overridden by options: orders per side 8 (stored 4)")
        await stage.press("f2")
        await stage.until(lambda: bool(stage.engine.requests), "the start")
        assert stage.engine.requests[0].parameters["orders_per_side"] == 8
        assert stage.engine.requests[0].resume


async def test_presets_fill_the_form_by_keys_and_clicks() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        stage.app.screen.query_one("#preset").focus()
        await stage.press("right")
        await stage.shows("‹ deep")
        await stage.shows("300 orders")
        await stage.press("left", "left")
        await stage.shows("‹ cautious")
        assert stage.app.screen.query_one("#field-orders_per_side", Input).value == "3"
        assert stage.app.screen.query_one("#field-wallets", Input).value == "10"
        await stage.pilot.click("#preset", offset=(23, 0))
        await stage.shows("‹ standard")
        await retype(stage, "orders_per_side", "7")
        await stage.shows("‹ edited")
        await retype(stage, "orders_per_side", "6")
        await stage.shows("‹ standard")


async def test_options_that_match_no_preset_are_shown_as_one() -> None:
    async with dashboard(WIDE, defaults=Parameters.of(orders_per_side=11)) as stage:
        await stage.to_setup()
        await stage.shows("‹ as started")


async def test_own_preset_is_saved_and_offered_next_time(presets_directory: Path) -> None:
    async with dashboard(NARROW) as stage:
        await stage.to_setup()
        await retype(stage, "orders_per_side", "9")
        await stage.press("f6")
        await stage.shows("lower-case letters, digits, - and _")
        await stage.press("D", "enter")
        await stage.shows("✗ a preset's name must be")
        await stage.press("backspace", *"night")
        await stage.until(lambda: "✗ a preset's" not in stage.text(), "a name that can be")
        await stage.press("enter")
        await stage.on(SetupScreen)
        await stage.shows("‹ night")
        assert load_presets(presets_directory).all[-1].parameters == Parameters.of(orders_per_side=9)
        await stage.press("f6")
        await stage.shows("⚠ replaces the existing preset")
        await stage.press("escape")
        await stage.press("escape")
        await stage.on(MarketsScreen)
        await stage.press("enter")
        await stage.on(SetupScreen)
        stage.app.screen.query_one("#preset").focus()
        await stage.shows("‹ standard")
        await stage.press("right", "right")
        await stage.shows("‹ night")


async def test_broken_preset_file_is_one_line_and_an_invalid_form_is_not_saved(presets_directory: Path) -> None:
    save_preset(presets_directory, "bad", Parameters()).write_text("ordersPerSidePerWallet = 99")
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        await stage.until(lambda: bool(stage.app._notifications), "a message")
        assert "preset file bad.toml: ordersPerSidePerWallet is 99" in next(iter(stage.app._notifications)).message
        await retype(stage, "orders_per_side", "51")
        await stage.press("f6")
        assert isinstance(stage.app.screen, SetupScreen)
        assert "Cannot save: fix the highlighted fields" in [one.message for one in stage.app._notifications]


@pytest.fixture
def no_directory(presets_directory: Path) -> None:
    presets_directory.write_text("a file in the place of the directory")


@pytest.mark.usefixtures("no_directory")
async def test_unwritable_presets_directory_is_reported() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        await stage.press("f6", *"mine", "enter")
        await stage.shows("cannot be written")


async def test_small_screens_page_through_the_setup() -> None:
    async with dashboard(NARROW, stored=STORED) as stage:
        await stage.to_setup()
        await stage.shows("(●) Resume it")
        assert "User001" not in stage.text()
        await stage.press("pagedown", "pagedown", "pagedown")
        await stage.shows("User001")
        await stage.press("pageup", "pageup", "pageup")
        await stage.shows("(●) Resume it")


@pytest.mark.parametrize("value", [1, 250, 0.05, 1e-07, 0.2, 1.0, 12345678.5])
def test_field_text_parses_back_to_its_value(value: float) -> None:
    text = field_text(value)
    assert parse_number(text) == value
    assert set(text) <= set("0123456789.")


def test_form_without_the_wallets_field_has_no_wallets() -> None:
    state = form_state({setting.name: setting.default_text for setting in PACKER.asked}, 10)
    assert (state.parameters, state.wallets, state.problems) == (Parameters(), None, ())
