"""Every action of the dashboard, in one table that feeds key bindings, the key bar and the command palette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from textual.binding import Binding, BindingType

Scope = Literal[
    "anywhere",
    "starting",
    "welcome",
    "markets",
    "setup",
    "preparation",
    "overview",
    "live",
    "wallet",
    "parameters",
    "help",
    "kill",
    "stop",
    "quit",
]
"""Where an action is available: on one screen, or anywhere."""

Need = Literal["nothing", "run", "pausable", "paused", "demo", "ended", "unproven", "several"]
"""What an action requires; `ama_tui.ui.states` explains why it is unavailable otherwise."""


class ActionSpec(NamedTuple):
    """One action of the dashboard."""

    id: str
    keys: str
    """Textual's names of its keys, comma-separated; the first is the one to show."""
    action: str
    label: str
    """Short name for the key bar."""
    title: str
    """Name in the palette and the help, written "noun: verb"."""
    tooltip: str
    scopes: tuple[Scope, ...]
    need: Need = "nothing"
    priority: bool = False
    """The keys work even while a field is being edited."""
    in_bar: bool = True
    in_palette: bool = True


SCOPE_NAMES: dict[Scope, str] = {
    "anywhere": "Everywhere",
    "starting": "Start",
    "welcome": "Welcome",
    "markets": "Markets",
    "setup": "Set-up",
    "preparation": "Preparation",
    "overview": "Overview",
    "live": "Live",
    "wallet": "Wallet",
    "parameters": "Parameters",
    "help": "Help",
}
"""Section titles of the help; dialogs have no actions of their own."""

RUN_SCOPES: tuple[Scope, ...] = ("preparation", "live")

# fmt: off
ACTIONS: tuple[ActionSpec, ...] = (
    # set-up
    ActionSpec(
        "demo.start", "d", "app.start_demo", "start the demo", "demo: start",
        "Start a local test venue with funded wallets. No real money.", ("welcome",), need="demo",
    ),
    ActionSpec(
        "venue.retry", "r", "app.retry_open", "try again", "venue: try again",
        "Reload the settings and the wallets file and reconnect.", ("welcome",),
    ),
    ActionSpec(
        "market.pick", "enter", "screen.pick", "pick", "market: pick",
        "Set up a run on the selected market, or on the marked ones.", ("markets",),
    ),
    ActionSpec(
        "market.mark", "space", "screen.mark", "mark", "market: mark or unmark",
        "Mark markets for one run. They share each wallet's collateral.", ("markets",),
    ),
    ActionSpec(
        "market.filter", "slash", "screen.filter", "filter", "market: filter",
        "Show only markets whose symbol, identifier or address contains the text.", ("markets",),
    ),
    ActionSpec(
        "market.clear", "escape", "screen.clear", "clear filter", "market: clear filter",
        "Clear the filter. Press again to return to the list.", ("markets",), in_palette=False,
    ),
    ActionSpec(
        "market.refresh", "f5", "screen.refresh_markets", "refresh", "market: refresh the list",
        "Reload the venue's markets.", ("markets",),
    ),
    ActionSpec(
        "market.sort", "f3", "screen.sort", "sort", "market: sort by the next column",
        "Sort by the next column; after the last column: venue order.", ("markets",),
    ),
    ActionSpec(
        "market.reverse", "f4", "screen.reverse", "reverse", "market: reverse the order",
        "Reverse the sort order.", ("markets",),
    ),
    ActionSpec(
        "setup.start", "f2", "screen.submit", "prepare sessions", "run: prepare sessions and start",
        "Check the parameters, create missing sessions, and start the run.", ("setup",),
    ),
    ActionSpec(
        "setup.back", "escape", "screen.back", "back", "run: back to the markets",
        "Leave the set-up. Nothing has been signed or sent.", ("setup",),
    ),
    ActionSpec(
        "setup.save", "f6", "screen.save_preset", "save preset", "preset: save these parameters",
        "Save the parameters as a named preset.", ("setup",),
    ),
    ActionSpec(
        "setup.plan", "f5", "screen.plan_again", "recalculate", "plan: recalculate",
        "Read the book again and recalculate the plan. Nothing is signed or sent.", ("setup",),
    ),
    ActionSpec(
        "preparation.back", "escape", "screen.give_up", "back", "run: cancel preparation",
        "Cancel preparation. Sessions already created will be reused.", ("preparation",), in_bar=False,
    ),
    ActionSpec(
        "run.markets", "m", "app.markets", "markets", "market: back to the list",
        "Pick a market for another run, once this run has ended.", ("overview", "live"), need="ended",
    ),
    # several markets
    ActionSpec(
        "market.open", "enter", "screen.open_market", "open", "market: open",
        "Show the selected market of the run.", ("overview",),
    ),
    ActionSpec(
        "overview.dismiss", "escape", "screen.dismiss_error", "dismiss", "view: dismiss the error",
        "Dismiss the error.", ("overview",), in_bar=False, in_palette=False,
    ),
    ActionSpec(
        "view.overview", "o", "app.show_overview", "overview", "view: overview",
        "Show all markets of the run.", ("live",), need="several",
    ),
    ActionSpec(
        "market.next", "right_square_bracket", "app.step_market(1)", "next market", "view: next market",
        "Show the next market of the run.", ("overview", "live"), need="several",
    ),
    ActionSpec(
        "market.previous", "left_square_bracket", "app.step_market(-1)", "previous market", "view: previous market",
        "Show the previous market of the run.", ("overview", "live"), need="several", in_bar=False,
    ),
    ActionSpec(
        "market.stop", "x", "app.stop_market", "stop market", "market: stop",
        "Stop this market. Its orders stay on the book, and the other markets continue.", ("live",), need="several",
    ),
    # the live run
    ActionSpec(
        "run.pause", "space", "app.pause", "pause / resume", "run: pause or resume",
        "Place no new orders. Resting orders stay; monitoring continues.", ("overview", "live"), need="pausable",
        in_bar=False,
    ),
    ActionSpec(
        "run.parameters", "p", "screen.parameters", "parameters", "run: change the parameters",
        "Change the parameters of a paused run, with a preview.", ("live",), need="paused",
    ),
    ActionSpec(
        "view.wallets", "1", "screen.focus_wallets", "wallets", "view: wallets", "Go to the wallets.", RUN_SCOPES,
    ),
    ActionSpec(
        "view.book", "2", "screen.focus_book", "book", "view: book", "Go to the order book.", ("live",),
    ),
    ActionSpec(
        "view.log", "3", "screen.focus_log", "activity", "view: activity", "Go to the activity log.", RUN_SCOPES,
    ),
    ActionSpec(
        "view.statistics", "4", "screen.statistics", "statistics", "view: statistics",
        "Show charts and totals. Press again to go back.", ("live",),
    ),
    ActionSpec(
        "view.freeze", "f", "screen.freeze", "freeze", "display: freeze or unfreeze",
        "Freeze the display. The engine keeps running.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "wallet.filter", "slash", "screen.filter", "filter", "wallets: filter",
        "Show only wallets whose name, address, session or note contains the words.", ("live",),
    ),
    ActionSpec(
        "wallet.open", "enter", "screen.open_wallet", "open", "wallet: open",
        "Show the selected wallet: orders, session, budget and activity.", ("live",),
    ),
    ActionSpec(
        "wallet.sort", "s", "screen.sort", "sort", "wallets: sort by the next column",
        "Sort by the next visible column, or click a column title.", ("live",),
    ),
    ActionSpec(
        "wallet.reverse", "S,r", "screen.sort_reverse", "reverse", "wallets: reverse the order",
        "Reverse the sort order.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "log.kind", "t", "screen.log_kind", "log type", "log: filter by type",
        "Filter the log by type (press for the next type).", ("live",), in_bar=False,
    ),
    ActionSpec(
        "log.wallet", "w", "screen.log_wallet", "log wallet", "log: filter by the selected wallet",
        "Show only the selected wallet's activity, or all wallets again.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "log.errors", "e", "screen.log_errors", "errors only", "log: errors only, or everything",
        "Show only errors, or everything again.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "view.copy", "y", "screen.copy", "copy", "copy: the selected item",
        "Copy the selected item: the error shown, the wallet's address or the log line.", ("live",),
    ),
    ActionSpec(
        "market.copy", "Y", "screen.copy_market", "copy market", "copy: the order book's address",
        "Copy the address of the market's order book.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "run.copy.journal", "J", "screen.copy_journal", "copy journal path", "copy: the path of the journal",
        "Copy the path of this run's journal.", ("live",), in_bar=False,
    ),
    ActionSpec(
        "view.dismiss", "escape", "screen.dismiss_or_clear", "dismiss", "view: dismiss the error or clear the filter",
        "Dismiss the error or clear the filter.", ("live",), in_bar=False,
    ),
    # one wallet
    ActionSpec(
        "wallet.back", "escape", "screen.back", "back", "wallet: back to the fleet",
        "Return to the live screen.", ("wallet",),
    ),
    ActionSpec(
        "wallet.cancel", "x,delete", "screen.cancel_order", "cancel order", "wallet: cancel the selected order",
        "Cancel the selected order. Unless the run is paused, its level is filled again.", ("wallet",),
        need="pausable",
    ),
    ActionSpec(
        "wallet.pause", "p", "screen.pause_wallet", "pause wallet", "wallet: pause or resume",
        "Place no new orders for this wallet. Its resting orders stay.", ("wallet",), need="pausable",
    ),
    ActionSpec(
        "wallet.renew", "r", "screen.renew", "renew session", "wallet: renew the session",
        "Create a new session, even after a revocation, and revoke the old one.", ("wallet",), need="pausable",
    ),
    ActionSpec(
        "wallet.copy.order", "y", "screen.copy_order", "copy order id", "copy: the order's id",
        "Copy the selected order's id.", ("wallet",),
    ),
    ActionSpec(
        "wallet.copy.address", "a", "screen.copy_address", "copy address", "copy: the wallet's address",
        "Copy the wallet's address.", ("wallet",),
    ),
    ActionSpec(
        "wallet.copy.session", "s", "screen.copy_session", "copy session id", "copy: the session's id",
        "Copy the id of the wallet's session.", ("wallet",),
    ),
    ActionSpec(
        "wallet.copy.hash", "t", "screen.copy_hash", "copy tx hash", "copy: the latest transaction hash",
        "Copy the hash of the wallet's latest transaction.", ("wallet",), in_bar=False,
    ),
    # parameters of a paused run
    ActionSpec(
        "parameters.use", "f2", "screen.submit", "apply", "parameters: apply",
        "Apply when the run resumes.", ("parameters",),
    ),
    ActionSpec(
        "parameters.plan", "f5", "screen.plan_again", "recalculate", "plan: recalculate",
        "Read the book again and recalculate the plan. Nothing is sent.", ("parameters",),
    ),
    ActionSpec(
        "parameters.back", "escape", "screen.back", "back", "parameters: discard changes",
        "Discard changes.", ("parameters",),
    ),
    ActionSpec(
        "help.close", "escape", "screen.back", "back", "help: close", "Close the help.", ("help",),
    ),
    # everywhere
    ActionSpec(
        "run.stop", "q", "app.stop", "quit", "run: stop and quit",
        "Finish pending requests, save and quit. Asks first while orders rest.",
        ("starting", "welcome", "markets", "setup", "preparation", "overview", "live", "wallet"), in_palette=False,
    ),
    ActionSpec(
        "run.stop.always", "ctrl+q", "app.stop", "quit", "run: stop and quit",
        "Stop and quit (works while typing).", ("anywhere",), priority=True,
    ),
    ActionSpec(
        "run.interrupt", "ctrl+c", "app.interrupt", "stop", "run: stop (twice: exit immediately)",
        "Stop (press twice to exit immediately).", ("anywhere",), priority=True, in_bar=False, in_palette=False,
    ),
    ActionSpec(
        "run.kill", "f10", "app.kill", "KILL", "run: kill",
        "Stop placing, cancel every order on the run's market or markets, and verify on chain.",
        ("anywhere",), need="run", priority=True,
    ),
    ActionSpec(
        "run.copy.cancel", "f8", "app.copy_cancel", "copy cancel-all", "copy: the cancel-all command",
        "After a kill that is not proven: copy the command that cancels from another terminal.",
        ("anywhere",), need="unproven", priority=True,
    ),
    ActionSpec(
        "app.help", "question_mark,f1", "app.help", "help", "app: help",
        "Show every key and what it does.", ("anywhere",),
    ),
    ActionSpec(
        "app.theme", "f9", "app.change_theme", "theme", "app: theme",
        "Choose a colour theme: dark, light, or the terminal's own colours.", ("anywhere",), in_bar=False,
    ),
    ActionSpec(
        "app.palette", "ctrl+p", "app.command_palette", "palette", "app: command palette",
        "Find an action by name.", ("anywhere",), priority=True, in_palette=False,
    ),
)
# fmt: on

BY_ID = {spec.id: spec for spec in ACTIONS}

KEY_NAMES = {
    "space": "␣",
    "enter": "⏎",
    "escape": "esc",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "delete": "del",
    "f1": "F1",
    "f9": "F9",
    "f2": "F2",
    "f3": "F3",
    "f4": "F4",
    "f5": "F5",
    "f6": "F6",
    "f8": "F8",
    "f10": "F10",
    "ctrl+q": "^q",
    "ctrl+c": "^c",
    "ctrl+p": "^p",
}
"""How keys are displayed; keys not listed are shown by their own name."""


def actions_in(scope: Scope) -> tuple[ActionSpec, ...]:
    """The actions of one scope, in the table's order."""
    return tuple(spec for spec in ACTIONS if scope in spec.scopes)


def actions_reachable_from(scope: Scope) -> tuple[ActionSpec, ...]:
    """The actions of one scope and those available anywhere."""
    return tuple(spec for spec in ACTIONS if scope in spec.scopes or "anywhere" in spec.scopes)


def bindings_for(scope: Scope) -> list[BindingType]:
    """Textual's key bindings of a scope."""
    return list(_bindings(actions_in(scope)))


def _bindings(specs: Iterable[ActionSpec]) -> Iterable[Binding]:
    for spec in specs:
        yield Binding(
            spec.keys, spec.action, spec.label, id=spec.id, tooltip=spec.tooltip, priority=spec.priority, show=False
        )
