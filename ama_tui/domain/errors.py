"""Every error that ama-tui raises on purpose.

    AmaError                 one line for the operator, and a hint
    ├── ConfigError          exit 2: options, environment, run configuration
    │   ├── WalletsError     the wallets file
    │   │   └── PasswordError    the password of a vault or keystore is missing or wrong
    │   └── ParameterError   a strategy parameter, or parameters that do not fit the market
    ├── StoreError           exit 2: the state directory
    │   ├── CheckpointError  the checkpoint cannot be read or written
    │   ├── JournalError     the journal cannot be read or written
    │   │   ├── JournalFullError     a line did not fit; the next may
    │   │   ├── JournalSyncError     nobody can say what the disk holds
    │   │   └── JournalCorruptError  a line is damaged or missing
    │   └── LockHeldError    another run holds the state directory
    └── VenueError           exit 3: the outside world
        ├── UnreachableError no connection, or no answer in time
        ├── MalformedError   an answer that breaks the wire contract
        ├── RefusedError     an HTTP error answer of the venue's API
        ├── RpcError         a JSON-RPC error answer of the node
        └── PreflightError   the venue answers, but the run cannot start on it

Third-party exceptions are caught where the outside is met and come out as one of these.
"""

from __future__ import annotations


class AmaError(Exception):
    """One line that says what is wrong; `hint` says what to do about it. `exit_code` is the command's."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class ConfigError(AmaError):
    """What the operator asked for is missing, contradictory or out of range."""

    exit_code = 2


class WalletsError(ConfigError):
    """The wallets file cannot be used; every bad row is named with its line number, never with its key."""


class PasswordError(WalletsError):
    """The password of a vault or keystore is wrong, or there is none; the message never holds it."""


class ParameterError(ConfigError):
    """A parameter is out of its range, or does not fit the market."""


class StoreError(AmaError):
    """The state directory cannot be used as it is."""

    exit_code = 2


class CheckpointError(StoreError):
    """The checkpoint cannot be read or written."""


class JournalError(StoreError):
    """The journal cannot be read or written."""


class JournalFullError(JournalError):
    """A line could not be written whole; nothing of it is left in the file, and the next one may succeed."""


class JournalSyncError(JournalError):
    """The disk failed to make lines durable: nothing may be placed on their word until a restart."""


class JournalCorruptError(JournalError):
    """A line is unreadable, changed or missing where no crash could have left it so."""


class LockHeldError(StoreError):
    """Another process holds the state directory or a wallet; `pid` is the holder's, None when it did not say."""

    def __init__(self, message: str, hint: str = "", *, pid: int | None = None) -> None:
        super().__init__(message, hint)
        self.pid = pid


class VenueError(AmaError):
    """The outside world did not do its part."""

    exit_code = 3


class UnreachableError(VenueError):
    """No connection, or no whole answer in time. For an order POST: nobody knows whether it was executed."""


class MalformedError(VenueError):
    """An answer that breaks the wire contract; the message holds the endpoint and the answer's first 200 characters."""


class RefusedError(VenueError):
    """An HTTP error answer of the venue's API.

    `status` is the HTTP status, `code` the body's `error` text, `retry_after` seconds when the venue
    named them, `tx_hash` the transaction that a reverted placement names. `proves_not_sent` is True
    only for the answers that the wire contract says prove that nothing reached the chain. `is_rate_limit`
    is True for a 429 and for an error text that hides one: the sender should slow down.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int,
        code: str,
        retry_after: float | None = None,
        tx_hash: str | None = None,
        proves_not_sent: bool = False,
        is_rate_limit: bool = False,
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.tx_hash = tx_hash
        self.proves_not_sent = proves_not_sent
        self.is_rate_limit = is_rate_limit


class RpcError(VenueError):
    """A JSON-RPC error answer; `code` is the node's, `data` its revert data where it gave any."""

    def __init__(self, message: str, hint: str = "", *, code: int = 0, data: str | None = None) -> None:
        super().__init__(message, hint)
        self.code = code
        self.data = data


class PreflightError(VenueError):
    """The venue answers, but this run cannot start on it."""
