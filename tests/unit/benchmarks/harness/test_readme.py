"""The README's figures are those of the committed results."""

from benchmarks.harness.readme import main


def test_the_readme_shows_the_committed_results():
    assert main(["--check"]) == 0, "run python -m benchmarks.harness.readme"
