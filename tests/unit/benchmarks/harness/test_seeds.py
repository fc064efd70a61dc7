from __future__ import annotations

from benchmarks.harness.seeds import shown, spread


def test_figures_of_seeds_become_their_mean_and_range_where_they_stand() -> None:
    runs = [{"ap": 0.5, "edits": {"crop": 1.0, "blur": 0.25}}, {"ap": 1.0, "edits": {"crop": 0.5}}]

    assert spread(runs) == {
        "ap": {"mean": 0.75, "min": 0.5, "max": 1.0, "seeds": [0.5, 1.0]},
        "edits": {
            "crop": {"mean": 0.75, "min": 0.5, "max": 1.0, "seeds": [1.0, 0.5]},
            "blur": {"mean": 0.25, "min": 0.25, "max": 0.25, "seeds": [0.25, None]},
        },
    }


def test_a_figure_that_no_seed_has_stays_none_and_words_stay_words() -> None:
    assert spread([{"threshold": None, "selector": "tn"}, {"threshold": None, "selector": "dp"}]) == {
        "threshold": None,
        "selector": ["tn", "dp"],
    }


def test_shown_figures_say_what_they_are_of() -> None:
    (one,) = spread([{"ap": 0.5}]).values()
    (two,) = spread([{"ap": 0.5}, {"ap": 1.0}]).values()
    (half,) = spread([{"ap": 0.5}, {"ap": None}]).values()

    assert [shown(figure, 2) for figure in (one, two, half, None)] == [
        "0.50",
        "0.75 (0.50–1.00)",
        "0.50 (0.50–0.50), 1 of 2 seeds",
        "-",
    ]
