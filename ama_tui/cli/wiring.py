"""Build the engine from command-line options: venue, wallets and run settings."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from ama_tui.cli.arguments import Arguments
from ama_tui.domain.errors import PreflightError
from ama_tui.domain.settings import SETTLE_AFTER, WALLETS

if TYPE_CHECKING:
    from ama_tui.engine.freeze import Freeze
    from ama_tui.engine.host import EngineHost
    from ama_tui.engine.publisher import Publisher
    from ama_tui.engine.run.local_engine import LocalEngine
    from ama_tui.keys.wallet_source import WalletsSource
    from ama_tui.localnet.process import VenueProcess

DEFAULT_WALLETS_FILE = Path("wallets.csv")
DEFAULT_VAULT = Path("wallets.vault")
DEFAULT_STATE = Path("state")


def wallets_source(arguments: Arguments) -> WalletsSource:
    """Locate the wallets file and prompt for its password if needed.

    Call it before the dashboard takes the screen. Warns on stderr about unsafe permissions that were accepted.
    Raises PasswordError after three wrong passwords, WalletsError if the password file cannot be used.
    """
    from ama_tui.cli.passwords import with_password
    from ama_tui.keys.wallet_source import permissions_warning

    source = find_wallets(arguments)
    warning = permissions_warning(source)
    if warning:
        click.echo(f"WARNING: {warning}", err=True)
    return with_password(source)


def find_wallets(arguments: Arguments) -> WalletsSource:
    """Locate the wallets file. Reads nothing and does not prompt."""
    from ama_tui.keys.wallet_source import WalletsSource

    path = arguments.csv
    if path is None:
        path = DEFAULT_VAULT if DEFAULT_VAULT.exists() and not DEFAULT_WALLETS_FILE.exists() else DEFAULT_WALLETS_FILE
    return WalletsSource(path, insecure_permissions=arguments.insecure_permissions, password_file=password_file())


def password_file() -> Path | None:
    """The password file set in the environment, or None."""
    from ama_tui.keys.password import FILE_VARIABLE

    name = os.environ.get(FILE_VARIABLE)
    return Path(name) if name else None


def open_host(arguments: Arguments, wallets: WalletsSource | None) -> EngineHost:
    """Start the engine's thread. The engine is imported there on first use."""
    from ama_tui.engine.host import EngineHost

    return EngineHost(lambda publisher, freeze: build_engine(arguments, wallets, publisher, freeze))


def build_engine(
    arguments: Arguments, wallets: WalletsSource | None, publisher: Publisher, freeze: Freeze
) -> LocalEngine:
    """Build the engine for the configured venue and these wallets. None starts the demo's venue and wallets."""
    from ama_tui.engine.connect import VenueSource
    from ama_tui.engine.run.local_engine import EngineSettings, LocalEngine
    from ama_tui.keys.wallet_source import WalletsSource

    venue = DemoVenue(arguments) if wallets is None else None

    def find_venue() -> VenueSource:
        if wallets is not None:
            return VenueSource(Path.cwd(), os.environ, wallets, insecure_http=arguments.insecure_http)
        assert venue is not None  # noqa: S101 - made above
        directory = venue.start()
        return VenueSource(directory, {}, WalletsSource(directory / "wallets.csv"), is_demo=True)

    settings = EngineSettings(
        find_venue,
        arguments.state_dir or (DEFAULT_STATE if venue is None else venue.state_root),
        arguments.run,
        arguments.config_file,
        stop_venue=None if venue is None else venue.stop,
    )
    return LocalEngine(settings, publisher, freeze)


class DemoVenue:
    """The demo's venue: a child process and a temporary directory with its client files.

    Its chain ends with it, so its runs are saved in that directory, not in the operator's state directory, unless
    `--state-dir` is given.
    """

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._directory = TemporaryDirectory(prefix="ama-demo-")
        self._process: VenueProcess | None = None
        self._is_changing = threading.Lock()
        """Held while the process starts or stops, which happens on different threads."""
        self._is_stopped = False

    @property
    def state_root(self) -> Path:
        """Directory for the demo's saved runs, without `--state-dir`."""
        return Path(self._directory.name) / "state"

    def start(self) -> Path:
        """Start the venue unless it is running. Returns the directory with its `.env` and `wallets.csv`."""
        from ama_tui.config.demo_extra import require_demo

        require_demo()
        directory = Path(self._directory.name)
        with self._is_changing:
            if self._is_stopped:
                raise PreflightError("the demo was stopped")
            if self._process is None or not self._process.is_running:
                self._process = self._spawn(directory)
        return directory

    def _spawn(self, directory: Path) -> VenueProcess:
        from ama_tui.localnet.faults.mix import chaos
        from ama_tui.localnet.options import VenueOptions
        from ama_tui.localnet.process import VenueProcess, VenueStartError

        arguments, wallets = self._arguments, self._arguments.run.wallets
        is_anvil = arguments.node == "anvil"
        settle_after = arguments.run.settle_after_s or SETTLE_AFTER.default
        faults = chaos(arguments.seed, settle_after=settle_after, own_node=not is_anvil) if arguments.chaos else None
        try:
            return VenueProcess.spawn(
                VenueOptions(
                    wallets=WALLETS.default if wallets is None else wallets,
                    block_time=arguments.block_time,
                    seed=arguments.seed,
                    node="anvil" if is_anvil else "embedded",
                    faults=faults,
                ),
                write_dir=directory,
                log_path=directory / "venue.log",
            )
        except VenueStartError as error:
            raise PreflightError(f"the demo's venue failed to start: {error}", "try --node embedded") from None

    def stop(self) -> None:
        """Stop the venue, once it has started, and remove its directory."""
        with self._is_changing:
            self._is_stopped = True
            if self._process is not None:
                self._process.stop()
            self._directory.cleanup()
