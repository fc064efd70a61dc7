"""What videos are called."""

from __future__ import annotations

import pytest

from cliptrace.transforms.naming import told_apart


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([("a", "/v/a"), ("b", "/v/b")], ["a", "b"]),
        ([("a", "/v/a"), ("a", "/w/a")], ["v/a", "w/a"]),
        ([("a", "/1/v/a"), ("a", "/2/v/a"), ("a", "/w/a")], ["1/v/a", "2/v/a", "w/a"]),
        ([("a", "/a"), ("a", "/v/a")], ["/a", "v/a"]),
        ([("a", "/v/a"), ("a", "/v/v/a"), ("v/a", "/x/v/a")], ["/v/a", "v/v/a", "x/v/a"]),
        ([("s/a", "gs://v/s/a"), ("s/a", "gs://w/s/a")], ["v/s/a", "w/s/a"]),
        ([("a", "gs://b/a"), ("a", "s3://b/a")], ["gs://b/a", "s3://b/a"]),
        ([("taken", "/v/taken")], ["v/taken"]),
    ],
)
def test_ids_tell_files_apart(names: list[tuple[str, str]], expected: list[str]) -> None:
    assert told_apart(names, {"taken"}) == expected
