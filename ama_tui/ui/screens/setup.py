"""Setting up a run: resume or start fresh, its parameters and wallets, and a preview of its plan."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, HorizontalGroup, Vertical, VerticalGroup, VerticalScroll
from textual.types import CSSPathType
from textual.widgets import Button, RadioSet

from ama_tui.config.presets import Preset, Presets, load_none, load_presets, own_directory, save_preset
from ama_tui.domain.errors import AmaError
from ama_tui.domain.market import Market, Quote, short_address
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.settings import MIN_DISTANCE_TICKS, PACKER
from ama_tui.domain.strategy_settings import lines_of
from ama_tui.engine.engine_api import StartRequest, StoredRun
from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.format import count, plain, whole_age
from ama_tui.ui.panels.consequences import consequence_lines, quote_anchor_x2, refusal
from ama_tui.ui.panels.form import ParameterForm, help_text
from ama_tui.ui.panels.preview import UNSIGNED, PlanPanel
from ama_tui.ui.panels.status import VenueFacts
from ama_tui.ui.quotes import quote_text
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.cycle_select import CycleSelect
from ama_tui.ui.widgets.field_lines import FieldLines, field
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem
from ama_tui.ui.widgets.radio_list import RadioList

if TYPE_CHECKING:
    from ama_tui.ui.bridge import EngineFacts

RESUME_OR_FRESH = ("Resume it with its parameters", "Start fresh; resting orders stay on the book")
AS_STARTED = "as started"
"""Name of the preset for the command line's and config file's parameters, if they match no other preset."""
AS_STORED, EDITED = "as stored", "edited"
"""Shown instead of a preset's name while the form matches none."""


def stored_text(stored: StoredRun, now: float) -> str:
    """'run 1a2b3c4d · started 2025-11-22 12:00 UTC · last action 4m ago · 10 wallets · sessions valid 7/10'."""
    parts = [f"run {stored.run_id[:8]}", f"started {stored.started_at[:16].replace('T', ' ')} UTC"]
    if stored.last_action_at:
        parts.append(f"last action {whole_age(now - stored.last_action_at / 1000)} ago")
    parts.append(count(stored.wallets, "wallet"))
    if stored.sessions_valid is not None:
        parts.append(f"sessions valid {stored.sessions_valid}/{stored.wallets}")
    return " · ".join(parts)


def stored_parameters_text(parameters: Parameters) -> str:
    """'stored: packer · orders per side 6 · collateral share 0.2 · distance 10…120 ticks · …'."""
    parts = [f"stored: {parameters.strategy.name}"]
    for line in lines_of(parameters.strategy.all):
        label, _, unit = line[0].form_label.partition(",")
        values = "…".join(f"{parameters[setting.name]:g}" for setting in line)
        parts.append(f"{label} {values}{unit}")
    return " · ".join(parts)


def stored_warnings(stored: StoredRun) -> str:
    """What to check before resuming: parameters not stored, options that differ, wallets that are missing."""
    lines = []
    asked = stored.parameters.strategy.asked
    unstored = [setting.form_name for setting in asked if setting.key not in stored.stored_keys]
    if unstored:
        lines.append(f"not stored, please check: {', '.join(unstored)}")
    if stored.with_options is not None:
        was, now = stored.parameters.as_keys(), stored.with_options.as_keys()
        changed = [
            f"{setting.form_name or setting.short_option} {now[setting.key]} (stored {was[setting.key]})"
            for setting in stored.parameters.strategy.all
            if now[setting.key] != was[setting.key]
        ]
        lines.append(f"overridden by options: {', '.join(changed)}")
    if stored.missing:
        names = ", ".join(stored.missing[:4]) + (f" and {len(stored.missing) - 4} more" if stored.missing[4:] else "")
        lines.append(f"no longer in the wallets file: {names} (a kill cancels their orders too)")
    return "\n".join(f"⚠ {line}" for line in lines)


class SetupScreen(AmaScreen[None]):
    """Nothing is signed or sent before "Prepare sessions"."""

    SCOPE: ClassVar[Scope] = "setup"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("form"), style("setup")]
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for("setup"),
        Binding("pageup", "scroll(-1)", "Page up", show=False),
        Binding("pagedown", "scroll(1)", "Page down", show=False),
    ]
    AUTO_FOCUS = "#start"

    def __init__(
        self,
        market: Market,
        facts: EngineFacts,
        *,
        markets: Sequence[Market] = (),
        done: Sequence[StartRequest] = (),
        failed: tuple[StartRequest, AmaError] | None = None,
    ) -> None:
        """`markets` are all markets of the run, set up one after the other, `done` the requests for those before this
        one. `failed` is a start attempted elsewhere and its error: the form is filled with its parameters.
        """
        super().__init__()
        self._market, self._facts, self._failed = market, facts, failed
        self._markets, self._done = tuple(markets) or (market,), tuple(done)
        self._quote: Quote | None = None
        self._stored: StoredRun | None = None
        self._resume = False
        self._is_checking = True
        self._presets = load_none(facts.defaults.strategy)

    def compose(self) -> ComposeResult:
        facts = self._facts
        yield FieldLines(id="head")
        with VerticalScroll(id="body", can_focus=False):
            with VerticalGroup(id="stored", classes="frame") as stored:
                stored.border_title = "Stored run for this market"
                yield PlainText(id="stored-text", classes="strong")
                yield PlainText(id="stored-parameters", classes="label")
                yield PlainText(id="stored-warnings", classes="warn")
                yield RadioList(RESUME_OR_FRESH, id="resume")
            yield Problem(id="problem")
            with Horizontal(id="columns"):
                with Vertical(classes="frame", id="form-frame") as frame:
                    frame.border_title = "Parameters"
                    with HorizontalGroup(id="preset-row", classes="form-row"):
                        yield PlainText("preset", classes="form-label label")
                        yield CycleSelect(none=EDITED, id="preset")
                        yield PlainText("F6: save", classes="label", id="preset-hint")
                    yield ParameterForm(facts.defaults, facts.wallets, facts.wallets_available, id="form")
                    yield PlainText("Tab into a field to see its description here", id="help")
                    yield PlainText(id="quote", classes="label")
                    yield FieldLines(id="consequences")
                    yield PlainText(id="wrong")
                yield PlanPanel(id="plan")
        with HorizontalGroup(id="buttons"):
            yield Button("Back  esc", id="back", compact=True)
            yield Button(self._start_label, id="start", compact=True, classes="ours")
            yield PlainText(UNSIGNED, classes="label", id="promise")
        yield KeyBar(without=frozenset() if self._is_last else frozenset({"screen.submit"}))

    def on_mount(self) -> None:
        venue = VenueFacts(self._facts.environment_label, self._facts.is_demo)
        label, place = field((plain(self._market.label), "strong")), field(("Set up", "label"), rank=1)
        if len(self._markets) > 1:
            place = field((f"Set up {len(self._done) + 1} of {len(self._markets)}", "label"))
            label = field((f"{plain(self._market.symbol)}  {short_address(self._market.address)}", "strong"))
        self.query_one("#head", FieldLines).show([(field(venue.tag), place, label)])
        self.query_one("#stored").display = False
        self._show_strategy()
        self._offer_presets()
        if self._failed is not None:
            self.start_failed(self._failed[1])
        self._refresh()
        self._check_stored_run()
        self._load_quote()
        self._load_presets()

    # reading from engine and disk

    @work(group="stored-run", exclusive=True)
    async def _check_stored_run(self) -> None:
        """Read the stored run of this market, if there is one."""
        if self.host.bridge is None:
            return
        try:
            self._stored = await self.host.bridge.ask(lambda engine: engine.stored_run(self._market))
        except AmaError as error:
            self.query_one(Problem).show(error)
        self._is_checking = False
        if self._stored is not None:
            self._show_stored(self._stored)
        if self._failed is not None:
            request = self._failed[0]
            self._resume = request.resume
            self._mark_resume()
            self.form.fill(request.parameters, request.wallets)
        elif self._stored is not None:
            self._choose(resume=self._facts.resume_asked is not False)
        self._refresh()

    def _show_stored(self, stored: StoredRun) -> None:
        self.query_one("#stored-text", PlainText).show(stored_text(stored, self.host.clock()))
        self.query_one("#stored-parameters", PlainText).show(stored_parameters_text(stored.parameters))
        warnings = self.query_one("#stored-warnings", PlainText)
        warnings.show(stored_warnings(stored))
        warnings.display = bool(warnings.text)
        self.query_one("#stored").display = True

    @work(group="quote", exclusive=True)
    async def _load_quote(self) -> None:
        if self.host.bridge is None:
            return
        try:
            self._quote = await self.host.bridge.ask(lambda engine: engine.quote(self._market))
            text = quote_text(self._quote, self._market)
        except AmaError as error:
            text = f"✗ prices unavailable: {error.message}"
        self.query_one("#quote", PlainText).show(text)
        self.form.price(self._market, quote_anchor_x2(self._quote, self._market))
        self._refresh()

    # presets

    @work(group="presets", exclusive=True)
    async def _load_presets(self) -> None:
        self._presets = await asyncio.to_thread(load_presets, own_directory(), self.form.strategy)
        for problem in self._presets.problems:
            self.host.toast(problem, is_error=True)
        self._offer_presets()

    def _show_strategy(self) -> None:
        strategy = self.form.strategy
        title = "Parameters" if strategy == PACKER else f"Parameters of {strategy.name}"
        self.query_one("#form-frame").border_title = plain(title)

    def _offer_presets(self) -> None:
        """Offer the built-in and the operator's presets, and the start-up parameters if they match none."""
        defaults = self._facts.defaults
        if defaults.strategy == self.form.strategy and self._presets.of(defaults) is None:
            started = Preset(AS_STARTED, defaults)
            self._presets = Presets(defaults.strategy, (started, *self._presets.all), self._presets.problems)
        self.query_one(CycleSelect).offer([preset.name for preset in self._presets.all])
        self._mark_preset(self.form.state.parameters)

    def _mark_preset(self, parameters: Parameters | None) -> None:
        """Show which preset the form matches, if any."""
        preset = self._presets.of(parameters) if parameters is not None else None
        is_stored = self._resume and self._stored is not None and parameters == self._stored.parameters
        index = None if preset is None else self._presets.all.index(preset)
        self.query_one(CycleSelect).choose(index, none=AS_STORED if is_stored else EDITED)

    def on_cycle_select_changed(self, event: CycleSelect.Changed) -> None:
        base = self.form.state.parameters or self._facts.defaults
        self.form.fill(self._presets.all[event.index].applied_to(base))
        self._refresh()

    def action_save_preset(self) -> None:
        """Ask for a name and save the form's parameters under it."""
        parameters = self.form.state.parameters
        if parameters is None:
            self.host.toast("Cannot save: fix the highlighted fields")
            return
        current = self._presets.of(parameters)
        existing = [preset.name for preset in self._presets.all if preset.is_own]
        suggested = current.name if current is not None and current.is_own else ""

        def save(name: str | None) -> None:
            if name is not None:
                self._save_preset(name, parameters)

        self.host.ask_preset_name(existing, suggested, str(own_directory()), save)

    @work(group="save-preset")
    async def _save_preset(self, name: str, parameters: Parameters) -> None:
        try:
            await asyncio.to_thread(save_preset, own_directory(), name, parameters)
        except AmaError as error:
            self.query_one(Problem).show(error)
            return
        self.host.toast(f"Saved preset {name}")
        self._load_presets()

    # the form

    @property
    def form(self) -> ParameterForm:
        return self.query_one(ParameterForm)

    def _mark_resume(self) -> None:
        self.query_one(RadioList).choose(0 if self._resume else 1)

    def _choose(self, *, resume: bool) -> None:
        """Resume the stored run with its parameters, or start a new one with the defaults."""
        self._resume = resume
        self._mark_resume()
        stored = self._stored
        if resume and stored is not None:
            wallets = max(1, min(stored.wallets, self._facts.wallets_available))
            self.form.fill(stored.with_options or stored.parameters, wallets)
        else:
            self.form.fill(self._facts.defaults, self._facts.wallets)

    def _problems(self) -> tuple[list[str], Parameters | None, int | None]:
        state = self.form.state
        problems, wrong = list(state.problems), state.wrong
        if state.parameters is not None:
            reason = refusal(state.parameters, self._market, self._quote)
            if reason is not None:
                problems.append(reason)
                wrong |= {MIN_DISTANCE_TICKS.name} & {setting.name for setting in state.parameters.strategy.asked}
        self.form.mark(wrong)
        return problems, state.parameters, state.wallets

    def _refresh(self) -> None:
        """Update everything that depends on the form: problems, consequences, preset, plan."""
        problems, parameters, wallets = self._problems()
        wrong = self.query_one("#wrong", PlainText)
        wrong.show("\n".join(f"✗ {problem}" for problem in problems))
        wrong.display = bool(problems)
        consequences, plan = self.query_one("#consequences", FieldLines), self.query_one(PlanPanel)
        consequences.display = not problems
        if problems or parameters is None or wallets is None:
            plan.refuse(problems[0])
        else:
            consequences.show(consequence_lines(parameters, wallets, self._market, self._quote))
            if not self._is_checking:
                plan.want(self._request(parameters, wallets))
        self._mark_preset(parameters)
        self.query_one("#start").set_class(bool(problems) or self._is_checking, "-refused")

    def on_parameter_form_edited(self) -> None:
        if self._presets.strategy != self.form.strategy:
            self._presets = load_none(self.form.strategy)
            self._show_strategy()
            self._load_presets()
        self._refresh()

    def on_parameter_form_focused(self, event: ParameterForm.Focused) -> None:
        text = help_text(event.field_name, self._facts.wallets_available, self.form.strategy)
        self.query_one("#help", PlainText).show(text)

    def on_parameter_form_entered(self) -> None:
        problems, _, _ = self._problems()
        if problems:
            self.host.toast(problems[0])
        else:
            self.query_one("#start").focus()

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        resume = event.index == 0
        if resume != self._resume:
            self._choose(resume=resume)
            self._refresh()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "back":
            self.action_back()
        else:
            self.action_submit()

    # actions

    def action_back(self) -> None:
        self.dismiss()

    def action_scroll(self, step: int) -> None:
        """Page through the body on a small screen."""
        body = self.query_one("#body")
        body.scroll_relative(y=step * max(1, body.size.height - 2), animate=False)

    def action_plan_again(self) -> None:
        """Read prices and book again and recalculate the plan."""
        self._load_quote()
        self.query_one(PlanPanel).again()

    def action_submit(self) -> None:
        """Start the run if the form is valid."""
        problems, parameters, wallets = self._problems()
        if problems or parameters is None or wallets is None:
            self.host.toast(problems[0])
        elif self._is_checking:
            self.host.toast("Still checking for a stored run")
        else:
            self.query_one(Problem).clear()
            requests = (*self._done, self._request(parameters, wallets))
            if self._is_last:
                self.host.begin(*requests)
            else:
                self.host.open_setup(self._markets, requests)

    def _request(self, parameters: Parameters, wallets: int) -> StartRequest:
        others = tuple(market for market in self._markets if market != self._market)
        return StartRequest(self._market, parameters, self._resume, wallets, others)

    @property
    def _is_last(self) -> bool:
        return len(self._done) + 1 == len(self._markets)

    @property
    def _start_label(self) -> str:
        if self._is_last:
            return "Prepare sessions  ⏎"
        return f"Next: {plain(self._markets[len(self._done) + 1].symbol)}  ⏎"

    def start_failed(self, error: AmaError) -> None:
        """Show why the run did not start."""
        self.query_one(Problem).show(error)
        self.query_one("#body").scroll_home(animate=False)
