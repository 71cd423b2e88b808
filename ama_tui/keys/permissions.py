"""Files that hold secrets: read only where nobody else can read, write or replace them.

The rule is ssh's for private keys, and a little stricter:

- A regular file of the user's own (or of root) that grants nothing to group and others.
- A file of root's, when the user is not root, may be readable by a group: so container secrets are handed out
  (`0440`), and ssh takes them too. Nobody but root may write to it, and others may not read it.
- A link is followed where it, and the directory that holds it, and the directory that holds the file at its end
  belong to the user or root and cannot be written by anybody else. In a directory with the sticky bit (`/tmp`,
  a mounted secret volume) others can write but replace nothing of ours, so that one passes.

What was judged is what is read: the open descriptor is looked at again.
"""

from __future__ import annotations

import errno
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ama_tui.domain.errors import WalletsError

ROOT = 0
MOST_LINKS = 40
"""Links in a row after which it is a circle, as the kernel counts."""
_READ, _WRITE = stat.S_IRGRP | stat.S_IROTH, stat.S_IWGRP | stat.S_IWOTH
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """What a file holds, and why its permissions should have kept us from reading it: None when they are right."""

    content: bytes
    problem: WalletsError | None = None

    def __repr__(self) -> str:
        return f"PrivateFile({len(self.content)} bytes, masked)"


def read_private(path: Path, what: str, *, missing: str) -> PrivateFile:
    """The file's content, with the judgement of its permissions, which the caller must heed.

    `what` names the file's purpose in errors ('wallets file'), `missing` says what to do where it is not there.
    Raises WalletsError when it is missing, is no regular file or cannot be read.
    """
    name = f"{what} {path}"
    try:
        _refuse_irregular(path.stat(), name)
        real, connections = _followed(path)
        problem = _problem_of_links(connections, real)
        # O_NONBLOCK: a pipe that took the file's place since must not hold us up.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            _refuse_irregular(found, name)
            return PrivateFile(file.read(), _problem_of_file(found, real if connections else path, what) or problem)
    except FileNotFoundError:
        raise WalletsError(f"{name} not found", missing) from None
    except OSError as error:
        raise WalletsError(f"{name} cannot be read ({error.strerror})", "check its owner and mode") from None


def file_problem(mode: int, owner: int, user: int) -> str | None:
    """What is wrong with a file of this mode and owner for a user, None when it is as it must be."""
    if owner not in (user, ROOT):
        return f"belongs to {_user(owner)}"
    allowed = stat.S_IRGRP if owner == ROOT != user else 0
    granted = mode & (_READ | _WRITE) & ~allowed
    if not granted:
        return None
    verbs = [verb for bits, verb in ((_READ, "read"), (_WRITE, "written")) if granted & bits]
    return f"can be {' and '.join(verbs)} by {_whom(granted)} (mode {stat.S_IMODE(mode):04o})"


def directory_problem(mode: int, owner: int, user: int) -> str | None:
    """What is wrong with a directory that holds a link or what it leads to, None when nobody else can change it."""
    if owner not in (user, ROOT):
        return f"belongs to {_user(owner)}"
    if mode & _WRITE and not mode & stat.S_ISVTX:
        return f"can be written by {_whom(mode & _WRITE)} (mode {stat.S_IMODE(mode):04o})"
    return None


def _refuse_irregular(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise WalletsError(f"{name} is not a regular file ({kind})", "name a regular file")


def _problem_of_file(found: os.stat_result, path: Path, what: str) -> WalletsError | None:
    user = os.geteuid()
    problem = file_problem(found.st_mode, found.st_uid, user)
    if problem is None:
        return None
    return WalletsError(f"{what} {path} {problem}", _mend(path, found.st_uid, "600", "g-w,o-rw"))


def _problem_of_links(connections: list[Path], real: Path) -> WalletsError | None:
    """The first thing on the way to the file that somebody else could change; nothing to look at without a link."""
    return next(_problems_of_links(connections, real), None) if connections else None


def _problems_of_links(connections: list[Path], real: Path) -> Iterator[WalletsError]:
    user = os.geteuid()
    for link in connections:
        owner = link.lstat().st_uid
        if owner not in (user, ROOT):
            yield WalletsError(f"the link {link} belongs to {_user(owner)}", _mend(link, owner, "", ""))
    for directory in dict.fromkeys(entry.parent for entry in (*connections, real)):
        found = directory.stat()
        problem = directory_problem(found.st_mode, found.st_uid, user)
        if problem is not None:
            mend = _mend(directory, found.st_uid, "go-w", "go-w")
            yield WalletsError(f"the directory {directory}, which a link leads through, {problem}", mend)


def _followed(path: Path) -> tuple[Path, list[Path]]:
    """The file's path without any link in it, and the links that were on the way. Raises OSError."""
    connections: list[Path] = []
    absolute = path.absolute()
    at, left = Path(absolute.anchor), list(reversed(absolute.parts[1:]))
    while left:
        part = left.pop()
        if part == "..":
            at = at.parent
            continue
        here = at / part
        if not stat.S_ISLNK(here.lstat().st_mode):
            at = here
            continue
        connections.append(here)
        if len(connections) > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = here.readlink()
        if target.is_absolute():
            at = Path(target.anchor)
        left += [one for one in reversed(target.parts) if one != target.anchor]
    return at, connections


def _whom(bits: int) -> str:
    group, others = bits & stat.S_IRWXG, bits & stat.S_IRWXO
    return "its group and others" if group and others else "its group" if group else "others"


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def _mend(path: Path, owner: int, own_mode: str, roots_mode: str) -> str:
    """The command that mends it: another mode for what is the user's or root's, else another owner."""
    user = os.geteuid()
    name = shlex.quote(str(path))
    if owner == user:
        return f"chmod {own_mode} {name}"
    if owner == ROOT:
        return f"as root: chmod {roots_mode} {name}"
    return f"as root: chown -h {_user(user).removeprefix('user ')} {name}"
