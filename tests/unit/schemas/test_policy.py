"""The policy of a dedup job, as a file."""

from __future__ import annotations

import pytest

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.verdicts import Link, Policy


def test_a_policy_is_read() -> None:
    text = """
    minimum_seconds = 5
    query_share = 0.9
    trusted = ["studio/*"]
    not_a_match = [["a.mp4", "b.mp4"]]
    """
    policy = Policy.parse(text, "policy.toml")
    assert policy == Policy(
        minimum_seconds=5,
        query_share=0.9,
        trusted=("studio/*",),
        not_a_match=frozenset({frozenset({"a.mp4", "b.mp4"})}),
    )
    assert policy.trusts("studio/x/y.mp4")
    assert not policy.trusts("other/x.mp4")
    assert policy.forbids("b.mp4", "a.mp4")
    assert Policy.parse("", "policy.toml") == Policy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minimum_seconds = -1", "minimum_seconds must be a number from 0 on"),
        ("query_share = 1.5", "query_share must be a number from 0 to 1"),
        ("whole_share = true", "whole_share must be a number from 0 to 1"),
        ("trusted = 'studio/*'", "trusted must be a list of patterns of ids"),
        ("not_a_match = [['a', 'a']]", "not_a_match must be a list of pairs of ids"),
        ("not_a_match = [['a', 'b', 'c']]", "not_a_match must be a list of pairs of ids"),
        ("minimum = 1", "minimum is no setting of a policy"),
    ],
)
def test_what_it_does_not_understand_is_told(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Policy.parse(text, "policy.toml")
    assert str(error.value) == f"policy.toml: {message}"


def test_no_toml_is_told() -> None:
    with pytest.raises(UsageError, match=r"^policy.toml: not valid TOML: "):
        Policy.parse("minimum_seconds: 1", "policy.toml")


def test_short_videos_are_matched_as_a_whole() -> None:
    policy = Policy()
    assert policy.accepts(Link("b", 0.9, 1.0, 0.95, 0.1))
    assert not policy.accepts(Link("b", 0.9, 1.0, 0.5, 0.1))


def test_shares_are_of_the_duplicate_and_of_its_canonical() -> None:
    link = Link("b", 0.9, 10.0, 0.9, 0.1)
    assert Policy().accepts(link)
    assert not Policy().accepts(link, is_query=False)
    assert Policy(query_share=0).accepts(link, is_query=False)
    assert not Policy(reference_share=0.5).accepts(link)


def test_copies_as_a_whole_could_each_be_the_duplicate() -> None:
    link = Link("b", 0.9, 10.0, 0.85, 0.95)
    assert Policy().is_whole(link)
    assert not Policy(whole_share=0.9).is_whole(link)
    assert not Policy(query_share=0.9).is_whole(link)
