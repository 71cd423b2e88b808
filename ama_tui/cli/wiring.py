"""From options to a desk: where the venue and the wallets are, and what was asked of the run."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ama_tui.cli.options import parameters_given
from ama_tui.domain.errors import ConfigError, PreflightError

if TYPE_CHECKING:
    from ama_tui.engine.host import EngineHost
    from ama_tui.engine.publisher import Publisher
    from ama_tui.engine.service import VenueDesk
    from ama_tui.localnet.process import VenueProcess

RUN_SETTINGS = (
    "wallets",
    "market",
    "resume",
    "strategy",
    "rules",
    "collateral",
    "cancel_on_stop",
    "settle_after",
    "dry_run",
)
DEFAULT_WALLETS_FILE = Path("wallets.csv")
DEFAULT_STATE = Path("state")


def run_options(options: Mapping[str, object]) -> dict[str, object | None]:
    """What the command line says of the run, as `config.run.resolve` takes it; None for what it does not say."""
    given: dict[str, object | None] = {name: options.get(name) for name in RUN_SETTINGS if name in options}
    if given.get("dry_run") is False:
        del given["dry_run"]
    return given | parameters_given(options)


def open_host(options: Mapping[str, object], *, demo: bool = False) -> EngineHost:
    """The engine's thread; the engine itself is imported on it, when the desk is first asked for something."""
    from ama_tui.engine.host import EngineHost

    return EngineHost(lambda publisher, freeze: build_desk(options, publisher, freeze, demo=demo))


def build_desk(
    options: Mapping[str, object], publisher: Publisher, freeze: threading.Event, *, demo: bool = False
) -> VenueDesk:
    """The desk of the venue that the environment names, or of the demo's own."""
    from ama_tui.engine.service import DeskSettings, VenueDesk, VenueSource

    venue = DemoVenue(options) if demo else None

    def find_venue() -> VenueSource:
        if venue is not None:
            directory = venue.start()
            return VenueSource(directory, {}, directory / "wallets.csv", is_demo=True)
        return VenueSource(Path.cwd(), os.environ, _path(options, "csv") or DEFAULT_WALLETS_FILE)

    settings = DeskSettings(
        find_venue,
        _path(options, "state_dir") or (DEFAULT_STATE if venue is None else venue.state_root),
        run_options(options),
        _path(options, "config_file"),
        lose_venue=None if venue is None else venue.stop,
    )
    return VenueDesk(settings, publisher, freeze)


def _path(options: Mapping[str, object], name: str) -> Path | None:
    value = options.get(name)
    return value if isinstance(value, Path) else None


class DemoVenue:
    """The demo's venue: a child process, and a private directory for what its client needs.

    Its chain dies with it, so its runs are remembered beside it and not in the operator's state directory,
    unless `--state-dir` names one.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        self._options = options
        self._directory = TemporaryDirectory(prefix="ama-demo-")
        self._process: VenueProcess | None = None

    @property
    def state_root(self) -> Path:
        """Where the demo's runs are remembered when no `--state-dir` is named."""
        return Path(self._directory.name) / "state"

    def start(self) -> Path:
        """Start the venue if it is not running; returns the directory with its `.env` and `wallets.csv`."""
        from ama_tui.localnet.faults.mix import chaos
        from ama_tui.localnet.options import VenueOptions
        from ama_tui.localnet.process import VenueProcess, VenueStartError

        directory = Path(self._directory.name)
        if self._process is not None and self._process.is_running:
            return directory
        wallets = self._options.get("wallets")
        if isinstance(wallets, int) and wallets < 1:
            raise ConfigError("--wallets must be at least 1", "it is the size of the demo's fleet")
        seed = int(str(self._options.get("seed", 1)))
        settle_after = float(str(self._options.get("settle_after") or 60.0))
        is_anvil = self._options.get("node") == "anvil"
        faults = chaos(seed, settle_after=settle_after, own_node=not is_anvil) if self._options.get("chaos") else None
        try:
            self._process = VenueProcess.spawn(
                VenueOptions(
                    wallets=wallets if isinstance(wallets, int) else 10,
                    block_time=float(str(self._options.get("block_time", 1.0))),
                    seed=seed,
                    node="anvil" if is_anvil else "embedded",
                    faults=faults,
                ),
                write_dir=directory,
                log_path=directory / "venue.log",
            )
        except VenueStartError as error:
            raise PreflightError(f"the demo's venue did not start: {error}", "try --node embedded") from None
        return directory

    def stop(self) -> None:
        """End the venue and remove its directory."""
        if self._process is not None:
            self._process.stop()
        self._directory.cleanup()
