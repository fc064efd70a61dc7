"""Where the launcher of Dataflow's flex template begins: its parameters, --name=value, become cliptrace's command line.

    --command=index --sources=gs://b/videos --gallery=gs://b/gallery --runner=DataflowRunner --region=europe-west4
    → cliptrace index --gallery=gs://b/gallery -- --runner=DataflowRunner --region=europe-west4   (and gs://b/videos)

A parameter has the name of the option, with _ for -. What no command knows is Beam's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from cliptrace.pipelines import cli
from cliptrace.schemas.errors import UsageError

COMMANDS = ("index", "match", "dedup")
_SWITCH = {"true": True, "false": False}


def main(arguments: Sequence[str]) -> int:
    try:
        return cli.main(command_line(arguments))
    except UsageError as error:
        print(f"cliptrace: error: {error}", file=sys.stderr)
        return 2


def command_line(arguments: Sequence[str]) -> list[str]:
    """The template's parameters as arguments of cliptrace. An empty one is as good as none.

    UsageError for an unknown command, and for a parameter that only another command has.
    """
    commands = {name: options for name, options in options_of(cli.make_parser()).items() if name in COMMANDS}
    given = [argument.removeprefix("--").partition("=") for argument in arguments]
    command = next((value for name, _, value in given if name == "command"), "")
    if command not in commands:
        raise UsageError(f"command={command}: must be one of {', '.join(commands)}")
    own: list[str] = []
    positional: list[str] = []
    others: list[str] = []
    for argument, (name, _, value) in zip(arguments, given, strict=True):
        action = commands[command].get(name)
        if name == "command" or (action and not value):
            continue
        if action is None:
            if holders := [other for other, options in commands.items() if name in options]:
                raise UsageError(f"{name}: no parameter of {command}, but of {', '.join(holders)}")
            others.append(argument)
        elif not action.option_strings:
            positional = [value]
        elif action.nargs == 0:
            if value.lower() not in _SWITCH:
                raise UsageError(f"{name}={value}: must be true or false")
            own += [action.option_strings[0]] * _SWITCH[value.lower()]
        else:
            own.append(f"{action.option_strings[0]}={value}")
    return [command, *own, *positional, "--", *others]


def options_of(parser: argparse.ArgumentParser) -> dict[str, Mapping[str, argparse.Action]]:
    """Of every command its options and positional arguments, by the name of their parameter."""
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {
        name: {action.dest: action for action in each._actions if action.dest != "help"}
        for name, each in commands.choices.items()
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
