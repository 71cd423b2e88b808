"""Editing the parameters of a paused run, next to a preview of its plan."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, HorizontalGroup, Vertical
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot
from ama_tui.domain.market import Market
from ama_tui.engine.engine_api import StartRequest
from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.format import plain
from ama_tui.ui.panels.form import FormState, ParameterForm, help_text
from ama_tui.ui.panels.preview import PlanPanel
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.states import banner, why_not
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines, field
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem


class ParametersScreen(AmaScreen[None]):
    """Nothing changes before "Apply", and the run stays paused afterwards."""

    SCOPE: ClassVar[Scope] = "parameters"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("parameters")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("parameters")
    AUTO_FOCUS = "#form Input"

    def __init__(self, market: Market, snapshot: EngineSnapshot) -> None:
        """`snapshot` is the paused run's."""
        super().__init__()
        self._market = market
        self._before = snapshot.parameters
        self._wallets = len(snapshot.wallets)
        self._anchor_x2 = snapshot.anchor_x2
        self._is_applying = False

    def compose(self) -> ComposeResult:
        yield FieldLines(id="head")
        with Horizontal(id="columns"):
            with Vertical(classes="frame", id="form-frame") as frame:
                frame.border_title = "Parameters"
                yield ParameterForm(self._before, None, id="form")
                yield PlainText(id="help", classes="label")
                yield PlainText(id="wrong")
            yield PlanPanel(id="plan")
        yield Problem(id="problem")
        with HorizontalGroup(id="buttons"):
            yield Button("Back  esc", id="back", compact=True)
            yield Button("Apply  F2", id="apply", compact=True, classes="ours")
            yield PlainText("Resting orders stay. Press space to resume.", classes="label", id="promise")
        yield KeyBar()

    def on_mount(self) -> None:
        self.form.price(self._market, self._anchor_x2)
        self._follow_form()

    @property
    def form(self) -> ParameterForm:
        return self.query_one(ParameterForm)

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        self.query_one("#head", FieldLines).show(
            [
                (
                    field(("Parameters", "label")),
                    field((plain(self._market.symbol), "strong")),
                    field(banner(snapshot.state)),
                    field((f"{snapshot.resting:,} resting", "plain"), right=True),
                )
            ]
        )
        self._follow_button(self.form.state)

    def _why_not(self, state: FormState) -> str:
        """Why the parameters cannot be applied now; '' when they can."""
        if state.parameters is None:
            return state.problems[0]
        bridge = self.host.bridge
        reason = "no run is active" if bridge is None else why_not("paused", bridge.snapshot)
        if reason is not None:
            return reason
        return "nothing has changed" if state.parameters == self._before else ""

    def _follow_button(self, state: FormState) -> None:
        self.query_one("#apply").set_class(bool(self._why_not(state)), "-refused")

    @property
    def _others(self) -> tuple[Market, ...]:
        """The run's other markets."""
        snapshots = () if self.host.bridge is None else self.host.bridge.snapshots
        markets = [snapshot.market for snapshot in snapshots if snapshot.market is not None]
        return tuple(market for market in markets if market.address != self._market.address)

    def _follow_form(self) -> None:
        state = self.form.state
        self.form.mark(state.wrong)
        self.query_one("#wrong", PlainText).show("\n".join(f"✗ {problem}" for problem in state.problems))
        self._follow_button(state)
        plan = self.query_one(PlanPanel)
        if state.parameters is None:
            plan.refuse(state.problems[0])
        else:
            plan.want(StartRequest(self._market, state.parameters, True, self._wallets, self._others))

    def on_parameter_form_edited(self) -> None:
        self._follow_form()

    def on_parameter_form_focused(self, event: ParameterForm.Focused) -> None:
        self.query_one("#help", PlainText).show(help_text(event.field_name, self._wallets, self.form.strategy))

    def on_parameter_form_entered(self) -> None:
        self.query_one("#apply").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "back":
            self.action_back()
        else:
            self.action_submit()

    def show_error(self, error: AmaError) -> None:
        """Show an error until it is dismissed."""
        self.query_one(Problem).show(error)

    def action_back(self) -> None:
        """Dismiss the error; without an error, discard the changes and leave."""
        problem = self.query_one(Problem)
        if problem.display:
            problem.clear()
        else:
            self.dismiss()

    def action_plan_again(self) -> None:
        self.query_one(PlanPanel).again()

    def action_submit(self) -> None:
        """Apply the form if it is valid."""
        state = self.form.state
        reason = self._why_not(state)
        if reason:
            self.host.toast(f"Cannot apply: {reason}")
        elif not self._is_applying:
            self._is_applying = True
            self._change(state)

    @work(group="change")
    async def _change(self, state: FormState) -> None:
        bridge, parameters = self.host.bridge, state.parameters
        if bridge is None or parameters is None:
            return
        try:
            await bridge.ask(lambda engine: engine.change(parameters, bridge.market))
        except AmaError as error:
            self.show_error(error)
            return
        finally:
            self._is_applying = False
        self.host.toast("Parameters changed · space resumes the run")
        if self.is_current:
            self.dismiss()
