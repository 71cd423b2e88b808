"""From options to a desk: where the venue and the wallets are, and what was asked of the run."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from ama_tui.cli.options import parameters_given
from ama_tui.domain.errors import ConfigError, PreflightError

if TYPE_CHECKING:
    from ama_tui.engine.host import EngineHost
    from ama_tui.engine.publisher import Publisher
    from ama_tui.engine.run.local_engine import LocalEngine
    from ama_tui.keys.wallet_source import WalletsSource
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
    "session_hours",
    "session_caps",
    "renew_revoked",
    "dry_run",
)
DEFAULT_WALLETS_FILE = Path("wallets.csv")
DEFAULT_VAULT = Path("wallets.vault")
DEFAULT_STATE = Path("state")


def run_options(options: Mapping[str, object]) -> dict[str, object | None]:
    """What the command line says of the run, as `config.run.resolve` takes it; None for what it does not say."""
    given: dict[str, object | None] = {name: options.get(name) for name in RUN_SETTINGS if name in options}
    if given.get("dry_run") is False:
        del given["dry_run"]
    return given | parameters_given(options)


def wallets_source(options: Mapping[str, object]) -> WalletsSource:
    """Where the fleet's keys are, ready to be opened: a password that has to be typed is asked for now.

    Call it before the screen is taken. Says on stderr what --insecure-permissions lets pass. Raises PasswordError
    after a third wrong password, WalletsError for a password file that cannot be used.
    """
    from ama_tui.cli.passwords import with_password
    from ama_tui.keys.wallet_source import permissions_warning

    source = find_wallets(options)
    warning = permissions_warning(source)
    if warning:
        click.echo(f"WARNING: {warning}", err=True)
    return with_password(source)


def find_wallets(options: Mapping[str, object]) -> WalletsSource:
    """Where the fleet's keys are; nothing is looked into, nobody asked."""
    from ama_tui.keys.wallet_source import WalletsSource

    path = _path(options, "csv")
    if path is None:
        path = DEFAULT_VAULT if DEFAULT_VAULT.exists() and not DEFAULT_WALLETS_FILE.exists() else DEFAULT_WALLETS_FILE
    return WalletsSource(
        path, insecure_permissions=bool(options.get("insecure_permissions")), password_file=password_file()
    )


def password_file() -> Path | None:
    """The file that the environment names for a vault's password."""
    from ama_tui.keys.password import FILE_VARIABLE

    name = os.environ.get(FILE_VARIABLE)
    return Path(name) if name else None


def open_host(options: Mapping[str, object], wallets: WalletsSource | None) -> EngineHost:
    """The engine's thread; the engine itself is imported on it, when the desk is first asked for something."""
    from ama_tui.engine.host import EngineHost

    return EngineHost(lambda publisher, freeze: build_desk(options, wallets, publisher, freeze))


def build_desk(
    options: Mapping[str, object], wallets: WalletsSource | None, publisher: Publisher, freeze: threading.Event
) -> LocalEngine:
    """The desk of the venue that the environment names with these wallets; None opens the demo's own of both."""
    from ama_tui.engine.connect import VenueSource
    from ama_tui.engine.run.local_engine import EngineSettings, LocalEngine
    from ama_tui.keys.wallet_source import WalletsSource

    venue = DemoVenue(options) if wallets is None else None

    def find_venue() -> VenueSource:
        if wallets is not None:
            return VenueSource(Path.cwd(), os.environ, wallets, insecure_http=bool(options.get("insecure_http")))
        assert venue is not None  # noqa: S101 - made above
        directory = venue.start()
        return VenueSource(directory, {}, WalletsSource(directory / "wallets.csv"), is_demo=True)

    settings = EngineSettings(
        find_venue,
        _path(options, "state_dir") or (DEFAULT_STATE if venue is None else venue.state_root),
        run_options(options),
        _path(options, "config_file"),
        lose_venue=None if venue is None else venue.stop,
    )
    return LocalEngine(settings, publisher, freeze)


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
        from ama_tui.config.demo_extra import require_demo

        require_demo()
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
