"""A wallet's state changes only through its owner's methods: nobody else assigns to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from ama_tui.engine.pending_orders import PendingOrders, PendingPlacement
from ama_tui.engine.session_slot import SessionSlot
from ama_tui.engine.wallet_book import WalletBook

PACKAGE = Path(__file__).parents[2] / "ama_tui"

OWNERS: dict[str, tuple[type, ...]] = {
    "engine/wallet_book.py": (WalletBook,),
    "engine/session_slot.py": (SessionSlot,),
    "engine/pending_orders.py": (PendingOrders, PendingPlacement),
}
"""The file that may change each class's fields."""

OF_OTHER_CLASSES = {
    "engine/reconciliation/report.py": "result.lapsed",
    "engine/run/cycle.py": "context.read",
    "engine/sessions/creation.py": "pending.intent_id",
    "engine/sessions/revocation.py": "target.tx_hash",
}
"""Fields of other classes that share a name with an owned one."""

MUTATORS = {"append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update", "add", "discard"}

FIELDS = {field.name for owners in OWNERS.values() for owner in owners for field in fields(owner)}
CONTAINERS = {
    field.name
    for owners in OWNERS.values()
    for owner in owners
    for field in fields(owner)
    if str(field.type).startswith(("dict[", "list["))
}


def _owned_field(node: ast.expr) -> str | None:
    """An attribute of another object that is named like an owned field, such as `book.read_error`; else None."""
    if not isinstance(node, ast.Attribute) or node.attr not in FIELDS:
        return None
    is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
    return None if is_own else ast.unparse(node)


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    """What a statement assigns to or deletes: tuples unpacked, subscripts without their index."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = list(node.targets)
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    while targets:
        target = targets.pop()
        if isinstance(target, ast.Tuple | ast.List):
            targets += target.elts
        elif isinstance(target, ast.Subscript):
            yield target.value
        else:
            yield target


def changes_in(source: str) -> list[str]:
    """The assignments to, and the mutating calls on, owned fields in a source."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for target in _targets(node):
            text = _owned_field(target)
            if text is not None:
                found.append(f"{node.lineno}: {text}" if isinstance(node, ast.stmt) else text)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            container = node.func.value
            if isinstance(container, ast.Attribute) and container.attr in CONTAINERS:
                text = _owned_field(container)
                if text is not None:
                    found.append(f"{node.lineno}: {text}.{node.func.attr}()")
    return found


def test_only_its_owner_changes_a_wallets_state() -> None:
    changes = [
        f"{name}:{change}"
        for path in (PACKAGE / "engine").rglob("*.py")
        if (name := path.relative_to(PACKAGE).as_posix()) not in OWNERS
        for change in changes_in(path.read_text(encoding="utf-8"))
        if OF_OTHER_CLASSES.get(name, "none") not in change
    ]
    assert changes == []


def test_every_kind_of_change_is_detected() -> None:
    source = """
book.read_error = ""
book.failures += 1
self.book.pending.placements["a"] = placement
del book.pending.placements["a"]
fleet.books[address].note = "x"
book.session.id, other = None, 1
book.pending.lapsed.clear()
placement.stage = stage
"""
    assert len(changes_in(source)) == 8


def test_reading_and_calling_methods_is_not_a_change() -> None:
    assert changes_in("book.report('x')\nif book.pending.placements.get('a'): pass\nname = book.note\n") == []
