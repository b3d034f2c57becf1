"""Each known way to fail is named by its numbers, and a healthy run is left alone."""

import pytest

from scalor.training.health import EARLY_STEPS, findings, recent, report, word

HEALTHY = {
    "step": 1000.0,
    "skipped": 0.0,
    "objects": 14.0,
    "cover": 0.4,
    "largest": 0.05,
    "propagation_rate": 0.98,
    "doubles": 0.02,
    "half": 0.25,
    "what_per_object": 12.0,
}

FAILURES = {
    "non-finite": {"skipped": 2.0},
    "no-objects": {"objects": 0.1, "cover": 0.0},
    "paints-background": {"cover": 0.97},
    "propagation-collapse": {"propagation_rate": 0.3},
    "duplicates": {"doubles": 0.4},
    "half-transparent": {"half": 0.8},
    "appearance-unused": {"what_per_object": 0.01},
}


def test_a_healthy_run_is_ok() -> None:
    assert findings(HEALTHY) == [] and word([]) == "ok"
    assert report(HEALTHY).startswith("Healthy")


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_mode_is_named_alone_and_explained(name: str) -> None:
    found = findings(HEALTHY | FAILURES[name])
    assert [finding.name for finding in found] == [name] and word(found) == name
    assert report(HEALTHY | FAILURES[name]) == found[0].words


def test_boxes_at_the_size_limit_also_mean_painting_the_background() -> None:
    assert word(findings(HEALTHY | {"largest": 0.8})) == "paints-background"


@pytest.mark.parametrize("name", [name for name in FAILURES if name != "non-finite"])
def test_nothing_but_broken_numbers_is_judged_early(name: str) -> None:
    early = HEALTHY | FAILURES[name] | {"step": EARLY_STEPS - 1.0}
    assert findings(early) == []
    assert "Too early" in report(early)
    assert word(findings(early | {"skipped": 1.0})) == "non-finite"


def test_logs_of_before_are_judged_by_what_they_have() -> None:
    former = {key: value for key, value in HEALTHY.items() if key != "propagation_rate"}
    assert word(findings(former | {"propagation": 0.3})) == "propagation-collapse"
    assert "only 30 % of the objects" in report(former | {"propagation": 0.3})
    assert findings(former | {"propagation": 0.98}) == findings(HEALTHY | {"propagation": 0.3}) == []


def test_numbers_that_were_not_measured_are_not_judged() -> None:
    assert findings({"step": 1000.0}) == []


def test_recent_rows_are_averaged_and_old_skips_forgiven() -> None:
    rows = [{"step": float(i), "mse": float(i), "skipped": 3.0} for i in range(20)]
    row = recent(rows, count=4)
    assert row == {"step": 19.0, "mse": 17.5, "skipped": 0.0}
    assert recent(rows[:2], count=4)["skipped"] == 3.0
    assert recent([]) == {}


def test_a_rate_is_averaged_over_the_rows_that_have_it() -> None:
    """A batch without objects before the last frame does not hide that all others end."""
    rows = [HEALTHY | {"propagation_rate": 0.0}] * 4
    rows.append({key: value for key, value in HEALTHY.items() if key != "propagation_rate"})
    assert recent(rows)["propagation_rate"] == 0.0
    assert word(findings(recent(rows))) == "propagation-collapse"
    assert "propagation_rate" not in recent([{"step": 1.0}, {"step": 2.0}])
