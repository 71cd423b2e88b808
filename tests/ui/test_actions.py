"""The table of actions: complete, without key clashes, and every entry has a method."""

from __future__ import annotations

from itertools import combinations

import pytest
from textual.actions import parse

from ama_tui.ui.actions import ACTIONS, BY_ID, actions_in, actions_reachable_from, bindings_for
from ama_tui.ui.app import AmaApp
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.screens.help import HelpScreen, help_lines
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.overview import OverviewScreen
from ama_tui.ui.screens.parameters import ParametersScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.quit import QuitScreen
from ama_tui.ui.screens.setup import SetupScreen
from ama_tui.ui.screens.starting import StartingScreen
from ama_tui.ui.screens.stop import StopScreen
from ama_tui.ui.screens.wallet import WalletScreen
from ama_tui.ui.screens.welcome import WelcomeScreen

SCREENS: tuple[type[AmaScreen[None]], ...] = (
    StartingScreen,
    WelcomeScreen,
    MarketsScreen,
    SetupScreen,
    PreparationScreen,
    OverviewScreen,
    LiveScreen,
    WalletScreen,
    ParametersScreen,
    HelpScreen,
    KillScreen,
    StopScreen,
    QuitScreen,
)
DIALOGS = (KillScreen, StopScreen, QuitScreen)


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)


@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_every_action_has_a_title_and_a_tooltip(spec: object) -> None:
    assert spec.label  # type: ignore[attr-defined]
    assert spec.tooltip.endswith(".")  # type: ignore[attr-defined]
    noun, _, verb = spec.title.partition(": ")  # type: ignore[attr-defined]
    assert noun
    assert verb


def test_every_binding_has_an_id_a_description_and_a_tooltip() -> None:
    for scope in ("anywhere", *(screen.SCOPE for screen in SCREENS)):
        for binding in bindings_for(scope):
            assert binding.id  # type: ignore[union-attr]
            assert binding.description  # type: ignore[union-attr]
            assert binding.tooltip  # type: ignore[union-attr]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_no_key_has_two_meanings_on_one_screen(screen: type[AmaScreen[None]]) -> None:
    for one, other in combinations(actions_reachable_from(screen.SCOPE), 2):
        assert not set(one.keys.split(",")) & set(other.keys.split(","))


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_every_action_of_a_screen_has_a_method(screen: type[AmaScreen[None]]) -> None:
    for spec in actions_reachable_from(screen.SCOPE):
        namespace, name, _ = parse(spec.action)
        owner = {"app": AmaApp, "screen": screen}[namespace]
        assert hasattr(owner, f"action_{name}"), spec.id


def test_keys_useful_in_a_text_field_never_take_priority_over_it() -> None:
    for spec in ACTIONS:
        if spec.priority:
            assert all(len(key) > 1 and key not in {"enter", "escape", "tab", "space"} for key in spec.keys.split(","))


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_help_lists_every_action_of_every_scope(screen: type[AmaScreen[None]]) -> None:
    text = "\n".join(
        "".join(span for field in line for span, _ in field.spans) for line in help_lines(screen.SCOPE, 200)
    )
    for spec in ACTIONS:
        if spec.scopes != ("help",) or screen is HelpScreen:
            assert spec.title in text
            assert spec.tooltip in text
    heads = [line for line in text.splitlines() if line.endswith("  this screen")]
    assert len(heads) == (screen not in DIALOGS)


def test_actions_missing_from_the_palette_have_another_way() -> None:
    left_out = {spec.id for spec in ACTIONS if not spec.in_palette}
    assert left_out == {"market.clear", "overview.dismiss", "run.stop", "run.interrupt", "app.palette"}


def test_every_screen_has_its_own_scope() -> None:
    assert len({screen.SCOPE for screen in SCREENS}) == len(SCREENS)
    assert all(actions_in(screen.SCOPE) or screen in DIALOGS for screen in SCREENS)
