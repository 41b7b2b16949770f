"""Intervals, exact tests, shares and verdicts on numbers whose answer is known by hand."""

import itertools
import math
import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from snnmi.measure import effects, statistics
from snnmi.study import verdicts

rng = np.random.default_rng(0)
SEEDS, ATTACKS, LABELS = rng.normal(0, 1, 4), rng.normal(0, 1, (4, 3)), rng.normal(0, 1, 40)


def grid(f, seeds=4, attacks=3, labels=40, **more) -> pd.DataFrame:
    """One row a unit of a full design, with value = f(seed, attack seed, label)."""
    rows = itertools.product(range(seeds), range(attacks), range(labels))
    return pd.DataFrame(
        [{"seed": s, "attack_seed": a, "label": c, "value": float(f(s, a, c)), **more} for s, a, c in rows]
    )


def spread(interval) -> float:
    """Standard error that a normal interval of this width would have."""
    return (interval.high - interval.low) / (2 * 1.96)


# --- the bootstrap


def test_interval_adds_up_the_parts_of_seeds_attack_seeds_and_classes():
    frame = grid(lambda s, a, c: SEEDS[s] + ATTACKS[s, a] + LABELS[c])
    interval = statistics.hierarchical_bootstrap(frame, "value", seed=0)
    groups = SEEDS + ATTACKS.mean(1)
    variance = groups.var() / 4 + ATTACKS.var(1).mean() / 12 + LABELS.var() / 40
    assert interval.estimate == pytest.approx(frame.value.mean())
    assert interval.units == {"seed": 4, "attack_seed": 3, "label": 40}
    assert spread(interval) == pytest.approx(math.sqrt(variance), rel=0.05)


def test_classes_are_shared_by_all_seeds_when_crossed_and_not_when_nested():
    frame = grid(lambda s, a, c: LABELS[c])
    crossed = statistics.hierarchical_bootstrap(frame, "value", seed=0)
    nested = statistics.hierarchical_bootstrap(
        frame, "value", seed=0, nested=("seed", "attack_seed", "label"), crossed=()
    )
    assert (crossed.low, crossed.high) == pytest.approx(statistics.bootstrap_interval(LABELS, seed=0), abs=0.03)
    assert spread(nested) == pytest.approx(spread(crossed) / math.sqrt(12), rel=0.05)


def test_subunits_are_drawn_anew_each_time_their_parent_is():
    """Two seeds of two values, -1 and 1: both draws hold one seed half the time, yet the mean is -1 in 1 of 16, not in 1 of 4."""
    frame = grid(lambda s, a, c: 2 * a - 1, seeds=2, attacks=2, labels=1)
    weights, _ = statistics._resample(frame, ("seed", "attack_seed"), (), 0, 40_000)
    draws = statistics.weighted_mean(frame.value.to_numpy(), weights)
    assert (weights.sum(1) == 4).all()
    assert np.mean(draws[1:] == -1) == pytest.approx(1 / 16, abs=0.005)


def test_a_level_of_one_unit_adds_nothing_and_is_shown():
    frame = grid(lambda s, a, c: c, attacks=1, labels=1)
    assert (
        statistics.hierarchical_bootstrap(frame.assign(value=frame.seed * 1.0), "value", seed=0).units[
            "attack_seed"
        ]
        == 1
    )
    point = statistics.hierarchical_bootstrap(frame, "value", seed=0)
    assert (point.estimate, point.low, point.high) == (0, 0, 0)  # four seeds that agree
    lone = statistics.hierarchical_bootstrap(frame[frame.seed == 0], "value", seed=0)
    assert lone.estimate == 0 and math.isnan(lone.low) and math.isnan(lone.high)


def test_unequal_groups_and_the_order_of_rows():
    frame = grid(lambda s, a, c: s + a + LABELS[c]).query("attack_seed <= seed")  # 1, 2, 3 and 3 attack seeds
    interval = statistics.hierarchical_bootstrap(frame, "value", seed=0)
    assert (
        interval.estimate == pytest.approx(frame.value.mean())
        and interval.low < interval.estimate < interval.high
    )
    assert interval.units == {"seed": 4, "attack_seed": 3, "label": 40}
    again = statistics.hierarchical_bootstrap(frame.sample(frac=1, random_state=0), "value", seed=0)
    assert again[:3] == pytest.approx(interval[:3])
    assert statistics.hierarchical_bootstrap(frame, "value", seed=1).low != interval.low


def test_another_statistic_and_another_level():
    frame = grid(lambda s, a, c: LABELS[c])
    largest = statistics.hierarchical_bootstrap(
        frame,
        "value",
        seed=0,
        statistic=lambda values, weights: np.where(weights > 0, values, -np.inf).max(1),
        level=0.5,
    )
    assert (
        largest.estimate == largest.high == LABELS.max()
    )  # among the drawn with probability 1 - (39/40)^40 = 0.64
    assert largest.low in LABELS and largest.low < LABELS.max()


def test_the_full_design_takes_less_than_two_seconds():
    frame, start = grid(lambda s, a, c: LABELS[c]), time.process_time()
    statistics.hierarchical_bootstrap(frame, "value", seed=0)
    assert time.process_time() - start < 2


def test_bootstrap_refuses_missing_levels_and_values():
    frame = grid(lambda s, a, c: c, labels=2)
    with pytest.raises(ValueError, match="lacks .'attack_seed'."):
        statistics.hierarchical_bootstrap(frame.drop(columns="attack_seed"), "value", seed=0)
    with pytest.raises(ValueError, match="0 rows"):
        statistics.hierarchical_bootstrap(frame[:0], "value", seed=0)
    with pytest.raises(ValueError, match="1 values that are not finite"):
        statistics.hierarchical_bootstrap(frame.assign(value=[np.nan, *frame.value[1:]]), "value", seed=0)


# --- pairs


def pairs(difference, **size) -> pd.DataFrame:
    """Wild values that both targets share, plus this difference for the SNN."""
    shared = lambda s, a, c: 50 * math.sin(7 * s + 3 * a + c)  # noqa: E731
    snn = grid(lambda s, a, c: shared(s, a, c) + difference(s, a, c), **size, target="snn")
    return pd.concat([grid(shared, **size, target="ann"), snn])


def test_difference_is_taken_within_pairs_and_its_p_swaps_whole_units():
    result = statistics.paired_difference(
        pairs(lambda s, a, c: -1 - c / 10, labels=8), "value", "target", "ann", "snn", seed=0
    )
    assert result.estimate == pytest.approx(-1.35)
    assert spread(result) == pytest.approx(
        np.arange(8).std() / 10 / math.sqrt(8), rel=0.1
    )  # what the pairs share has gone
    assert result.p_classes == pytest.approx(2 / 2**8) and result.p_seeds == pytest.approx(2 / 2**4)
    assert result.units == {"seed": 4, "attack_seed": 3, "label": 8}


def test_difference_of_one_sign_in_classes_only_is_not_one_over_seeds():
    result = statistics.paired_difference(
        pairs(lambda s, a, c: (1 if s % 2 else -1) + 0.01, labels=8), "value", "target", "ann", "snn", seed=0
    )
    assert result.p_classes == pytest.approx(2 / 2**8)
    assert result.p_seeds == pytest.approx(12 / 16)  # 4 of 16 ways to swap end nearer to zero
    assert result.low < 0 < result.high


def test_difference_with_one_seed_has_no_p_over_seeds():
    one = pairs(lambda s, a, c: c, seeds=1, attacks=1, labels=6).drop(columns="attack_seed")
    result = statistics.paired_difference(one, "value", "target", "ann", "snn", seed=0, nested=("seed",))
    assert math.isnan(result.p_seeds) and result.p_classes == pytest.approx(
        2 / 2**5
    )  # the class of difference 0 is free


def test_difference_refuses_a_pair_that_is_incomplete_or_repeated():
    frame = pairs(lambda s, a, c: c, labels=3)
    for wrong in (frame[1:], pd.concat([frame, frame[:1]]), frame[frame.target == "ann"]):
        with pytest.raises(ValueError, match="missing or repeated for some seed x attack_seed x label"):
            statistics.paired_difference(wrong, "value", "target", "ann", "snn", seed=0)


def test_probability_of_improvement_counts_the_pairs():
    first, second = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0])
    result = statistics.probability_of_improvement(first, second, seed=0)
    assert result.estimate == pytest.approx((1 + 0.5 + 0 + 3) / 6) and result.units == {
        "first": 3,
        "second": 2,
    }
    assert result.estimate == pytest.approx(stats.mannwhitneyu(second, first).statistic / 6)
    assert statistics.probability_of_improvement(first, first + 10, seed=0)[:3] == (1, 1, 1)
    assert statistics.probability_of_improvement(second, first, seed=0).estimate == pytest.approx(
        1 - result.estimate
    )


def test_interval_of_probability_of_improvement_is_that_of_its_simplest_case():
    """Against one fixed value it is a mean of coins, so it has a mean's interval."""
    coins = np.array([0.0, 1.0] * 50)
    result = statistics.probability_of_improvement(np.array([0.5]), coins, seed=0)
    assert result.estimate == 0.5 and spread(result) == pytest.approx(0.05, rel=0.05)


def test_probability_of_improvement_refuses_what_cannot_be_compared():
    for second in (np.zeros(0), np.array([1.0, np.nan])):
        with pytest.raises(ValueError, match="expected finite values in both"):
            statistics.probability_of_improvement(np.ones(3), second, seed=0)


# --- exact tests


def boschloo_by_hand(x, n, y, m) -> float:
    """Twice the smaller tail: chance, at its worst, of a table whose one-sided Fisher p is as small as this one's."""
    chance = np.linspace(0, 1, 2001)[:, None, None]
    i, j = np.arange(n + 1)[:, None], np.arange(m + 1)[None, :]
    both = stats.binom.pmf(i, n, chance) * stats.binom.pmf(j, m, chance)
    tails = (stats.hypergeom.cdf(i, n + m, i + j, n), stats.hypergeom.sf(i - 1, n + m, i + j, n))
    return min(1, 2 * min((both * (tail <= tail[x, y] * (1 + 1e-9))).sum((1, 2)).max() for tail in tails))


@pytest.mark.parametrize(
    "table", [(10, 10, 7, 10), (3, 3, 0, 3), (2, 3, 0, 4), (4, 7, 3, 5), (39, 40, 20, 40)]
)
def test_boschloo_is_the_worst_case_of_fishers_order(table):
    assert statistics.exact_test(*table).boschloo == pytest.approx(boschloo_by_hand(*table), rel=2e-3)


def test_exact_tests_have_their_textbook_values():
    assert statistics.exact_test(10, 10, 7, 10).fisher == pytest.approx(0.2105, abs=1e-4)
    assert statistics.exact_test(3, 4, 1, 4).fisher == pytest.approx(
        34 / 70
    )  # the lady tasting tea, both tails
    assert statistics.exact_test(3, 3, 0, 3).boschloo == pytest.approx(
        2 / 64, rel=1e-3
    )  # six fair coins, all told


def test_mcnemar_range_covers_the_tables_that_the_margins_allow():
    assert statistics.mcnemar_range(10, 7, 10) == pytest.approx((0.25, 0.25))  # 3 : 0 only
    assert statistics.mcnemar_range(39, 20, 40) == pytest.approx(
        (2 / 2**19, 2 * 22 / 2**21)
    )  # 19 : 0 or 20 : 1
    assert statistics.mcnemar_range(5, 5, 10) == (1, 1)
    assert statistics.mcnemar_range(8, 4, 10) == pytest.approx(
        (2 / 2**4, 2 * (1 + 8 + 28) / 2**8)
    )  # 4 : 0, 5 : 1, 6 : 2


def test_exact_tests_refuse_more_successes_than_trials():
    with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
        statistics.exact_test(11, 10, 7, 10)
    with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
        statistics.mcnemar_range(10, -1, 10)


# --- which change carries the gap

CELLS = {  # cell -> two units
    ("ann", "current"): (1.0, 0.9),
    ("ann", "clip"): (0.6, 0.3),
    ("ann", "rate"): (0.5, 0.4),
    ("snn", "current"): (0.9, 0.9),
    ("snn", "clip"): (0.4, 0.1),
    ("snn", "rate"): (0.1, 0.2),
}
BEFORE = [("range", "encoder")]


def cell(done):
    return np.array(
        CELLS["snn" if "neuron" in done else "ann", ("current", "clip", "rate")[len(done - {"neuron"})]]
    )


def factorial(cells=CELLS, seeds=1, noise=lambda *unit: 0.0) -> pd.DataFrame:
    """A frame of these cells; their values are classes, every seed has the same plus noise."""
    frames = [
        grid(
            lambda s, a, c, v=v: v[c] + noise(s, a, c),
            seeds=seeds,
            attacks=1,
            labels=len(v),
            neuron=key[0],
            input=key[1],
        )
        for key, v in cells.items()
    ]
    return pd.concat(frames, ignore_index=True)


def test_shares_are_means_over_the_three_places_of_the_neuron_and_add_up():
    shares = effects.shapley_shares(cell, ["neuron", "range", "encoder"], BEFORE)
    assert shares["neuron"] == pytest.approx([(-0.1 - 0.2 - 0.4) / 3, (0 - 0.2 - 0.2) / 3])
    assert shares["range"] == pytest.approx([(2 * -0.4 - 0.5) / 3, (2 * -0.6 - 0.8) / 3])
    assert shares["encoder"] == pytest.approx([(-0.1 + 2 * -0.3) / 3, (0.1 + 2 * 0.1) / 3])
    assert sum(shares.values()) == pytest.approx([0.1 - 1.0, 0.2 - 0.9])


def test_shapley_values_of_the_glove_game():
    """One left glove (a), two right ones (b, c), a pair is worth 1: 4/6, 1/6, 1/6."""
    worth = lambda done: np.array([float("a" in done and len(done) > 1)])  # noqa: E731
    shares = effects.shapley_shares(worth, ["a", "b", "c"])
    assert [float(shares[name][0]) for name in "abc"] == pytest.approx([4 / 6, 1 / 6, 1 / 6])


def test_orders_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="expected at least one"):
        effects.shapley_shares(cell, ["neuron", "range"], [("neuron", "range"), ("range", "neuron")])


def test_effects_table_holds_the_shares_of_the_means():
    table = effects.effects_table(factorial(), "value", seed=0).set_index("factor")
    shares = effects.shapley_shares(cell, ["neuron", "range", "encoder"], BEFORE)
    assert table.index.tolist() == ["neuron", "range", "encoder", "range + encoder", "gap"]
    for name, units in shares.items():
        assert table.effect[name] == pytest.approx(units.mean())
        assert (table.low[name], table.high[name]) == pytest.approx(
            (units.min(), units.max())
        )  # two classes: both drawn, or one
    assert table.effect["gap"] == pytest.approx(-0.8) and table.share["gap"] == 1
    assert table.effect["range + encoder"] == pytest.approx(-0.8 - table.effect["neuron"])
    assert table.share[["neuron", "range", "encoder"]].sum() == pytest.approx(1)
    assert (table.smallest["neuron"], table.largest["neuron"]) == pytest.approx(
        (-0.3, -0.05)
    )  # in rate, in current
    assert (table.smallest["range"], table.largest["range"]) == pytest.approx((-0.65, -0.5))  # SNN, ANN
    assert (table.smallest["gap"], table.largest["gap"]) == pytest.approx((-0.8, -0.8))


def test_effects_are_resampled_jointly_so_what_all_cells_share_cancels():
    noisy = factorial(seeds=3, noise=lambda s, a, c: 100 * math.sin(5 * s + 3 * c))
    pd.testing.assert_frame_equal(
        effects.effects_table(noisy, "value", seed=0),
        effects.effects_table(factorial(seeds=3), "value", seed=0),
    )


def test_effects_table_takes_other_factors_and_refuses_broken_ones():
    two = {"neuron": ("neuron", "ann", "snn"), "range": ("input", "current", "clip")}
    table = effects.effects_table(factorial(), "value", two, seed=0).set_index(
        "factor"
    )  # the cells with rate are left alone
    assert table.index.tolist() == ["neuron", "range", "gap"]
    assert table.effect["range"] == pytest.approx((-0.5 - 0.65) / 2)
    with pytest.raises(ValueError, match="encoder starts at clip, expected rate"):
        effects.effects_table(
            factorial(),
            "value",
            {"range": ("input", "current", "rate"), "encoder": ("input", "clip", "rate")},
            seed=0,
        )
    with pytest.raises(ValueError, match="'snn', 'input': 'rate'.* missing or repeated"):
        effects.effects_table(
            factorial({k: v for k, v in CELLS.items() if k != ("snn", "rate")}), "value", seed=0
        )


def effects(neuron, rest, gap) -> pd.DataFrame:
    """An effects table of (effect, low, high) each."""
    rows = {"neuron": neuron, "range + encoder": rest, "gap": gap}
    return pd.DataFrame(
        [
            {"factor": name, "effect": e, "low": low, "high": high, "share": e / gap[0]}
            for name, (e, low, high) in rows.items()
        ]
    )


NAN = float("nan")


@pytest.mark.parametrize(
    "neuron, rest, gap, expected, why",
    [
        ((-0.4, -0.5, -0.3), (-0.1, -0.2, 0.0), (-0.5, -0.6, -0.4), "reproduced", "at least half"),
        (
            (-0.1, -0.2, -0.01),
            (-0.4, -0.5, -0.3),
            (-0.5, -0.6, -0.4),
            "not reproduced",
            "the neuron less than half",
        ),
        ((0.1, 0.05, 0.2), (-0.6, -0.8, -0.4), (-0.5, -0.6, -0.4), "not reproduced", "against the claim"),
        (
            (-0.2, -0.3, -0.1),
            (-0.3, -0.4, -0.2),
            (-0.5, -0.6, -0.4),
            "open",
            "leave open",
        ),  # -0.25 lies in the neuron's interval
        (
            (-0.1, -0.2, 0.0),
            (-0.2, -0.3, -0.1),
            (-0.5, -0.6, -0.4),
            "open",
            "leave open",
        ),  # a third factor carries the most
        ((-0.3, -0.7, 0.1), (-0.2, -0.6, 0.2), (-0.5, -0.6, -0.4), "open", "leave open"),
        ((-0.1, -0.2, 0.0), (-0.4, -0.9, 0.1), (-0.5, -0.6, -0.4), "open", "leave open"),
        ((-0.4, -0.5, -0.3), (0.35, 0.2, 0.5), (-0.05, -0.2, 0.1), "open", "nothing to explain"),
        ((-0.4, NAN, NAN), (-0.1, NAN, NAN), (-0.5, NAN, NAN), "open", "nothing to explain"),  # one unit
    ],
)
def test_why_verdict_follows_its_rule(neuron, rest, gap, expected, why):
    verdict, reason = verdicts.why_verdict(effects(neuron, rest, gap), sign=-1)
    assert verdict == expected and why in reason and reason.endswith(".")
    mirrored = effects(*((-e, -high, -low) for e, low, high in (neuron, rest, gap)))
    assert verdicts.why_verdict(mirrored, sign=1)[0] == expected


def test_why_verdict_says_its_numbers():
    _, reason = verdicts.why_verdict(
        effects((-0.4, -0.5, -0.3), (-0.1, -0.2, 0.0), (-0.5, -0.6, -0.4)), sign=-1
    )
    assert reason.replace("\u00a0", " ") == (
        "The spiking neuron carries at least half: of the gap, −0.50 [−0.60, −0.40], the neuron carries −0.40 [−0.50, −0.30] "
        "and range + encoder −0.10 [−0.20, 0.00]."
    )


def test_why_verdict_reads_an_effects_table():
    clipped = {
        (neuron, source): (0.9, 0.8, 0.85) if source == "current" else (0.3, 0.2, 0.25)
        for neuron, source in CELLS
    }
    assert (
        verdicts.why_verdict(effects.effects_table(factorial(clipped), "value", seed=0), sign=-1)[0]
        == "not reproduced"
    )
    spiking = {
        (neuron, source): (0.9, 0.8, 0.85) if neuron == "ann" else (0.3, 0.2, 0.25)
        for neuron, source in CELLS
    }
    assert (
        verdicts.why_verdict(effects.effects_table(factorial(spiking), "value", seed=0), sign=-1)[0]
        == "reproduced"
    )
