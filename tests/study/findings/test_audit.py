"""The numbers of an audit's answer."""

import pandas as pd
import pytest

from snnmi.study.findings import audit as findings
from snnmi.study.findings.audit import ORDER


def scores(own: float = 0.5, *, accuracy: float = 0.9, in_range: float = 0.7) -> pd.DataFrame:
    """Surrogate accuracies: the network's as said, the others' 0.6; chance is 0.1."""
    values = {"yours": own, "yours, clipped noise": in_range}
    found = pd.DataFrame({"variant": ORDER, "value": [values.get(name, 0.6) for name in ORDER]})
    ends = {"low": found.value - 0.05, "high": found.value + 0.05, "floor": 0.1, "ceiling": accuracy}
    about = {"target": [name.split(",")[0] for name in ORDER], "score": "surrogate_accuracy", "queries": 640}
    return found.assign(**ends, **about)


def judged(plain: str = "nothing", in_range: str = "nothing") -> pd.DataFrame:
    readings = {"yours": plain, "yours, clipped noise": in_range, "ann": "image"}
    found = pd.DataFrame({"images": ORDER, "reading": [readings.get(name, "nothing") for name in ORDER]})
    return found.assign(recognised=0.2, identified=[0.1 * i for i in range(len(ORDER))])


def outcome(a: pd.DataFrame, b: pd.DataFrame) -> findings.Outcome:
    return findings.outcome(a, b, test_images=400)


def test_an_outcome_is_read_off_the_tables():
    found = outcome(scores(), judged())
    assert (found.queries, found.accuracy, found.guess) == (640, 0.9, 0.1)
    assert found.works and found.copied
    assert found.copies["yours"] == 0.5 and found.copies["yours, clipped noise"] == 0.7


@pytest.mark.parametrize("accuracy, works", [(0.9, True), (0.11, False)])
def test_a_network_no_better_than_the_commonest_class_is_not_read_as_it_was_trained(accuracy, works):
    assert outcome(scores(accuracy=accuracy), judged()).works is works


@pytest.mark.parametrize("own, in_range, copied", [(0.12, 0.12, False), (0.12, 0.7, True), (0.7, 0.12, True)])
def test_a_copy_that_either_attacker_gets_is_a_copy(own, in_range, copied):
    assert outcome(scores(own, in_range=in_range), judged()).copied is copied


@pytest.mark.parametrize(
    "plain, in_range, reading",
    [("nothing", "trace", "trace"), ("image", "trace", "image"), ("nothing", "nothing", "nothing")],
)
def test_the_pictures_that_show_most_count_and_only_the_networks_own(plain, in_range, reading):
    assert outcome(scores(), judged(plain, in_range)).reading == reading


def test_how_far_apart_two_networks_scores_are_is_the_larger_of_both_attackers():
    assert findings.apart(scores(0.5, in_range=0.9)).to_dict() == {"surrogate_accuracy": pytest.approx(0.3)}
