"""What chapter 03 says, from attacks whose end is known."""

import pandas as pd

from snnmi.study.sentences import attacks as say

SETTLED = {"ann": [True, False, True], "snn": [False]}


def test_one_network_is_no_kind():
    assert [say.these("snn", n) for n in (1, 2, 7)] == ["this SNN", "these two SNNs", "SNNs"]
    assert [say.whose("ann", n) for n in (1, 2, 7)] == ["this ANN's", "these two ANNs'", "ANNs'"]


def test_settled_attacks_are_counted_by_kind_of_target():
    assert say.settled(SETTLED) == "2 of 3 attacks on ANNs and 0 of 1 attacks on SNNs"
    assert say.settled({"snn": []}) == "0 of 0 attacks on SNNs"


def test_the_answer_counts_kept_pairs_of_the_first_half():
    said = say.answer(SETTLED, [True, False, False, False])
    assert "At the budgets at hand 2 of 3 attacks on ANNs and 0 of 1 attacks on SNNs have settled" in said
    assert said.endswith("1 of 4 kept pairs stem from the first half of the budget.")


def test_budgets_are_shares_of_the_papers():
    budgets = pd.DataFrame(
        {
            "dataset": ["mnist", "faces"],
            "target": ["ann", "snn"],
            "profile": ["paper", "laptop"],
            "seed": 0,
            "classes": [10, 40],
            "queries_per_class": [1_280_000, 128_000],
            "share_of_paper": [1.0, 0.1],
            "wall_s": [90.0, 6.0],
            "last_k": [0.01, 0.0],
        }
    )
    assert say.budget_finding(budgets).startswith("1 of 2 runs spent")
    first, second = say.budget_lines(budgets).to_dict("records")
    assert (first["target"], second["target"]) == ("MNIST, ANN", "AT&T faces, SNN")
    assert (first["queries a class"], second["share of the paper's budget"]) == ("1,280,000", "10.0%")
    assert (first["minutes"], second["median final $k_t$"]) == ("1.5", "0.0000")
