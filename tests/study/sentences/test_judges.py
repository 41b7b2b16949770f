"""What chapter 9 says, on numbers whose sentence is known."""

import pandas as pd
import pytest

from snnmi.study.findings import judges as findings
from snnmi.study.sentences import judges as say
from tests.helpers import plain

SCALE = ("laptop", "mnist")


def test_accuracies_stand_beside_the_best_target():
    rows = [("judge", 0.99), ("ANN, seed 0", 0.98), ("SNN, seed 0", 0.99)]
    found = pd.DataFrame(rows, columns=["network", "test_accuracy"]).assign(profile="laptop", dataset="mnist")
    found = found.assign(n_test=10_000, low=0.975, high=0.995)
    assert say.accuracy_caption(found).startswith(
        "**The judge is at least as accurate as every target on: MNIST.**"
    )
    told = ["MNIST, laptop", "judge", "99.0% [97.5%, 99.5%]", "10,000"]
    assert say.accuracy(found).iloc[0].tolist() == told


def summary(values) -> pd.DataFrame:
    """`values`: {(source, target): {measure: value}}."""
    rows = [(*SCALE, *key, name, value) for key, found in values.items() for name, value in found.items()]
    frame = pd.DataFrame(rows, columns=[*findings.GROUP, "measure", "value"])
    return frame.assign(low=frame.value - 0.1, high=frame.value + 0.1)


ABOUT = {"judge_accuracy": 0.5, "recognised": 0.2, "identified": 0.75, "judge_confidence": 0.6}
ABOUT |= {"feature_train": 8.0}
VALUES = {
    ("test image", ""): ABOUT | {"feature_train": 4.0},
    ("fooling noise", "ann"): ABOUT | {"target_confidence": 0.9, "judge_accuracy": 0.4},
    ("reconstruction", "ann"): ABOUT | {"target_confidence": 0.95},
    ("reconstruction", "snn"): ABOUT | {"feature_train": 6.0},
}
FOUND = summary(VALUES)
WIDE = findings.wide(FOUND)
READINGS = {tuple(key): "trace" for key in WIDE.index}


def test_sources_are_told_a_line_each():
    deceived = pd.Series({(*SCALE, "ann"): 1.0, (*SCALE, "snn"): 0.6})
    table = say.sources(FOUND, READINGS, deceived)
    lines = ["test image", "fooling noise ANN", "reconstruction ANN", "reconstruction SNN"]
    assert table.images.tolist() == lines
    assert table.A_target.tolist() == ["–", "–", "1.00", "0.60"]
    assert table["target sure"].tolist() == ["–", "0.90", "0.95", "–"]
    assert plain(table.identified[0]) == "0.75 [0.65, 0.85]"


def test_the_caption_names_what_fools_the_judge_most():
    assert say.sources_caption(WIDE).startswith(
        "**Up to 40% of fooling noise (MNIST, laptop, made for the ANN) is called y by a judge that was never "
        "attacked; of the same images 20% are recognised.**"
    )


def test_distances_are_multiples_of_a_real_images():
    assert say.distances(WIDE, [SCALE]) == "MNIST, laptop: 2.0 (ANN) and 1.5 (SNN), fooling noise 2.0 (ANN)"


def test_places_are_named_and_never_counted():
    index = pd.MultiIndex.from_product([["laptop"], ["mnist", "faces"], ["ann", "snn"]])
    some = pd.Series([True, True, False, True], index)
    assert say.where(some) == "MNIST, laptop (ANN and SNN); AT&T faces, laptop (SNN)"
    assert [say.where(pd.Series(seen, index)) for seen in (True, False)] == ["everywhere", "nowhere"]


def leaks(seen=(True, False)) -> pd.DataFrame:
    frame = pd.DataFrame({"target": ["ann", "snn"], "seen": seen})
    frame = frame.assign(profile="laptop", dataset="mnist", leak=0.5, test_p=0.01, mean_p=0.04)
    ends = {"difference": -1.0, "low": -2.0, "high": -0.5}
    return frame.assign(**{f"{name}_{end}": v for name in ("test", "mean") for end, v in ends.items()})


def test_leaks_are_counted_and_told_with_both_tests():
    assert say.leaks_caption(leaks()).startswith(
        "**A leak of training images is seen: MNIST, laptop (ANN).**"
    )
    row = say.leaks(leaks()).iloc[0]
    assert plain(row["less a test image's"]) == "−1.00 [−2.00, −0.50], p = 0.010"
    assert row["leak seen"] == "yes"


@pytest.mark.parametrize("missing", [False, True])
def test_below_pictures_stands_what_is_identified(missing):
    said = say.picture(SCALE, WIDE, 0.1, missing=missing)
    assert said.startswith("**MNIST, laptop: identified 75% (ANN) and 75% (SNN), chance 10.0%.** From above:")
    assert said.endswith("so its images are missing.") == missing


def differences() -> pd.DataFrame:
    frame = pd.DataFrame({"measure": ["recognised", "identified", "feature_leak"], "ann": [0.1, 0.75, 1.0]})
    frame = frame.assign(profile="laptop", dataset="mnist", snn=0.44, difference=-0.31)
    frame = frame.assign(low=-0.8, high=0.23, p=0.289)
    return frame.assign(classes=10, seeds=1, differing=[2, 8, 10], verdict=["open", "contradicted", ""])


def test_what_became_of_the_two_questions_follows_from_their_verdicts():
    assert say.two_questions(differences()) == (
        "that fewer pictures get out of this SNN is open on MNIST; that fewer traces do is contradicted on MNIST"
    )
    demonstration = differences().assign(dataset="digits", verdict="demonstration")
    assert "is not asked of the paper's data; that" in say.two_questions(demonstration)
    caption = say.differences_caption(differences())
    assert caption.startswith("**That fewer pictures get out of this SNN is open on MNIST;")
    assert "Gate shut for pictures on: MNIST." in caption


def test_a_test_that_can_only_say_open_is_not_run():
    rows = say.differences(differences())
    assert plain(rows["SNN − ANN"][0]) == "−0.31 [−0.80, 0.23], two classes differ"
    assert plain(rows["SNN − ANN"][1]) == "−0.31 [−0.80, 0.23], p = 0.289"
    assert rows["classes, networks"][1] == "10, 1" and rows.measure[1] == "identified"


def test_the_landing_page_has_pictures_and_traces():
    cells = say.landing(differences())
    assert len(cells) == 3 * 2 * 2
    assert cells["judge_verdict_faces"] == cells["judge_trace_number_digits"] == "not run"
    assert plain(cells["judge_trace_number_mnist"]) == (
        "at laptop: −0.31 [−0.80, 0.23], p = 0.289; identified: ANN 75%, SNN 44%"
    )


def test_printed_counts_carry_a_difference_on_the_faces_only():
    found = findings.exact_table()
    assert say.exact_caption(found).startswith(
        "**Whether the printed counts carry a difference by every test: MNIST: no; AT&T faces: yes.**"
    )
    assert say.exact(found).iloc[0].tolist()[:4] == ["MNIST", "A_comb", "10 of 10", "7 of 10"]


def test_the_headline_says_once_what_both_targets_show():
    chance = {SCALE: 0.1}
    share = "on MNIST, laptop, 75% (ANN) and 75% (SNN) identified by the class mean (chance 10.0%)"
    assert say.headline(WIDE, READINGS, chance, leaks()) == (
        f"They show traces of the class, not images: {share}. Where training images are seen to leak: MNIST, "
        "laptop (ANN)."
    )
    apart = READINGS | {(*SCALE, "reconstruction", "snn"): "nothing"}
    assert say.headline(WIDE, apart, chance, leaks((False, False))) == (
        f"They show traces of the class, not images (ANN) and nothing of the class (SNN): {share}. Where training "
        "images are seen to leak: nowhere."
    )
    digits = findings.wide(pd.concat([FOUND, FOUND.assign(dataset="digits")]))
    more = READINGS | {(SCALE[0], "digits", *key[2:]): "image" for key in READINGS}
    assert "Digits" not in say.headline(digits, more, chance, leaks())


def test_what_waits_for_the_judge_is_named():
    assert say.waiting([]) == ""
    assert say.waiting([("quick", "mnist")]) == "Stored but not yet judged: MNIST, quick."
