"""Price sources are checked where they are given, and a URL with a key is never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.config.price_sources import price_source, price_source_problem
from ama_tui.config.run import resolve
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.errors import ParameterError
from ama_tui.domain.plan import AnchorSource
from ama_tui.domain.settings import PRICE_SOURCES

GOOD = "https://prices.example/v1/ticker?apikey=5ecretKeyOf1#data.0.last"


def test_source_is_an_address_a_place_and_a_name_without_the_key() -> None:
    found = price_source(GOOD)
    assert (found.url, found.path) == ("https://prices.example/v1/ticker?apikey=5ecretKeyOf1", ("data", "0", "last"))
    assert found.name == "https://prices.example/v1/ticker?…"


@pytest.mark.parametrize("text", [GOOD, "http://127.0.0.1:8000/p#price", "http://localhost/p#a.b"])
def test_https_and_plain_http_on_this_machine_are_accepted(text: str) -> None:
    assert price_source_problem(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://prices.example/p#price", "is plain http on another machine: use https"),
        ("https://prices.example/5ecretKeyOf1Abcdef00", "needs the place of the price after a #"),
        ("https://prices.example/p#", "needs the place of the price after a #"),
        ("https://prices.example/p#a..b", "needs the place of the price after a #"),
        ("ftp://prices.example/p#a", "is not like https://host/path#json.path"),
        ("https://user:5ecret@prices.example/p#a", "is not like https://host/path#json.path"),
        ("price", "is not like https://host/path#json.path"),
    ],
)
def test_other_texts_are_refused_without_repeating_a_key(text: str, said: str) -> None:
    problem = price_source_problem(text) or ""
    assert said in problem
    assert "5ecret" not in problem


def test_sources_come_from_options_or_file_and_are_never_stored(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(f'anchor = "external"\npriceSources = ["{GOOD}", "http://localhost/p#a"]\n')
    run = resolve(RunOptions(), path).run
    assert (run.anchor, run.price_sources) == (AnchorSource.EXTERNAL, (GOOD, "http://localhost/p#a"))
    assert resolve(RunOptions(price_sources=("http://localhost/p#b",)), path).run.price_sources == (
        "http://localhost/p#b",
    )
    assert PRICE_SOURCES.key not in run.stored_settings()
    assert run.stored_settings()["anchor"] == "external"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"anchor": AnchorSource.EXTERNAL}, "--anchor is external, which needs --price-source"),
        ({"price_sources": (GOOD,)}, "--price-source needs --anchor external"),
        (
            {"anchor": AnchorSource.EXTERNAL, "price_sources": (GOOD, "http://prices.example/p#a")},
            "--price-source http://prices.example/p is plain http on another machine: use https",
        ),
    ],
)
def test_what_does_not_fit_together_is_one_clear_line(options: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError) as raised:
        resolve(RunOptions(**options))
    assert raised.value.message == said


def test_resumed_run_with_an_external_anchor_asks_for_its_sources_again() -> None:
    with pytest.raises(ParameterError, match="anchor is external, which needs --price-source"):
        resolve(RunOptions(), None, {"anchor": "external"})
