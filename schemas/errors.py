"""Errors that a person caused and can mend; everything else is a bug and keeps its traceback."""

from typing import ClassVar


class CliptraceError(Exception):
    """A run cannot go on: the message names the file or setting and what to do.

    exit_code: of the command that it ends.
    """

    exit_code: ClassVar[int] = 1


class UsageError(CliptraceError):
    """The command line, a manifest or a configuration is wrong."""

    exit_code: ClassVar[int] = 2


class MediaError(CliptraceError):
    """One video cannot be used; it becomes a dead letter and the run goes on."""
