"""The command line: cliptrace index | match | search | dedup | groups | gallery | … Beam's own options follow ``--``.

A module a command. Nothing heavy is imported before one is called, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import ctypes
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cliptrace.pipelines.cli import (
    dedup,
    doctor,
    evaluate,
    explain,
    gallery,
    groups,
    index,
    match,
    preflight,
    search,
    train,
)
from cliptrace.pipelines.cli.parsers import EXIT_CODES
from cliptrace.pipelines.cli.settings import apply_settings, refuse_repeated, refuse_secrets
from cliptrace.pipelines.stopping import notes_of, stoppable
from cliptrace.schemas import __version__
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.text import printable

COMMANDS = (index, match, search, dedup, groups, evaluate, explain, train, gallery, preflight, doctor)
_PRECEDENCE = (
    "Every option may also stand in the environment (CLIPTRACE_GALLERY, …) or in a TOML file (--config); "
    "flags win over the environment, and that over the file."
)

_ARENA_MAX = -8
"""M_ARENA_MAX of malloc.h."""


def program() -> NoReturn:
    """The arguments of this process, and its end.

    It does not wait for threads, of which an interrupt may have left one that nothing wakes, and leaves out the
    destructors of native libraries: with a thread of gRPC still about, they now and then abort a run that was done.
    """
    _share_freed_memory()
    code = main()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """argv: None for those of this process."""
    # Videos are what runs in parallel here: BLAS threads on top of that only spin. Read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = list(sys.argv[1:] if argv is None else argv)
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = make_parser()
    try:
        refuse_repeated(arguments[:split])
        apply_settings(parser, arguments[:split], os.environ)
        options = parser.parse_args(arguments[:split])
        options.beam_args = arguments[split + 1 :]
        if options.beam_args and options.command not in ("index", "match", "dedup", "groups"):
            raise UsageError(f"cliptrace {options.command} takes no Beam options")
        refuse_secrets(options.beam_args)
        _quiet_libraries()
        with stoppable(options.if_stopped):
            return int(options.run(options))
    except CliptraceError as error:
        print(f"cliptrace: error: {'; '.join([printable(str(error)), *notes_of(error)])}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # who reads the lines, as head does, has seen enough; else Python's exit would complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CliptraceError.exit_code
    except KeyboardInterrupt as error:
        print("; ".join(["cliptrace: stopped", *filter(None, notes_of(error))]), file=sys.stderr, flush=True)
        return CliptraceError.exit_code


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cliptrace",
        description="Which seconds of this video come from which seconds of which video that we already have?",
        epilog=f"{EXIT_CODES}. {_PRECEDENCE}",
        allow_abbrev=False,
    )
    parser.set_defaults(if_stopped="")
    parser.add_argument("--version", action="version", version=f"cliptrace {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def _share_freed_memory() -> None:
    """Let threads use what others have freed: with glibc's arena for each, a search holds half as much again."""
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(AttributeError, OSError):  # of another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def _quiet_libraries() -> None:
    """Keep stderr for what a person can act on: libraries log what they also raise, and what concerns nobody."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    for name in ("milvus_lite", "apache_beam", "PrismRunner"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
