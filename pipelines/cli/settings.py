"""Options from the environment and from a TOML file, as defaults of the command line: flags > environment > file."""

from __future__ import annotations

import argparse
import itertools
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cliptrace.schemas.errors import UsageError

_SECRET = re.compile(r"secret|token|password|access_key|connection_string", re.IGNORECASE)
_SWITCH = {"1": True, "true": True, "0": False, "false": False}


def apply_settings(parser: argparse.ArgumentParser, argv: Sequence[str], environment: Mapping[str, str]) -> None:
    """Give the chosen command's options the defaults that environment and --config hold. UsageError for a bad one."""
    names = []
    for argument in (argument for argument in argv if not argument.startswith("-")):
        commands = next((a for a in parser._actions if isinstance(a, argparse._SubParsersAction)), None)
        if commands is None:
            break
        if argument not in commands.choices:
            return
        parser = commands.choices[argument]
        if argument != "preflight":  # a rehearsal has the settings of what it rehearses
            names.append(argument)
    if not names or any(isinstance(action, argparse._SubParsersAction) for action in parser._actions):
        return
    options = {a.dest: a for a in parser._actions if a.option_strings and a.dest not in ("help", "config")}
    values = {
        key: (f"{_config_path(argv, environment)}: {key}", value)
        for key, value in _file(argv, environment, names).items()
    }
    for key, (place, _) in values.items():
        if key not in options:
            raise UsageError(f"{place}: no such option of cliptrace {' '.join(names)}")
    for dest in options:
        variable = "CLIPTRACE_" + dest.upper()
        if environment.get(variable):  # one that is set to nothing is as good as unset
            values[dest] = (variable, environment[variable])
    for dest, (place, value) in values.items():
        action = options[dest]
        action.default = _convert(action, place, value)
        action.required = False


def refuse_repeated(argv: Sequence[str]) -> None:
    """UsageError where an option is given twice: which of both was meant, nobody can tell."""
    names = sorted(argument.partition("=")[0] for argument in argv if argument.startswith("--"))
    for name, again in itertools.pairwise(names):
        if name == again:
            raise UsageError(f"{name}: given twice; give it once")


def refuse_secrets(beam_args: Sequence[str]) -> None:
    """UsageError where one of Beam's options holds a secret: all end up in process lists, logs and job graphs."""
    for argument in beam_args:
        name = argument.partition("=")[0]
        if name.startswith("--") and _SECRET.search(name):
            raise UsageError(
                f"{name}: no secret may be an option; put it into the environment of this process and of the workers, "
                "as AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_CONNECTION_STRING or GOOGLE_APPLICATION_CREDENTIALS"
            )


def _config_path(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--config", default=environment.get("CLIPTRACE_CONFIG", ""))
    try:
        return str(finder.parse_known_args(argv)[0].config)
    except argparse.ArgumentError as error:  # --config without a value
        raise UsageError(str(error)) from error


def _file(argv: Sequence[str], environment: Mapping[str, str], names: Sequence[str]) -> dict[str, Any]:
    """The table of a command; that of a command of a command is a table in its table."""
    path = _config_path(argv, environment)
    if not path:
        return {}
    try:
        table: Any = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    for depth, name in enumerate(names, 1):
        table = table.get(name, {})
        if not isinstance(table, dict):
            known = ".".join(names[:depth])
            raise UsageError(f"{path}: {known} must be a table: [{known}]")
    return {key.replace("-", "_"): value for key, value in table.items()}


def _convert(action: argparse.Action, place: str, value: Any) -> Any:
    if not isinstance(value, (str, int, float)):
        raise UsageError(f"{place}: must be a text or a number, not {value!r}")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if action.nargs == 0:
        if text not in _SWITCH:
            raise UsageError(f"{place}: must be true or false, not {text!r}")
        return _SWITCH[text]
    convert: Any = action.type or str
    try:
        result = convert(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{place}: {error}") from error
    if action.choices and result not in action.choices:
        raise UsageError(f"{place}: must be one of {', '.join(action.choices)}, not {text!r}")
    return result
