# SPDX-License-Identifier: GPL-3.0-or-later
"""analytics: baselines, changes and forecasts, beside the same figures worked out from the plain formulas."""

import math
import random
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.analytics.analyser import Analyser, Terms
from ganglion.analytics.baseline import FARTHEST, Baseline
from ganglion.analytics.change import Change, Cusum
from ganglion.analytics.errors import ForecastErrors
from ganglion.analytics.holt_winters import HoltWinters
from ganglion.analytics.steps import Step, Steps

HOUR = 3600 * 1_000_000_000
NUMBERS = st.floats(-1e6, 1e6)


def temperatures(days, *, seed=7, noise=0.5):
    """Readings of each hour: 12 degrees, 6 more in the afternoon and 6 less at night, a slow warming, and noise."""
    dice = random.Random(seed)
    for hour in range(24 * days):
        yield 12 + 0.002 * hour + 6 * math.sin(2 * math.pi * (hour - 9) / 24) + dice.gauss(0, noise)


def test_a_baseline_begins_with_the_median_and_the_median_distance_from_it():
    baseline = Baseline(memory=9, warm_up=5, threshold=4)
    assert [baseline.take(value) for value in (10, 11, 12, 13, 500)] == [None] * 5
    assert (baseline.mean, baseline.deviation) == (12, pytest.approx(1.4826 * 1))
    assert baseline.is_warm


def test_a_baseline_follows_by_the_weights_that_are_said():
    baseline = Baseline(memory=9, warm_up=5, threshold=4)
    for value in (10, 11, 12, 13, 14):
        baseline.take(value)
    # By hand: alpha = 2 / 10; the mean is 12 and the variance 1.4826 squared.
    assert baseline.take(14) == pytest.approx(2 / 1.4826)
    assert baseline.mean == pytest.approx(12 + 0.2 * 2)
    assert baseline.deviation**2 == pytest.approx(0.8 * (1.4826**2 + 0.2 * 2**2))


def test_what_is_learnt_is_the_weighted_mean_and_variance_of_all_readings():
    """Beside the definition: weights that fall by 1 - alpha, the first reading with what is left."""
    dice = random.Random(3)
    series = [20.0] * 5 + [dice.gauss(20, 1) for _ in range(60)]
    baseline = Baseline(memory=19, warm_up=5, threshold=1e9)
    for value in series:
        baseline.take(value)
    alpha = 2 / 20
    later = series[5:]
    weights = [(1 - alpha) ** len(later)] + [alpha * (1 - alpha) ** (len(later) - 1 - i) for i in range(len(later))]
    assert sum(weights) == pytest.approx(1)
    expected = sum(w * x for w, x in zip(weights, [20.0, *later], strict=True))
    variance = sum(w * (x - expected) ** 2 for w, x in zip(weights, [20.0, *later], strict=True))
    assert baseline.mean == pytest.approx(expected)
    assert baseline.deviation == pytest.approx(math.sqrt(variance))


def test_an_anomaly_is_told_and_not_learnt():
    baseline = Baseline(memory=20, warm_up=5, threshold=3)
    for value in (1, 2, 3, 4, 5):
        baseline.take(value)
    before = baseline.mean, baseline.deviation
    assert baseline.take(100) == pytest.approx((100 - 3) / 1.4826)
    assert (baseline.mean, baseline.deviation) == before


def test_a_series_that_stands_still_has_the_deviation_that_is_said_and_no_infinite_score():
    still, said = (Baseline(memory=20, warm_up=5, threshold=3, noise=noise) for noise in (0.0, 0.5))
    for _ in range(5):
        still.take(7.0)
        said.take(7.0)
    assert still.take(7.0) == 0
    assert still.take(8.0) == FARTHEST
    assert said.take(8.0) == 2


@given(st.lists(NUMBERS, max_size=60))
def test_a_score_is_always_a_number(series):
    baseline = Baseline(memory=10, warm_up=5, threshold=3)
    for value in series:
        score = baseline.take(value)
        assert score is None or abs(score) <= FARTHEST
        assert math.isfinite(baseline.mean)
        assert baseline.deviation > 0


#: D. C. Montgomery, Introduction to Statistical Quality Control, the example of the tabular CUSUM: 20 readings around
#: 10 with a deviation of 1, then ten around 11; a slack of 0.5 and a limit of 5 tell at number 29.
MONTGOMERY = (
    *(9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34),
    *(9.03, 11.47, 10.51, 9.40, 10.08, 9.37, 10.62, 10.31, 8.52, 10.84),
    *(10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52),
)


def test_a_change_is_told_where_the_published_example_has_it():
    cusum = Cusum(slack=0.5, limit=5, clip=10)
    high = low = 0.0
    found = []
    for number, value in enumerate(MONTGOMERY[:29], 1):
        high, low = max(0, high + value - 10 - 0.5), max(0, low - (value - 10) - 0.5)
        if (change := cusum.take(value - 10)) is not None:
            found.append((number, change))
            break
        assert (cusum.high, cusum.low) == pytest.approx((high, low))
    assert found == [(29, Change(up=True, since=6))], "it began with number 23"
    assert high == pytest.approx(5.28)
    assert (cusum.high, cusum.low) == (0, 0)


def test_a_fall_is_told_as_one_and_one_wild_reading_is_no_change():
    cusum = Cusum()
    assert cusum.take(-100) is None
    # 3 is what one counts at most, less the slack of 0.5: the fourth goes beyond 8.
    assert [cusum.take(-100) for _ in range(3)] == [None, None, Change(up=False, since=3)]


def test_false_alarms_are_about_as_rare_as_is_said():
    dice = random.Random(2)
    cusum = Cusum(limit=5)
    alarms = sum(cusum.take(dice.gauss(0, 1)) is not None for _ in range(100_000))
    assert 100_000 / 465 * 0.75 < alarms < 100_000 / 465 * 1.25


def test_a_series_that_is_level_trend_and_season_is_forecast_exactly():
    series = [10 + 0.5 * t + (4, -1, -3)[t % 3] for t in range(30)]
    model = HoltWinters(3)
    for t, value in enumerate(series):
        if t < 6:
            assert model.forecast() is None
        else:
            assert model.forecast() == pytest.approx(value)
        model.take(value)
    assert [model.forecast(h) for h in (1, 2, 3, 4)] == pytest.approx(
        [10 + 0.5 * t + (4, -1, -3)[t % 3] for t in (30, 31, 32, 33)]
    )


def test_steps_follow_the_recurrences():
    """By the equations of the book, in lists of whole series, from the same beginning worked out by hand."""
    series = [3.0, 7, 5, 1, 6, 9, 7, 3, 8, 12, 8, 5, 9, 14, 10, 6]
    m, alpha, beta, gamma = 4, 0.3, 0.2, 0.1
    # By hand: the means of the first seasons are 4 and 6.25, so the trend is 2.25 / 4 = 0.5625, and the level at the
    # end of the second season is 6.25 + 1.5 * 0.5625.
    level, trend = [6.25 + 1.5 * 0.5625], [0.5625]
    season = [((series[i] - 4) + (series[m + i] - 6.25)) / 2 - 0.5625 * (i - 1.5) for i in range(m)]
    model = HoltWinters(m, alpha=alpha, beta=beta, gamma=gamma)
    for value in series[: 2 * m]:
        model.take(value)
    for t, y in enumerate(series[2 * m :]):
        assert model.forecast() == pytest.approx(level[-1] + trend[-1] + season[t])
        level.append(alpha * (y - season[t]) + (1 - alpha) * (level[-1] + trend[-1]))
        season.append(gamma * (y - level[-2] - trend[-1]) + (1 - gamma) * season[t])
        trend.append(beta * (level[-1] - level[-2]) + (1 - beta) * trend[-1])
        model.take(y)
        assert (model.level, model.trend) == pytest.approx((level[-1], trend[-1]))


def test_a_gap_goes_on_with_the_season_and_among_the_first_two_begins_anew():
    model = HoltWinters(3)
    for t in range(9):
        model.take((4.0, -1, -3)[t % 3])
    model.skip(2)
    assert model.forecast() == pytest.approx(-3)
    young = HoltWinters(3)
    young.take(1)
    young.skip()
    assert young.missing == 6


def test_errors_are_the_mean_absolute_ones_and_scaled_by_the_naive_forecast_before():
    errors = ForecastErrors(2)
    for value in (1.0, 3, 2, 6):
        errors.take(value, None)
    assert errors.figures() is None
    errors.take(5, 4)
    errors.take(9, 8.5)
    figures = errors.figures()
    # By hand. Naive before: |3-1|, |2-3|, |6-2|. Then naive |5-6|, |9-5|; a season ago |5-2|, |9-6|.
    scale = mean([2, 1, 4])
    assert figures["forecast"] == pytest.approx((mean([1, 0.5]), mean([1, 0.5]) / scale))
    assert figures["naive"] == pytest.approx((mean([1, 4]), mean([1, 4]) / scale))
    assert figures["seasonal_naive"] == pytest.approx((3, 3 / scale))
    assert errors.count == 2


def test_steps_are_means_and_gaps_are_told():
    steps = Steps(10)
    ended = [step for time, value in ((3, 1), (9, 3), (10, 5), (45, 7), (51, 9)) for step in steps.take(time, value)]
    assert ended == [Step(0, 2), Step(10, 5), Step(20, None, 2), Step(40, 7)]


def test_a_reading_that_is_a_little_late_counts_in_the_open_step_and_a_clock_set_back_begins_another():
    steps = Steps(10)
    readings = ((12, 1), (9, 3), (25, 5), (1, 7), (11, 9))
    ended = [step for time, value in readings for step in steps.take(time, value)]
    assert ended == [Step(10, 2), Step(20, 5), Step(0, 7)]


def test_on_a_daily_temperature_the_forecast_is_better_than_both_naive_ones():
    analyser = Analyser(Terms(every=HOUR, season=24))
    findings = [each for h, value in enumerate(temperatures(28)) for each in analyser.take(h * HOUR, value)]
    figures = analyser.figures()
    assert analyser.forecasts == len(findings) - 48 == 28 * 24 - 1 - 48
    assert figures["forecast"].mae < 0.5 * figures["naive"].mae
    assert figures["forecast"].mae < figures["seasonal_naive"].mae
    assert figures["forecast"].mase < 0.5
    # The noise alone has 0.8 times its deviation as its mean absolute error: no forecast can be better.
    assert 0.8 * 0.5 * 0.9 < figures["forecast"].mae < 0.6


def test_the_errors_are_those_of_the_findings():
    analyser = Analyser(Terms(every=HOUR, season=24))
    series = list(temperatures(6))
    findings = [each for h, value in enumerate(series) for each in analyser.take(h * HOUR, value)]
    assert analyser.figures()["forecast"].mae == pytest.approx(mean(abs(f.error) for f in findings if f.error))
    naive = mean(abs(series[t] - series[t - 1]) for t in range(48, len(findings)))
    assert analyser.figures()["naive"].mae == pytest.approx(naive)
    for before, after in pairwise(findings[48:]):
        assert after.error == pytest.approx(after.value - before.forecast)


def test_a_warm_night_is_an_anomaly_and_a_warm_noon_is_none():
    series = list(temperatures(14, noise=0.3))
    night = 24 * 12 + 3
    series[night] = max(series) - 1  # what each afternoon reaches
    analyser = Analyser(Terms(every=HOUR, season=24))
    findings = [each for h, value in enumerate(series) for each in analyser.take(h * HOUR, value)]
    assert [each.time // HOUR for each in findings if each.anomaly] == [night]
    assert not [each for each in findings if each.change]
    assert abs(findings[night + 1].error) < 2, "the forecast has not learnt from it"


def test_without_a_season_a_spike_is_an_anomaly_and_a_shift_a_change_after_which_all_is_normal_again():
    dice = random.Random(5)
    series = [dice.gauss(20, 0.2) for _ in range(600)]
    series[200] += 5
    series[400:] = [value + 2 for value in series[400:]]
    analyser = Analyser(Terms())
    findings = [each for t, value in enumerate(series) for each in analyser.take(t, value)]
    changes = [(each.time, each.change) for each in findings if each.change]
    ((told, change),) = changes
    assert [each.time for each in findings if each.anomaly] == [200, *range(400, told + 1)]
    assert told <= 403
    assert change.up
    assert 390 <= told - change.since <= 400
    assert findings[told + 1].zscore is None
    assert findings[-1].anomaly is False
    assert analyser.figures() is None


def test_it_holds_no_more_than_two_seasons():
    analyser = Analyser(Terms(every=HOUR, season=24))
    for h, value in enumerate(temperatures(40)):
        list(analyser.take(h * HOUR, value))
    held = vars(analyser._forecaster)
    assert sum(len(each) for each in held.values() if isinstance(each, list)) == 3 * 24
    assert len(analyser._errors._past) == 24
    assert len(analyser._baseline._first) == 30
