"""Setting a run up: resume or fresh, the eight parameters, how many wallets, and what that will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, HorizontalGroup, Vertical, VerticalGroup, VerticalScroll
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.market import Market, Quote
from ama_tui.domain.parameters import SPECS, Parameters
from ama_tui.engine.desk import StartRequest, StoredRun
from ama_tui.ui.actions import Place, bindings_for
from ama_tui.ui.format import count, plain, whole_age
from ama_tui.ui.panels.consequences import consequence_lines, refusal
from ama_tui.ui.panels.form import ParameterForm, help_text
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.screens.markets import quote_text
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.choice import Choice
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.lines import Lines, field
from ama_tui.ui.widgets.plain import Plain
from ama_tui.ui.widgets.problem import Problem

if TYPE_CHECKING:
    from ama_tui.ui.bridge import DeskFacts

DEFAULT_WALLETS = 10
RESUME_OR_FRESH = ("Resume it, with its own parameters", "Start fresh; orders that rest stay where they are")


def stored_text(stored: StoredRun, now: float) -> str:
    """'run 1a2b3c4d · started 2025-11-22 12:00 UTC · last action 4m ago · 10 wallets'."""
    parts = [f"run {stored.run_id[:8]}", f"started {stored.started_at[:16].replace('T', ' ')} UTC"]
    if stored.last_action_at:
        parts.append(f"last action {whole_age(now - stored.last_action_at / 1000)} ago")
    parts.append(count(stored.wallets, "wallet"))
    return " · ".join(parts)


def not_stored_text(stored: StoredRun) -> str:
    """Which parameters the stored run does not hold, so that they get their values from elsewhere; '' for none."""
    missing = [spec.key for spec in SPECS if spec.key not in stored.stored_keys]
    return f"not stored, so check them: {', '.join(missing)}" if missing else ""


class SetupScreen(AmaScreen[None]):
    """Nothing is signed or sent before "Prepare sessions"."""

    PLACE: ClassVar[Place] = "setup"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("setup")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("setup")
    AUTO_FOCUS = "#start"

    def __init__(self, market: Market, facts: DeskFacts) -> None:
        super().__init__()
        self._market, self._facts = market, facts
        self._quote: Quote | None = None
        self._stored: StoredRun | None = None
        self._resume = False
        self._looking = True

    def compose(self) -> ComposeResult:
        available = self._facts.wallets_available
        yield Lines(id="head")
        with VerticalScroll(id="body", can_focus=False):
            with VerticalGroup(id="stored", classes="frame") as stored:
                stored.border_title = "A run is stored for this market"
                yield Plain(id="stored-text")
                yield Plain(id="stored-missing", classes="warn")
                yield Choice(RESUME_OR_FRESH, id="resume")
            with Horizontal(id="columns"):
                with Vertical(classes="frame", id="form-frame") as frame:
                    frame.border_title = "Parameters"
                    yield ParameterForm(self._facts.defaults, min(DEFAULT_WALLETS, available), available, id="form")
                    yield Plain(id="help", classes="label")
                with Vertical(classes="frame", id="consequences-frame") as frame:
                    frame.border_title = "What it will do"
                    yield Plain(id="quote", classes="label")
                    yield Lines(id="consequences")
                    yield Plain(id="wrong")
            yield Problem(id="problem")
        with HorizontalGroup(id="buttons"):
            yield Button("Back  esc", id="back", compact=True)
            yield Button("Prepare sessions  ⏎", id="start", compact=True, classes="ours")
            yield Plain("nothing has been signed or sent", classes="label", id="promise")
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#head", Lines).show(
            [(field(("Set up", "label")), field((plain(self._market.label), "strong")))]
        )
        self.query_one("#stored").display = False
        self._refresh_consequences()
        self.run_worker(self._look(), group="look", exclusive=True)
        self.run_worker(self._load_quote(), group="quote", exclusive=True)

    async def _look(self) -> None:
        """Is there a stored run of this market?"""
        if self.ama.bridge is None:
            return
        try:
            self._stored = await self.ama.bridge.ask(lambda desk: desk.stored_run(self._market))
        except AmaError as error:
            self.query_one(Problem).show(error)
        self._looking = False
        if self._stored is not None:
            self.query_one("#stored-text", Plain).show(stored_text(self._stored, self.ama.clock()))
            missing = self.query_one("#stored-missing", Plain)
            missing.show(not_stored_text(self._stored))
            missing.display = bool(missing.text)
            self.query_one("#stored").display = True
            self._choose(resume=True)
        self._refresh_consequences()

    async def _load_quote(self) -> None:
        if self.ama.bridge is None:
            return
        try:
            self._quote = await self.ama.bridge.ask(lambda desk: desk.quote(self._market))
            text = quote_text(self._quote, self._market)
        except AmaError as error:
            text = f"✗ no prices: {error.message}"
        self.query_one("#quote", Plain).show(text)
        self._refresh_consequences()

    # the form

    @property
    def form(self) -> ParameterForm:
        return self.query_one(ParameterForm)

    def _choose(self, *, resume: bool) -> None:
        """Resume the stored run with its parameters, or begin a new one with the defaults."""
        self._resume = resume
        available = self._facts.wallets_available
        if resume and self._stored is not None:
            self.form.fill(self._stored.parameters, max(1, min(self._stored.wallets, available)))
        else:
            self.form.fill(self._facts.defaults, min(DEFAULT_WALLETS, available))

    def _problems(self) -> tuple[list[str], Parameters | None, int | None]:
        state = self.form.state
        self.form.mark(state)
        problems = list(state.problems)
        if state.parameters is not None:
            reason = refusal(state.parameters, self._market, self._quote)
            if reason is not None:
                problems.append(reason)
        return problems, state.parameters, state.wallets

    def _refresh_consequences(self) -> None:
        problems, parameters, wallets = self._problems()
        self.query_one("#wrong", Plain).show("\n".join(f"✗ {problem}" for problem in problems))
        if parameters is not None and wallets is not None:
            self.query_one("#consequences", Lines).show(
                consequence_lines(parameters, wallets, self._market, self._quote)
            )
        self.query_one("#start").set_class(bool(problems) or self._looking, "-refused")

    def on_parameter_form_edited(self) -> None:
        self._refresh_consequences()

    def on_parameter_form_focused(self, event: ParameterForm.Focused) -> None:
        self.query_one("#help", Plain).show(help_text(event.field_name, self._facts.wallets_available))

    def on_parameter_form_entered(self) -> None:
        problems, _, _ = self._problems()
        if problems:
            self.ama.tell(problems[0])
        else:
            self.query_one("#start").focus()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        self._choose(resume=event.index == 0)
        self._refresh_consequences()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "back":
            self.action_back()
        else:
            self.action_submit()

    # actions

    def action_back(self) -> None:
        self.dismiss()

    def action_submit(self) -> None:
        """Start with what the form says, if it is right."""
        problems, parameters, wallets = self._problems()
        if problems or parameters is None or wallets is None:
            self.ama.tell(problems[0])
        elif self._looking:
            self.ama.tell("still looking for a stored run of this market")
        else:
            self.query_one(Problem).clear()
            self.ama.begin(StartRequest(self._market, parameters, self._resume, wallets))

    def start_failed(self, error: AmaError) -> None:
        """The run could not start: say why, and let the operator correct it."""
        self.query_one(Problem).show(error)
