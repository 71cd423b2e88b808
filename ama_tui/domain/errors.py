"""Every error that ama-tui raises on purpose.

    AmaError                 a one-line message for the operator, and a hint
    ├── ConfigError          exit 2: options, environment, run configuration
    │   ├── WalletsError     the wallets file
    │   │   └── PasswordError    a vault or keystore password is missing or wrong
    │   └── ParameterError   a strategy parameter, or parameters that do not fit the market
    ├── StoreError           exit 2: the state directory
    │   ├── CheckpointError  the checkpoint cannot be read or written
    │   ├── JournalError     the journal cannot be read or written
    │   │   ├── JournalFullError     a line did not fit; the next one may
    │   │   ├── JournalSyncError     what the disk holds is unknown
    │   │   └── JournalCorruptError  a line is damaged or missing
    │   └── LockHeldError    another run holds the state directory
    └── VenueError           exit 3: the outside world
        ├── UnreachableError no connection, or no response in time
        │   └── NodeBehindError  an answer from before a block that the node has shown
        ├── MalformedError   a response that breaks the wire contract
        ├── RefusedError     an HTTP error response from the venue's API
        ├── RpcError         a JSON-RPC error from the node
        ├── RateLimitError   the host limits requests: a wait, not a failure
        └── PreflightError   the venue responds, but the run cannot start

Third-party exceptions are caught at the boundary and raised again as one of these.
"""

from __future__ import annotations


class AmaError(Exception):
    """Any error with a message for the operator."""

    exit_code = 1
    """The exit code of a command that ends with this error."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        """What is wrong, in one line."""
        self.hint = hint
        """What to do about it, or empty."""

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class ConfigError(AmaError):
    """A setting is missing, contradictory or out of range."""

    exit_code = 2


class WalletsError(ConfigError):
    """The wallets file cannot be used. Bad rows are named by line number, never by key."""


class PasswordError(WalletsError):
    """A vault or keystore password is wrong or missing. The message never contains the password."""


class ParameterError(ConfigError):
    """A parameter is out of its range, or does not fit the market."""


class StoreError(AmaError):
    """The state directory cannot be used."""

    exit_code = 2


class CheckpointError(StoreError):
    """The checkpoint cannot be read or written."""


class JournalError(StoreError):
    """The journal cannot be read or written."""


class JournalFullError(JournalError):
    """A line could not be written completely. Nothing of it is left in the file, and the next one may succeed."""


class JournalSyncError(JournalError):
    """The disk failed to make lines durable. No order may rely on them until a restart."""


class JournalCorruptError(JournalError):
    """A line is unreadable, changed or missing in a way no crash can cause."""


class LockHeldError(StoreError):
    """Another process holds the state directory or a wallet."""

    def __init__(self, message: str, hint: str = "", *, pid: int | None = None) -> None:
        super().__init__(message, hint)
        self.pid = pid
        """The process that holds the lock; None if unknown."""


class VenueError(AmaError):
    """The venue or the node failed."""

    exit_code = 3

    retry_after: float | None = None
    """Seconds to wait, if the host named them."""
    is_rate_limit: bool = False
    """The host limits requests. The sender should slow down."""


class UnreachableError(VenueError):
    """No connection, or no complete response in time. An order sent this way may or may not have been executed."""


class NodeBehindError(UnreachableError):
    """The node answered from before a block that it has shown: it lags, or several nodes are behind one URL."""


class MalformedError(VenueError):
    """A response that breaks the wire contract. The message quotes its first 200 characters."""


class RefusedError(VenueError):
    """An HTTP error response from the venue's API."""

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
        """The HTTP status."""
        self.code = code
        """The `error` text of the body."""
        self.retry_after = retry_after
        self.tx_hash = tx_hash
        """The transaction of a placement that reverted."""
        self.proves_not_sent = proves_not_sent
        """The wire contract guarantees that nothing reached the chain."""
        self.is_rate_limit = is_rate_limit


class RpcError(VenueError):
    """A JSON-RPC error from the node."""

    def __init__(self, message: str, hint: str = "", *, code: int = 0, data: str | None = None) -> None:
        super().__init__(message, hint)
        self.code = code
        """The node's error code, 0 if it gave none."""
        self.data = data
        """Revert data as hexadecimal with 0x, if the node gave any."""


class RateLimitError(VenueError):
    """A read was refused, or not even sent, because the host limits requests."""

    is_rate_limit = True

    def __init__(self, message: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class PreflightError(VenueError):
    """The venue responds, but this run cannot start."""
