"""Every action of the dashboard, in one table that feeds key bindings, the key bar and the command palette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from textual.binding import Binding, BindingType

Place = Literal[
    "anywhere",
    "starting",
    "welcome",
    "markets",
    "setup",
    "preparation",
    "live",
    "wallet",
    "parameters",
    "help",
    "kill",
    "stop",
]
"""Where an action is at home: a screen, or everywhere."""

Need = Literal["nothing", "run", "pausable", "paused", "demo", "ended"]
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


PLACE_NAMES: dict[Place, str] = {
    "anywhere": "Everywhere",
    "starting": "Start",
    "welcome": "Welcome",
    "markets": "Markets",
    "setup": "Set-up",
    "preparation": "Preparation",
    "live": "Live",
    "wallet": "One wallet",
    "parameters": "Parameters",
    "help": "Help",
}
"""How the help calls a place; a dialog has no actions of its own."""

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
        "market.sort", "f3", "screen.sort", "sort", "market: sort by the next column",
        "Sort the list by its next column; past the last one it stands as the venue has it.", ("markets",),
    ),
    ActionSpec(
        "market.reverse", "f4", "screen.reverse", "reverse", "market: reverse the order",
        "Turn the order of the list around.", ("markets",),
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
        "setup.save", "f6", "screen.save_preset", "save preset", "preset: save these parameters",
        "Keep the form's parameters under a name of your own.", ("setup",),
    ),
    ActionSpec(
        "setup.plan", "f5", "screen.plan_again", "plan again", "plan: compute it again",
        "Read the book again and plan on it; nothing is signed or sent.", ("setup",),
    ),
    ActionSpec(
        "preparation.back", "escape", "screen.give_up", "back", "run: give up preparing",
        "Stop preparing and go back to the set-up; sessions that were made are found again.", ("preparation",),
        in_bar=False,
    ),
    ActionSpec(
        "run.markets", "m", "app.markets", "markets", "market: back to the list",
        "After a run has ended: pick a market and set up another run.", ("live",), need="ended",
    ),
    ActionSpec(
        "run.pause", "space", "app.pause", "pause / resume", "run: pause or resume",
        "Pause sends no new orders; what rests stays, and watching goes on.", ("live",), need="pausable",
        in_bar=False,
    ),
    ActionSpec(
        "run.parameters", "p", "screen.parameters", "parameters", "run: change the parameters",
        "Give a paused run other parameters, with a preview of what it would place.", ("live",), need="paused",
    ),
    ActionSpec(
        "view.wallets", "1", "screen.focus_wallets", "wallets", "view: wallets", "Go to the wallets.", RUN_PLACES,
    ),
    ActionSpec(
        "view.book", "2", "screen.focus_book", "book", "view: book", "Go to the ladder of the book.", ("live",),
    ),
    ActionSpec(
        "view.log", "3", "screen.focus_log", "log", "view: log", "Go to the action log.", RUN_PLACES,
    ),
    ActionSpec(
        "view.statistics", "4", "screen.statistics", "statistics", "view: statistics",
        "Show the charts and figures of this run; once more goes back.", ("live",),
    ),
    ActionSpec(
        "view.freeze", "f", "screen.freeze", "freeze", "display: freeze or follow",
        "Let the display stand still; the engine goes on. This is not a pause.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "wallet.filter", "slash", "screen.filter", "filter", "wallets: filter",
        "Show only wallets whose name, address, session or note holds the words.", ("live",),
    ),
    ActionSpec(
        "wallet.open", "enter", "screen.open_wallet", "open", "wallet: open",
        "Show the wallet under the cursor: its orders, session, budget and actions.", ("live",),
    ),
    ActionSpec(
        "wallet.sort", "s", "screen.sort", "sort", "wallets: sort by the next column",
        "Sort by the next column that is shown; a click on its title does it too.", ("live",),
    ),
    ActionSpec(
        "wallet.reverse", "S,r", "screen.sort_reverse", "reverse", "wallets: reverse the order",
        "Turn the order of the wallets round.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "log.kind", "t", "screen.log_kind", "log type", "log: show the next kind of actions only",
        "Narrow the log to orders, cancels, fills, skips, sessions or notes.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "log.wallet", "w", "screen.log_wallet", "log wallet", "log: only the wallet under the cursor, or all",
        "Narrow the log to one wallet.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "log.errors", "e", "screen.log_errors", "errors only", "log: errors only, or all",
        "Narrow the log to errors.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "view.copy", "y", "screen.copy", "copy", "copy: the error, or what has the focus",
        "Copy the error that is shown, else the wallet's address or the topmost line of the log.", ("live",),
    ),
    ActionSpec(
        "market.copy", "Y", "screen.copy_market", "copy market", "copy: the order book's address",
        "Copy the address of the market's order book.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "run.copy.journal", "J", "screen.copy_journal", "copy journal path", "copy: the path of the journal",
        "Copy where every action of this run is written.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "view.dismiss", "escape", "screen.put_away", "dismiss", "view: dismiss the error or the filter",
        "Put away the error that is shown; without one, clear the filter.", ("live",), in_bar=False,
    ),
    # one wallet
    ActionSpec(
        "wallet.back", "escape", "screen.back", "back", "wallet: back to the fleet",
        "Leave this wallet.", ("wallet",),
    ),
    ActionSpec(
        "wallet.cancel", "x,delete", "screen.cancel_order", "cancel order", "wallet: cancel the order under the cursor",
        "Take one order off the book; a run that is not paused fills its level again.", ("wallet",), need="pausable",
    ),
    ActionSpec(
        "wallet.park", "p", "screen.park", "pause wallet", "wallet: pause or resume this wallet",
        "A paused wallet gets no new orders; what rests stays. The others go on.", ("wallet",), need="pausable",
    ),
    ActionSpec(
        "wallet.renew", "r", "screen.renew", "renew session", "wallet: renew its session",
        "Make a new session for this wallet and end the old one, also where somebody revoked it.", ("wallet",),
        need="pausable",
    ),
    ActionSpec(
        "wallet.copy.order", "y", "screen.copy_order", "copy order id", "wallet: copy the order's id",
        "Copy the id of the order under the cursor.", ("wallet",),
    ),
    ActionSpec(
        "wallet.copy.address", "a", "screen.copy_address", "copy address", "wallet: copy its address",
        "Copy the wallet's address.", ("wallet",),
    ),
    ActionSpec(
        "wallet.copy.session", "s", "screen.copy_session", "copy session id", "wallet: copy its session's id",
        "Copy the id of the wallet's session.", ("wallet",),
    ),
    ActionSpec(
        "wallet.copy.hash", "t", "screen.copy_hash", "copy tx hash", "wallet: copy its latest transaction's hash",
        "Copy the transaction hash of the wallet's latest action that has one.", ("wallet",), in_bar=False,
    ),
    # parameters of a paused run
    ActionSpec(
        "parameters.use", "f2", "screen.submit", "use these", "parameters: use these from now on",
        "Go on with these parameters once the run is resumed.", ("parameters",),
    ),
    ActionSpec(
        "parameters.plan", "f5", "screen.plan_again", "plan again", "plan: compute it again",
        "Read the book again and plan on it; nothing is sent.", ("parameters",),
    ),
    ActionSpec(
        "parameters.back", "escape", "screen.back", "back", "parameters: leave them as they are",
        "Change nothing.", ("parameters",),
    ),
    ActionSpec(
        "help.close", "escape", "screen.back", "back", "help: close", "Leave the help.", ("help",),
    ),
    # everywhere
    ActionSpec(
        "run.stop", "q", "app.stop", "quit", "run: stop and quit",
        "Wait for what is in flight, save, leave orders resting, and quit.",
        ("starting", "welcome", "markets", "setup", "preparation", "live", "wallet"), in_palette=False,
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
        "app.help", "question_mark,f1", "app.help", "help", "app: help",
        "Every key and what it does.", ("anywhere",),
    ),
    ActionSpec(
        "app.theme", "f9", "app.change_theme", "theme", "app: theme",
        "Choose the colours: dark, light, or the terminal's own.", ("anywhere",), in_bar=False,
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
    "question_mark": "?",
    "delete": "del",
    "f1": "F1",
    "f9": "F9",
    "f2": "F2",
    "f3": "F3",
    "f4": "F4",
    "f5": "F5",
    "f6": "F6",
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
