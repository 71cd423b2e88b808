"""No venue can be used yet: what is missing, how to set it, and a venue of our own to try."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import HorizontalGroup, VerticalScroll
from textual.types import CSSPathType
from textual.widgets import Button, Static

from ama_tui.ui.actions import Place, bindings_for
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.plain_text import PlainText

SETTINGS = (
    ("RPC_URL", "the chain's JSON-RPC endpoint"),
    ("CHAIN_ID", "its chain id"),
    ("SESSION_REGISTRY_ADDRESS", "the session registry's address"),
    ("APP_URL", "the venue's API (http://localhost:3000)"),
    ("wallets", "wallets.csv, a line a wallet: nickname,address,privateKey"),
)
"""What a venue takes: each as problems name it, and what it is."""

WHERE = "Set them in the environment, in .env.local or in .env, here or one directory up."


def advice(problems: Iterable[str]) -> str:
    """Every setting with a sign for whether something is wrong with it, and where it is set."""
    told = "\n".join(problems)
    lines = [f"{'✗' if name in told else '✓'} {name:<26}{text}" for name, text in SETTINGS]
    return "\n".join([*lines, "", WHERE])


ACTIONS = {"demo": "app.start_demo", "retry": "app.retry_open", "quit": "app.stop"}


class WelcomeScreen(AmaScreen[None]):
    """Stays until a venue can be opened."""

    PLACE: ClassVar[Place] = "welcome"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("welcome")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("welcome")
    AUTO_FOCUS = "Button"

    def __init__(self, problems: tuple[str, ...], hint: str = "", *, offers_demo: bool) -> None:
        super().__init__()
        self._advice = advice(problems)
        self._lines = [f"✗ {problem}" for problem in problems] + ([f"→ {hint}"] if hint else [])
        self._offers_demo = offers_demo

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="welcome", can_focus=False):
            yield Static("ama-tui", id="wordmark")
            yield Static("keeps an on-chain order book liquid", id="tagline")
            problems = PlainText("\n".join(self._lines), id="problems")
            problems.border_title = "No venue can be used yet"
            yield problems
            yield PlainText(self._advice, id="advice")
            with HorizontalGroup(id="choices"):
                if self._offers_demo:
                    yield Button("Start the demo  d", id="demo", compact=True, classes="ours")
                yield Button("Try again  r", id="retry", compact=True)
                yield Button("Quit  q", id="quit", compact=True)
        yield KeyBar(without=frozenset(ACTIONS.values()))

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        await self.run_action(ACTIONS[event.button.id or ""])
