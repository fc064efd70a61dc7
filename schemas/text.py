"""Text that came from elsewhere, as stores and terminals take it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
"""Control characters, line ends and what turns the direction of writing: they act on a terminal instead of showing."""
_SECRETS = re.compile(r"^(https?://|ftps?://)(?:[^/@]*@)?([^?#]*).*", re.DOTALL | re.IGNORECASE)
_MOST_NAMES = 3


def text_of(name: str) -> str:
    """``name`` as text that every store takes: what is no UTF-8, which Python keeps as surrogates, becomes escapes."""
    return name if name.isascii() else name.encode(errors="backslashreplace").decode()


def printable(text: str) -> str:
    """``text`` as one line that does nothing to a terminal but show."""
    return _HIDDEN.sub(" ", text_of(text))


def escaped(name: str) -> str:
    """``name`` with escapes for what would act on a terminal, so that different names stay different."""
    return _HIDDEN.sub(lambda hidden: hidden.group().encode("unicode_escape").decode(), text_of(name))


def public(uri: str) -> str:
    """A web address without what may be a secret in it: user, password, query."""
    return _SECRETS.sub(r"\1\2", uri)


def named(video_ids: Sequence[str]) -> str:
    """How many, and the first few of them; empty where there are none."""
    names = [escaped(video_id) for video_id in sorted(video_ids)[:_MOST_NAMES]]
    more = ["…"] if len(video_ids) > _MOST_NAMES else []
    return f"{len(video_ids):,} ({', '.join(names + more)})" if video_ids else ""
