"""Commands that refuse a repeated option instead of using its last value."""

from __future__ import annotations

from collections import Counter

import click


class StrictCommand(click.Command):
    """A command whose options may be given once, except those that take several values."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        refuse_repeats(self, ctx, args)
        return super().parse_args(ctx, args)


class StrictGroup(click.Group):
    """A group of such commands."""

    command_class = StrictCommand

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        refuse_repeats(self, ctx, args)
        return super().parse_args(ctx, args)


def refuse_repeats(command: click.Command, ctx: click.Context, args: list[str]) -> None:
    """Raise UsageError if an option that takes one value, or a flag, is given more than once."""
    _, _, order = command.make_parser(ctx).parse_args(list(args))
    for parameter, count in Counter(order).items():
        if count > 1 and isinstance(parameter, click.Option) and not parameter.multiple and not parameter.count:
            name = "/".join((*parameter.opts, *parameter.secondary_opts))
            raise click.UsageError(f"{name} is given {count} times", ctx)
