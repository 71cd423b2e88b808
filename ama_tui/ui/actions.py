"""Every action of the dashboard, in one table that feeds key bindings, the key bar and the command palette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from textual.binding import Binding, BindingType

Place = Literal["anywhere", "starting", "welcome", "markets", "setup", "preparation", "live", "kill", "stop"]
"""Where an action is at home: a screen, or everywhere."""

Need = Literal["nothing", "run", "pausable", "demo"]
"""What must be so for an action to make sense; `ama_tui.ui.states` says why when it is not."""


class ActionSpec(NamedTuple):
    """One action. `keys` are Textual's names, the one to show first; `title` reads "noun: verb"."""

    id: str
    keys: str
    action: str
    label: str
    title: str
    tooltip: str
    places: tuple[Place, ...]
    need: Need = "nothing"
    priority: bool = False
    in_bar: bool = True
    in_palette: bool = True


RUN_PLACES: tuple[Place, ...] = ("preparation", "live")

# fmt: off
ACTIONS: tuple[ActionSpec, ...] = (
    # one screen's
    ActionSpec(
        "demo.start", "d", "app.start_demo", "start the demo", "demo: start",
        "Open a venue of our own with a funded fleet; nothing real is touched.", ("welcome",), need="demo",
    ),
    ActionSpec(
        "venue.retry", "r", "app.retry_open", "try again", "venue: try again",
        "Read the environment and the wallets file again, and look for the venue.", ("welcome",),
    ),
    ActionSpec(
        "market.pick", "enter", "screen.pick", "pick", "market: pick",
        "Set up a run on the market under the cursor.", ("markets",),
    ),
    ActionSpec(
        "market.filter", "slash", "screen.filter", "filter", "market: filter",
        "Show only markets whose symbol, identifier or address holds the text.", ("markets",),
    ),
    ActionSpec(
        "market.clear", "escape", "screen.clear", "clear filter", "market: clear filter",
        "Empty the filter; once more to leave it.", ("markets",), in_palette=False,
    ),
    ActionSpec(
        "market.refresh", "f5", "screen.refresh_markets", "refresh", "market: refresh the list",
        "Ask the venue for its markets again.", ("markets",),
    ),
    ActionSpec(
        "setup.start", "f2", "screen.submit", "prepare sessions", "run: prepare sessions and start",
        "Check the parameters, make the sessions that are missing, and start the run.", ("setup",),
    ),
    ActionSpec(
        "setup.back", "escape", "screen.back", "back", "run: back to the markets",
        "Leave the set-up; nothing has been signed or sent.", ("setup",),
    ),
    ActionSpec(
        "run.pause", "space", "app.pause", "pause / resume", "run: pause or resume",
        "Pause sends no new orders; what rests stays, and watching goes on.", ("live",), need="pausable",
        in_bar=False,
    ),
    # everywhere
    ActionSpec(
        "run.stop", "q", "app.stop", "quit", "run: stop and quit",
        "Wait for what is in flight, save, leave orders resting, and quit.",
        ("starting", "welcome", "markets", "setup", "preparation", "live"), in_palette=False,
    ),
    ActionSpec(
        "run.stop.always", "ctrl+q", "app.stop", "quit", "run: stop and quit",
        "Stop and quit, also while a field is edited.", ("anywhere",), priority=True,
    ),
    ActionSpec(
        "run.interrupt", "ctrl+c", "app.interrupt", "stop", "run: stop; twice leaves at once",
        "Stop and quit; a second time leaves at once.", ("anywhere",), priority=True, in_bar=False, in_palette=False,
    ),
    ActionSpec(
        "run.kill", "f10", "app.kill", "KILL", "run: kill",
        "Freeze at once, cancel every order of the fleet on this market, and prove it from the chain.",
        ("anywhere",), need="run", priority=True,
    ),
    ActionSpec(
        "view.wallets", "1", "screen.focus_wallets", "wallets", "view: wallets", "Go to the wallets.", RUN_PLACES,
    ),
    ActionSpec(
        "view.log", "3", "screen.focus_log", "log", "view: log", "Go to the action log.", RUN_PLACES,
    ),
    ActionSpec(
        "app.palette", "ctrl+p", "app.command_palette", "palette", "app: command palette",
        "Find any action by its name.", ("anywhere",), priority=True, in_palette=False,
    ),
)
# fmt: on

BY_ID = {spec.id: spec for spec in ACTIONS}

KEY_NAMES = {
    "space": "␣",
    "enter": "⏎",
    "escape": "esc",
    "slash": "/",
    "f2": "F2",
    "f5": "F5",
    "f10": "F10",
    "ctrl+q": "^q",
    "ctrl+c": "^c",
    "ctrl+p": "^p",
}
"""How the key bar writes a key; others are written as they are."""


def actions_for(place: Place) -> tuple[ActionSpec, ...]:
    """The actions that a place has, in the table's order."""
    return tuple(spec for spec in ACTIONS if place in spec.places)


def actions_at(place: Place) -> tuple[ActionSpec, ...]:
    """The actions that can be reached from a place: its own and those of everywhere."""
    return tuple(spec for spec in ACTIONS if place in spec.places or "anywhere" in spec.places)


def bindings_for(place: Place) -> list[BindingType]:
    """Textual's bindings of a place."""
    return list(_bindings(actions_for(place)))


def _bindings(specs: Iterable[ActionSpec]) -> Iterable[Binding]:
    for spec in specs:
        yield Binding(
            spec.keys, spec.action, spec.label, id=spec.id, tooltip=spec.tooltip, priority=spec.priority, show=False
        )
