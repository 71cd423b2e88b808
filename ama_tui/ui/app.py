"""The application: opens the engine, leads from screen to screen, and carries out the actions of all screens.

It is the `Host` of its screens; only it and its base `ending_app` import them. At import time it loads only what the
first frame needs; the engine and the other screens load later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from textual import work
from textual.screen import Screen

from ama_tui.ui.base_app import SignalSource
from ama_tui.ui.ending_app import EndingApp
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.screens.starting import StartingScreen

if TYPE_CHECKING:
    from ama_tui.domain.errors import AmaError
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import StartRequest
    from ama_tui.engine.host import EngineHost
    from ama_tui.ui.bridge import Bridge, EngineFacts
    from ama_tui.ui.history import History
    from ama_tui.ui.host import Host


class AmaApp(EndingApp):
    """The dashboard."""

    def __init__(
        self,
        make_host: Callable[[], EngineHost],
        *,
        make_demo_host: Callable[[], EngineHost] | None = None,
        is_demo: bool = False,
        autostart: bool = False,
        cancel_options: str = "",
        clock: Callable[[], float] = time.time,
        signals: SignalSource | None = None,
    ) -> None:
        """`make_host` is called after the first frame, `make_demo_host` when the operator starts the demo.

        With `autostart` a run starts as soon as the venue is open, as the options say. `cancel_options` are those of
        this command line that `ama-tui cancel-all` needs too.
        """
        super().__init__(
            is_demo=is_demo,
            can_start_demo=make_demo_host is not None and not is_demo,
            cancel_options=cancel_options,
            signals=signals,
        )
        self.clock = clock
        self._histories: dict[str, History] = {}
        self._run_screens: dict[str, AmaScreen[None]] = {}
        """The screens of the run's markets by order book, and its overview under ''."""
        self._autostart = autostart
        self._make_host = make_host
        self._make_demo_host = make_demo_host

    # opening

    def get_default_screen(self) -> Screen[Any]:
        return StartingScreen(is_demo=self.is_demo)

    def on_mount(self) -> None:
        self.call_after_refresh(self.open_engine)

    def open_engine(self) -> None:
        """Load the engine on its thread and open it."""
        from ama_tui.ui.bridge import POLL_SECONDS, Bridge

        first = self.bridge is None
        self._histories.clear()
        self.bridge = Bridge(self._make_host(), clock=self.clock)
        self.bridge.start()
        if first:
            self.set_interval(POLL_SECONDS, self._poll)
        self._open()

    @work(group="open", exclusive=True)
    async def _open(self) -> None:
        from ama_tui.domain.errors import AmaError

        assert self.bridge is not None  # noqa: S101 - set by open_engine
        try:
            self.facts = await self.bridge.open()
        except AmaError as error:
            self._show_welcome((error.message,), error.hint, error.exit_code)
            return
        if self.facts.problem_lines:
            self._show_welcome(self.facts.problem_lines, "", 2)
        elif not self.is_leaving:
            self.open_exit_code = 0
            if self._autostart:
                await self._start_automatically(self.facts)
            else:
                self._show_markets(self.facts)

    def _show_markets(self, facts: EngineFacts, *, opens_preselected: bool = True) -> None:
        from ama_tui.ui.screens.markets import MarketsScreen

        self.push_screen(MarketsScreen(facts, opens_preselected=opens_preselected))

    async def _start_automatically(self, facts: EngineFacts) -> None:
        """Start on the market that the options name (in the demo: or the first), resuming a stored run.

        When the operator has to decide something, show the market list instead.
        """
        from ama_tui.domain.errors import AmaError
        from ama_tui.ui.autostart import first_requests

        assert self.bridge is not None  # noqa: S101 - set by open_engine
        try:
            requests = await first_requests(self.bridge, facts)
        except AmaError as error:
            if not self.is_leaving:
                self._show_markets(facts, opens_preselected=False)
                self.toast(str(error), is_error=True)
            return
        if not self.is_leaving:
            self.begin(*requests)

    def action_markets(self) -> None:
        """Go back to the market list once a run has ended."""
        from ama_tui.ui.screens.markets import MarketsScreen

        if self.facts is None or self.refused("run.markets"):
            return
        self._forget_run_screens()
        while len(self.screen_stack) > 1 and not isinstance(self.screen, MarketsScreen):
            self.pop_screen()
        if not isinstance(self.screen, MarketsScreen):
            self._show_markets(self.facts, opens_preselected=False)

    def _show_welcome(self, problems: tuple[str, ...], hint: str, exit_code: int) -> None:
        from ama_tui.ui.screens.welcome import WelcomeScreen

        if not self.is_leaving:
            self.open_exit_code = exit_code
            self.push_screen(WelcomeScreen(problems, hint, offers_demo=self.can_start_demo))

    def _poll(self) -> None:
        if self.bridge is None:
            return
        self._note_history(self.bridge)
        if self.bridge.poll() is None:
            return
        self.refresh_bindings()
        self.show_kills()

    # actions

    def action_start_demo(self) -> None:
        """Close the configured venue and open the local test venue."""
        if not self.refused("demo.start") and self._make_demo_host is not None:
            self._make_host, self.can_start_demo, self.is_demo = self._make_demo_host, False, True
            self._open_again()

    def action_retry_open(self) -> None:
        """Reload the settings and connect again."""
        self._open_again()

    def _open_again(self) -> None:
        if self.bridge is not None:
            self.run_worker(self.bridge.close, group="close")  # type: ignore[arg-type]  # the stub allows no default arguments
        while len(self.screen_stack) > 1:
            self.pop_screen()
        starting = self.screen
        if isinstance(starting, StartingScreen):
            starting.show_starting(is_demo=self.is_demo)
        self.open_engine()

    async def action_pause(self) -> None:
        """Pause or resume the run."""
        if self.refused("run.pause") or self.bridge is None:
            return
        from ama_tui.domain.errors import AmaError
        from ama_tui.domain.event import EngineState

        market = None if self.shows_overview else self.bridge.market
        shown = self.bridge.snapshots if self.shows_overview else (self.bridge.snapshot,)
        try:
            if any(snapshot.state is EngineState.RUNNING for snapshot in shown):
                await self.bridge.ask(lambda engine: engine.pause(market))
            else:
                await self.bridge.ask(lambda engine: engine.resume(market))
        except AmaError as error:
            self.report_error(error)
        self._poll()

    def action_help(self) -> None:
        """Open or close the help."""
        from ama_tui.ui.screens.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.screen.action_back()
        elif isinstance(self.screen, AmaScreen):
            self.push_screen(HelpScreen(self.screen.SCOPE))

    # the way through the screens

    def open_setup(self, markets: Sequence[Market], done: Sequence[StartRequest] = ()) -> None:
        """Set up a run on these markets, one after the other; `done` are the requests for those set up before."""
        from ama_tui.ui.screens.setup import SetupScreen

        if self.facts is not None:
            self.push_screen(SetupScreen(markets[len(done)], self.facts, markets=markets, done=done))

    def ask_preset_name(
        self, existing: Collection[str], suggested: str, directory: str, on_answer: Callable[[str | None], None]
    ) -> None:
        """Ask for the name of a new preset; the answer is None when the operator cancels."""
        from ama_tui.ui.screens.preset import SavePresetScreen

        self.push_screen(SavePresetScreen(existing, suggested, directory), on_answer)

    def open_wallet(self, market: Market, address: str) -> None:
        """Show one wallet (`address` in lower case)."""
        from ama_tui.ui.screens.wallet import WalletScreen

        self.push_screen(WalletScreen(market, address))

    def open_parameters(self, market: Market) -> None:
        """Edit the parameters of the paused run."""
        from ama_tui.ui.screens.parameters import ParametersScreen

        if not self.refused("run.parameters") and self.bridge is not None:
            self.push_screen(ParametersScreen(market, self.bridge.snapshot))

    def begin(self, *requests: StartRequest) -> None:
        """Show the preparation of a run on one or more markets, which starts it."""
        from ama_tui.ui.screens.preparation import PreparationScreen

        self._forget_run_screens()
        self.market, self.shows_overview = requests[0].market, False
        self.kills.new_run()
        self.push_screen(PreparationScreen(requests))

    def started(self) -> None:
        """The run is running: replace its preparation with the live screen, or with the overview of its markets."""
        from ama_tui.ui.screens.live import LiveScreen

        if self.market is None or self.bridge is None or self.is_leaving:
            return
        if self.bridge.has_several:
            self.action_show_overview()
        else:
            self.switch_screen(LiveScreen(self.market))

    # several markets

    def action_show_overview(self) -> None:
        """Show all markets of the run."""
        from ama_tui.ui.screens.overview import OverviewScreen

        if not self.refused("view.overview"):
            self.shows_overview = True
            self._switch_run_screen("", OverviewScreen)

    def action_show_market(self, address: str) -> None:
        """Show one market of the run, by its order book's address."""
        from ama_tui.ui.screens.live import LiveScreen

        bridge = self.bridge
        market = None if bridge is None else bridge.snapshot_of(address).market
        if bridge is None or market is None or self.refused("market.next"):
            return
        bridge.select(address)
        self.market, self.shows_overview = market, False
        self._switch_run_screen(address, lambda: LiveScreen(market))

    def action_step_market(self, step: int) -> None:
        """Show the next or previous market; from the last one the overview."""
        if self.bridge is None or self.refused("market.next"):
            return
        places = ["", *(one.market.address for one in self.bridge.snapshots if one.market is not None)]
        here = "" if self.shows_overview or self.market is None else self.market.address
        place = places[(places.index(here) + step) % len(places)] if here in places else ""
        if place:
            self.action_show_market(place)
        else:
            self.action_show_overview()

    def action_stop_market(self) -> None:
        """Ask whether to stop the market that is shown."""
        from ama_tui.ui.screens.stop_market import StopMarketScreen

        if self.market is not None and not self.refused("market.stop") and not self.refused("run.pause"):
            self.push_screen(StopMarketScreen(self.market))

    def _switch_run_screen(self, key: str, make: Callable[[], AmaScreen[None]]) -> None:
        """Replace the screen with one of the run's, which keeps its view, filter and log when it is left."""
        name = f"run {key}"
        if key not in self._run_screens:
            self._run_screens[key] = screen = make()
            self.install_screen(screen, name)
        if self.screen is not self._run_screens[key]:
            self.switch_screen(name)
        self.refresh_bindings()

    def _forget_run_screens(self) -> None:
        """Close the screens of the run before."""
        for key, screen in self._run_screens.items():
            self.uninstall_screen(f"run {key}")
            if screen not in self.screen_stack and screen.is_running:
                screen.remove()
        self._run_screens.clear()
        self.shows_overview = False

    @property
    def history(self) -> History | None:
        """What the charts of the selected market show; None before anything was noted."""
        market = None if self.bridge is None else self.bridge.market
        return self._histories.get(market or "")

    @history.setter
    def history(self, history: History) -> None:
        self._histories[""] = history

    def _note_history(self, bridge: Bridge) -> None:
        from ama_tui.ui.history import History

        for snapshot in bridge.snapshots:
            key = snapshot.market.address if bridge.has_several and snapshot.market is not None else ""
            if key not in self._histories:
                self._histories[key] = History()
            self._histories[key].note(snapshot, self.clock())

    def start_failed(self, requests: Sequence[StartRequest], error: AmaError) -> None:
        """The run did not start: go back to its set-up and show why."""
        from ama_tui.ui.screens.setup import SetupScreen

        if self.is_leaving or self.facts is None:
            return
        self.pop_screen()
        if isinstance(self.screen, SetupScreen):
            self.screen.start_failed(error)
        else:
            self._show_markets(self.facts, opens_preselected=False)
            markets = [request.market for request in requests]
            for position, request in enumerate(requests):
                done = requests[:position]
                self.push_screen(
                    SetupScreen(request.market, self.facts, markets=markets, done=done, failed=(request, error))
                )


if TYPE_CHECKING:
    _AS_HOST: Callable[[AmaApp], Host] = lambda app: app  # noqa: E731 - checks that the application is a Host
