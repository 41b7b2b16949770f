"""What chapter 3 says, from attacks whose end is known."""

import pandas as pd

from snnmi.study.sentences import attacks as say


def test_one_network_is_no_kind():
    assert [say.these("snn", n) for n in (1, 2, 7)] == ["this SNN", "these two SNNs", "SNNs"]
    assert [say.whose("ann", n) for n in (1, 2, 7)] == ["this ANN's", "these two ANNs'", "ANNs'"]


def ends() -> pd.DataFrame:
    rows = [("ann", 0, 3, 9), ("ann", 1, 1, 10), ("snn", 0, 0, 10)]
    found = pd.DataFrame(rows, columns=["target", "seed", "settled", "off"])
    found = found.assign(profile="laptop", dataset="mnist", queries_per_class=128_000, share_of_paper=0.1)
    found = found.assign(classes=10, first_kept=42, last_kept=1900, batches=2000, alike=0.9987, shown=20)
    full = found[:1].assign(profile="paper", dataset="faces", queries_per_class=1_280_000, share_of_paper=1.0)
    return pd.concat([found, found.assign(profile="smoke", settled=10), full])


def test_settled_attacks_are_counted_at_the_largest_scale_by_kind_of_target():
    assert say.settled(ends()) == (
        "MNIST, laptop: 4 of 20 attacks on these two ANNs and 0 of 10 on this SNN; "
        "AT&T faces, paper: 3 of 10 attacks on this ANN"
    )


def test_the_answer_says_that_the_adversary_is_off_and_the_images_are_one():
    said = say.answer(ends())
    assert "MNIST, laptop: in 29 of 30 attacks the adversarial term is off at the end (kₜ below 0.05)" in said
    assert "the 20 stored images of a generator correlate at 0.999 on average" in said


def test_budgets_are_shares_of_the_papers():
    assert say.budget_finding(ends()).startswith("1 of 7 runs spent")
    first, *_, last = say.budget_lines(ends()).to_dict("records")
    assert (first["target"], last["target"]) == ("MNIST, ANN", "AT&T faces, ANN")
    assert (last["queries a class"], first["of the paper's"]) == ("1,280,000", "10.0%")
    assert (first["settled"], first["$k_t$ < 0.05"]) == ("3 of 10", "9 of 10")
    assert (first["kept at batch"], first["images alike"]) == ("42 to 1,900 of 2,000", "0.999")
