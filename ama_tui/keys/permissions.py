"""Read files that contain secrets only if nobody else can read, write or replace them.

The rules are ssh's for private keys, slightly stricter:

- A regular file owned by the user or root, with no permissions for group and others.
- A file owned by root may be readable by its group (`0440`, usual for container secrets) if the user is not root.
  Only root may be able to write it, and others must not be able to read it.
- A symbolic link is followed if the link, its directory and the target's directory belong to the user or root and
  nobody else can write to these directories. Directories with the sticky bit (`/tmp`, mounted secret volumes) are
  allowed: others can add files there, but not replace ours.

The checks run on the open file descriptor, so the file checked is the file read.
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
MAX_LINKS = 40
"""Links to follow before assuming a loop. The kernel's limit."""

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
    """The content of a file, and whether its permissions are safe."""

    content: bytes
    problem: WalletsError | None = None
    """Why the permissions are unsafe, or None if they are safe."""

    def __repr__(self) -> str:
        return f"PrivateFile({len(self.content)} bytes, masked)"


def read_private(path: Path, what: str, *, missing: str) -> PrivateFile:
    """Read a file and check its permissions. The caller must handle the result's `problem`.

    `what` names the kind of file in errors ('wallets file'), `missing` is the hint if it does not exist.
    Raises WalletsError if it does not exist, is not a regular file or cannot be read.
    """
    name = f"{what} {path}"
    try:
        _refuse_irregular(path.stat(), name)
        real, links = _followed(path)
        problem = _link_problem(links, real)
        # O_NONBLOCK: do not block if the file was replaced by a pipe in the meantime.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            stats = os.fstat(descriptor)
            _refuse_irregular(stats, name)
            return PrivateFile(file.read(), _file_problem(stats, real if links else path, what) or problem)
    except FileNotFoundError:
        raise WalletsError(f"{name} not found", missing) from None
    except OSError as error:
        raise WalletsError(f"{name} cannot be read ({error.strerror})", "check its owner and permissions") from None


def file_problem(mode: int, owner: int, user: int) -> str | None:
    """Return why this mode and owner are unsafe for a user's file, or None if they are safe."""
    if owner not in (user, ROOT):
        return f"belongs to {_user(owner)}"
    allowed = stat.S_IRGRP if owner == ROOT != user else 0
    granted = mode & (_READ | _WRITE) & ~allowed
    if not granted:
        return None
    verbs = [verb for bits, verb in ((_READ, "read"), (_WRITE, "written")) if granted & bits]
    return f"can be {' and '.join(verbs)} by {_whom(granted)} (mode {stat.S_IMODE(mode):04o})"


def directory_problem(mode: int, owner: int, user: int) -> str | None:
    """Return why a directory with a link or its target is unsafe, or None if nobody else can change it."""
    if owner not in (user, ROOT):
        return f"belongs to {_user(owner)}"
    if mode & _WRITE and not mode & stat.S_ISVTX:
        return f"can be written by {_whom(mode & _WRITE)} (mode {stat.S_IMODE(mode):04o})"
    return None


def _refuse_irregular(stats: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(stats.st_mode):
        kind = _KINDS.get(stat.S_IFMT(stats.st_mode), "unknown type")
        raise WalletsError(f"{name} is not a regular file ({kind})", "choose a regular file")


def _file_problem(stats: os.stat_result, path: Path, what: str) -> WalletsError | None:
    user = os.geteuid()
    problem = file_problem(stats.st_mode, stats.st_uid, user)
    if problem is None:
        return None
    return WalletsError(f"{what} {path} {problem}", _fix(path, stats.st_uid, "600", "g-w,o-rw"))


def _link_problem(links: list[Path], real: Path) -> WalletsError | None:
    """The first link or directory on the path that somebody else could change, or None. Checked only for links."""
    return next(_link_problems(links, real), None) if links else None


def _link_problems(links: list[Path], real: Path) -> Iterator[WalletsError]:
    user = os.geteuid()
    for link in links:
        owner = link.lstat().st_uid
        if owner not in (user, ROOT):
            yield WalletsError(f"the link {link} belongs to {_user(owner)}", _fix(link, owner, "", ""))
    for directory in dict.fromkeys(entry.parent for entry in (*links, real)):
        stats = directory.stat()
        problem = directory_problem(stats.st_mode, stats.st_uid, user)
        if problem is not None:
            fix = _fix(directory, stats.st_uid, "go-w", "go-w")
            yield WalletsError(f"the directory {directory} (on the path of a link) {problem}", fix)


def _followed(path: Path) -> tuple[Path, list[Path]]:
    """Resolve all links of a path. Returns the real path and the links followed. Raises OSError."""
    links: list[Path] = []
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
        links.append(here)
        if len(links) > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = here.readlink()
        if target.is_absolute():
            at = Path(target.anchor)
        left += [name for name in reversed(target.parts) if name != target.anchor]
    return at, links


def _whom(bits: int) -> str:
    group, others = bits & stat.S_IRWXG, bits & stat.S_IRWXO
    return "its group and others" if group and others else "its group" if group else "others"


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def _fix(path: Path, owner: int, own_mode: str, roots_mode: str) -> str:
    """The shell command that fixes it: a new mode for files of the user or root, else a new owner."""
    user = os.geteuid()
    name = shlex.quote(str(path))
    if owner == user:
        return f"chmod {own_mode} {name}"
    if owner == ROOT:
        return f"as root: chmod {roots_mode} {name}"
    return f"as root: chown -h {_user(user).removeprefix('user ')} {name}"
