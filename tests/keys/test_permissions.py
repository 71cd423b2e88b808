"""Who else could read, write or replace a file that holds keys: checked on real files, links and directories."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import WalletsError
from ama_tui.keys import permissions
from ama_tui.keys.permissions import PrivateFile, directory_problem, file_problem, read_private

ME, SOMEBODY, ROOT = 1000, 1001, 0
CONTENT = b"nickname,address,privateKey\n"


def read(path: Path) -> PrivateFile:
    return read_private(path, "wallets file", missing="make one")


def problem_of(path: Path) -> str:
    problem = read(path).problem
    assert problem is not None
    assert "\n" not in str(problem)
    return str(problem)


def refusal_of(path: Path) -> str:
    with pytest.raises(WalletsError) as raised:
        read(path)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.fixture
def wallets(tmp_path: Path) -> Path:
    path = tmp_path / "wallets.csv"
    path.touch(0o600)
    path.write_bytes(CONTENT)
    return path


GiveAway = Callable[[Path], None]


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> GiveAway:
    """Gives a file or link to another user; without the right to, the test acts as another user itself."""

    def give_away(path: Path) -> None:
        if os.geteuid() == ROOT:
            os.chown(path, SOMEBODY, -1, follow_symlinks=False)
        else:
            user = os.geteuid()
            monkeypatch.setattr(os, "geteuid", lambda: user + 1)

    return give_away


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_private_file_is_read(wallets: Path, mode: int) -> None:
    wallets.chmod(mode)
    assert read(wallets) == PrivateFile(CONTENT, None)


@pytest.mark.parametrize(
    ("mode", "wrong"),
    [
        (0o640, "can be read by its group (mode 0640)"),
        (0o644, "can be read by its group and others (mode 0644)"),
        (0o604, "can be read by others (mode 0604)"),
        (0o620, "can be written by its group (mode 0620)"),
        (0o602, "can be written by others (mode 0602)"),
        (0o666, "can be read and written by its group and others (mode 0666)"),
    ],
)
def test_file_accessible_to_others_is_named_with_its_mode_and_the_fix(wallets: Path, mode: int, wrong: str) -> None:
    wallets.chmod(mode)
    problem = problem_of(wallets)
    assert problem == f"wallets file {wallets} {wrong}: chmod 600 {wallets}"
    wallets.chmod(0o600)
    assert read(wallets).problem is None


def test_fix_can_be_pasted_whatever_the_file_is_called(tmp_path: Path) -> None:
    path = tmp_path / "my wallets; rm -rf.csv"
    path.touch(0o644)
    path.chmod(0o644)
    assert problem_of(path).endswith(f"chmod 600 '{path}'")


def test_file_owned_by_another_user_is_refused_whatever_its_mode(wallets: Path, give_away: GiveAway) -> None:
    give_away(wallets)
    problem = problem_of(wallets)
    assert "belongs to user" in problem
    assert ": as root: chown -h " in problem


def test_missing_file_and_dangling_link_are_not_found(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("none.csv")
    for name in ("none.csv", "link.csv"):
        assert refusal_of(tmp_path / name) == f"wallets file {tmp_path / name} not found: make one"


def test_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert refusal_of(tmp_path) == f"wallets file {tmp_path} is not a regular file (a directory): choose a regular file"


def test_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is not a regular file (a pipe)" in refusal_of(tmp_path / "pipe")


def test_device_and_socket_are_refused(tmp_path: Path) -> None:
    assert "is not a regular file (a device)" in refusal_of(Path(os.devnull))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        assert "is not a regular file (a socket)" in refusal_of(tmp_path / "socket")


def test_circular_links_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert "cannot be read (Too many levels of symbolic links)" in refusal_of(tmp_path / "a")


# ---- links ----


@pytest.fixture
def link(wallets: Path) -> Path:
    """A link in one directory to a file in another."""
    directory = wallets.parent / "links"
    directory.mkdir(0o755)
    path = directory / "wallets.csv"
    path.symlink_to("../secret/wallets.csv")
    (wallets.parent / "secret").mkdir(0o755)
    wallets.rename(wallets.parent / "secret" / "wallets.csv")
    return path


def test_link_between_safe_directories_is_followed(link: Path) -> None:
    assert read(link) == PrivateFile(CONTENT, None)


def test_link_to_a_file_readable_by_others_names_the_file(link: Path) -> None:
    target = link.resolve()
    target.chmod(0o644)
    assert problem_of(link).startswith(f"wallets file {target} can be read by")
    assert problem_of(link).endswith(f"chmod 600 {target}")


@pytest.mark.parametrize("of", ["the link", "the target"])
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_directory_writable_by_others_makes_a_link_unsafe(link: Path, of: str, mode: int) -> None:
    directory = link.parent if of == "the link" else link.resolve().parent
    directory.chmod(mode)
    problem = problem_of(link)
    assert problem.startswith(f"the directory {directory} (on the path of a link) can be written by ")
    assert problem.endswith(f"(mode {mode:04o}): chmod go-w {directory}")


def test_directory_writable_by_others_does_not_make_the_file_itself_unsafe(link: Path) -> None:
    target = link.resolve()
    target.parent.chmod(0o777)
    assert read(target).problem is None


def test_sticky_directory_is_safe_since_nobody_can_replace_our_files(link: Path) -> None:
    link.parent.chmod(0o1777)
    link.resolve().parent.chmod(0o1777)
    assert read(link).problem is None


def test_link_owned_by_another_user_is_not_followed(link: Path, give_away: GiveAway) -> None:
    link.parent.chmod(0o1777)
    give_away(link)
    problem = problem_of(link)
    assert "belongs to user" in problem
    assert ": as root: chown -h " in problem


def test_directory_that_is_a_link_counts_too(link: Path) -> None:
    (link.parent / "here").symlink_to(link.resolve().parent)
    assert read(link.parent / "here" / "wallets.csv").problem is None
    link.parent.chmod(0o777)
    assert "(on the path of a link)" in problem_of(link.parent / "here" / "wallets.csv")


def test_secret_mounted_by_a_container_is_read(tmp_path: Path) -> None:
    """Such a volume has a link per file, through a link that is replaced as a whole, in a sticky directory."""
    volume = tmp_path / "secret"
    (volume / "..2026_11_22").mkdir(parents=True)
    (volume / "..data").symlink_to("..2026_11_22")
    (volume / "wallets.csv").symlink_to("..data/wallets.csv")
    (volume / "..2026_11_22" / "wallets.csv").write_bytes(CONTENT)
    (volume / "..2026_11_22" / "wallets.csv").chmod(0o400)
    volume.chmod(0o1777)
    assert read(volume / "wallets.csv") == PrivateFile(CONTENT, None)


# ---- changes between check and read ----


@pytest.fixture
def swapped(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], None]], None]:
    """Runs an action on the file after its path was checked and before it is opened."""
    followed = permissions._followed

    def install(swap: Callable[[Path], None]) -> None:
        def follow(path: Path) -> tuple[Path, list[Path]]:
            found = followed(path)
            swap(path)
            return found

        monkeypatch.setattr(permissions, "_followed", follow)

    return install


def test_pipe_swapped_in_for_the_file_is_refused_without_blocking(
    wallets: Path, swapped: Callable[[Callable[[Path], None]], None]
) -> None:
    def swap(path: Path) -> None:
        path.unlink()
        os.mkfifo(path, 0o600)

    swapped(swap)
    assert "is not a regular file (a pipe)" in refusal_of(wallets)


def test_link_swapped_in_for_the_file_is_not_followed(
    wallets: Path, swapped: Callable[[Callable[[Path], None]], None]
) -> None:
    def swap(path: Path) -> None:
        path.rename(path.with_suffix(".old"))
        path.symlink_to(path.with_suffix(".old"))

    swapped(swap)
    assert "cannot be read (Too many levels of symbolic links)" in refusal_of(wallets)


def test_file_swapped_in_for_the_file_is_judged_itself(
    wallets: Path, swapped: Callable[[Callable[[Path], None]], None]
) -> None:
    def swap(path: Path) -> None:
        other = path.with_suffix(".new")
        other.write_bytes(b"other")
        other.chmod(0o644)
        other.rename(path)

    swapped(swap)
    assert "can be read by" in problem_of(wallets)


# ---- the rule ----


@pytest.mark.parametrize(
    ("mode", "owner", "is_right"),
    [
        (0o600, ME, True),
        (0o400, ROOT, True),
        (0o440, ROOT, True),  # as containers provide it, for a group that only we are in
        (0o640, ROOT, True),
        (0o460, ROOT, False),
        (0o444, ROOT, False),
        (0o440, ME, False),
        (0o600, SOMEBODY, False),
    ],
)
def test_roots_file_may_be_group_readable_for_a_user_who_is_not_root(mode: int, owner: int, is_right: bool) -> None:
    assert (file_problem(mode, owner, ME) is None) == is_right


MODES = st.integers(0, 0o7777)
USERS = st.sampled_from([ROOT, ME, SOMEBODY])


@given(MODES, USERS, USERS)
def test_no_file_accessible_to_or_owned_by_others_ever_passes(mode: int, owner: int, user: int) -> None:
    if file_problem(mode, owner, user) is None:
        assert owner in (user, ROOT)
        assert not mode & (stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH)
        assert not mode & stat.S_IRGRP or (owner == ROOT and user != ROOT)


@given(MODES, USERS, USERS)
def test_no_directory_where_others_can_replace_a_file_ever_passes(mode: int, owner: int, user: int) -> None:
    is_right = owner in (user, ROOT) and (bool(mode & stat.S_ISVTX) or not mode & (stat.S_IWGRP | stat.S_IWOTH))
    assert (directory_problem(mode, owner, user) is None) == is_right


def test_content_stays_out_of_the_repr(wallets: Path) -> None:
    assert "nickname" not in repr(read(wallets))


def test_fix_for_roots_file_is_run_by_root_and_keeps_the_reader_in(
    wallets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallets.chmod(0o444)
    root = os.geteuid()  # the test's user acts as root
    monkeypatch.setattr(permissions, "ROOT", root)
    monkeypatch.setattr(os, "geteuid", lambda: root + 1)
    assert problem_of(wallets).endswith(f"by others (mode 0444): as root: chmod g-w,o-rw {wallets}")
    wallets.chmod(0o440)
    assert read(wallets).problem is None
