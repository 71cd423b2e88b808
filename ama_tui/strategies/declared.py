"""Turns the fields of a strategy's parameters into settings, from which options, file keys and form lines follow."""

from __future__ import annotations

from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.setting import INFINITY, Kind, Setting
from ama_tui.strategies.definition import StrategyParameters

_KINDS: dict[type, Kind] = {bool: Kind.FLAG, int: Kind.INTEGER, float: Kind.NUMBER, str: Kind.TEXT}
_EXTRA = frozenset(("unit", "form", "end"))
"""What a field's `json_schema_extra` may say: its unit, the label of its line in the form, and which end of that line's
range it is."""


def settings_of(model: type[StrategyParameters]) -> tuple[Setting[Any], ...]:
    """The settings of a strategy's parameters, in the order of their fields.

    A field that carries a `Setting` in its annotation is that setting. Raises ParameterError for a field that cannot be
    a setting.
    """
    settings: list[Setting[Any]] = []
    for name, info in model.model_fields.items():
        declared = next((item for item in info.metadata if isinstance(item, Setting)), None)
        settings.append(declared if declared is not None else _setting(name, info))
    return tuple(settings)


def _setting(name: str, info: FieldInfo) -> Setting[Any]:
    plain_type = _plain_type(info.annotation)
    enumeration = plain_type if isinstance(plain_type, type) and issubclass(plain_type, Enum) else None
    kind = Kind.CHOICE if enumeration is not None else _KINDS.get(plain_type)
    if kind is None:
        raise ParameterError(f"parameter {name}: a setting is a bool, int, float, str or an enumeration")
    if info.is_required() or not info.description:
        raise ParameterError(f"parameter {name} needs a default and a description")
    extra = info.json_schema_extra or {}
    if not isinstance(extra, dict) or not extra.keys() <= _EXTRA:
        raise ParameterError(f"parameter {name}: json_schema_extra has {', '.join(sorted(_EXTRA))} and nothing else")
    low, high, is_exclusive = -INFINITY, INFINITY, False
    for bound in info.metadata:
        at_least, above, at_most = (getattr(bound, limit, None) for limit in ("ge", "gt", "le"))
        if at_least is not None:
            low = float(at_least)
        elif above is not None:
            low, is_exclusive = float(above), True
        elif at_most is not None:
            high = float(at_most)
        else:
            raise ParameterError(f"parameter {name}: a range is stated with ge, gt and le")
    is_in_form = kind in (Kind.INTEGER, Kind.NUMBER) and info.default is not None
    label = str(extra.get("form", name.replace("_", " "))) if is_in_form else ""
    return Setting(
        key=to_camel(name),
        name=name,
        kind=kind,
        default=info.default,
        help=info.description.strip().removesuffix("."),
        unit=str(extra.get("unit", "")),
        low=low,
        high=high,
        low_is_exclusive=is_exclusive,
        enumeration=enumeration,
        in_checkpoint=True,
        form_label=label,
        form_end=str(extra.get("end", "")),
    )


def _plain_type(annotation: Any) -> Any:
    """The type of a field's value, without the None of one that is off unless set."""
    if get_origin(annotation) in (Union, UnionType):
        others = [one for one in get_args(annotation) if one is not NoneType]
        return others[0] if len(others) == 1 else None
    return annotation
