"""The welcome screen: which settings are missing, where to set them, and the demo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import HorizontalGroup, VerticalScroll
from textual.types import CSSPathType
from textual.widgets import Button, Static

from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.plain_text import PlainText

SETTINGS = (
    ("RPC_URL", "JSON-RPC endpoint of the chain"),
    ("CHAIN_ID", "id of the chain"),
    ("SESSION_REGISTRY_ADDRESS", "address of the session registry"),
    ("APP_URL", "the venue's API, e.g. http://localhost:3000"),
    ("wallets", "wallets.csv: nickname,address,privateKey"),
)
"""The settings of a venue: name (as problems mention it) and description."""

WHERE = "Set them as environment variables, or in .env.local or .env\nin this directory or its parent."


def advice(problems: Iterable[str]) -> str:
    """Every setting, marked as right or wrong, and where to set them."""
    text = "\n".join(problems)
    lines = [f"{'✗' if name in text else '✓'} {name:<26}{meaning}" for name, meaning in SETTINGS]
    return "\n".join([*lines, "", WHERE])


ACTIONS = {"demo": "app.start_demo", "retry": "app.retry_open", "quit": "app.stop"}


class WelcomeScreen(AmaScreen[None]):
    """Shown when the venue cannot be opened."""

    SCOPE: ClassVar[Scope] = "welcome"
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
            yield Static("Market making for on-chain order books", id="tagline")
            problems = PlainText("\n".join(self._lines), id="problems")
            problems.border_title = "Not connected yet"
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
