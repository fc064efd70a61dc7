"""cliptrace doctor."""

from __future__ import annotations

import argparse

from cliptrace.pipelines.cli.parsers import Commands, add_command


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = add_command(commands, "doctor", "check ffmpeg, runtimes, devices, Milvus and weights")
    parser.set_defaults(run=_run)
    parser.add_argument("--milvus", metavar="URI", help="also try this server")


def _run(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.doctor import examine

    checks = examine(options.milvus)
    for check in checks:
        print(check)
    return 0 if all(check.good or not check.needed for check in checks) else 1
