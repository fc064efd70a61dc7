"""Errors that a person caused and can mend; everything else is a bug and keeps its traceback."""


class CliptraceError(Exception):
    """A run cannot go on: the message names the file or setting and what to do. Exit code 1."""


class UsageError(CliptraceError):
    """The command line, a manifest or a configuration is wrong. Exit code 2."""


class MediaError(CliptraceError):
    """One video cannot be used; it becomes a dead letter and the run goes on."""
