"""What chapter 7 answers, on effects whose sentence is known."""

import pandas as pd

from snnmi.study.controls import CELLS
from snnmi.study.sentences import spikes

NBSP = "\u00a0"
PARTS = {"gap": -0.5, "range": -0.4, "encoder": -0.05, "neuron": -0.05}


def effects(dataset="mnist", verdict="not reproduced", width=0.1, **more) -> pd.DataFrame:
    rows = [
        (factor, effect, effect - width, effect + width, effect / -0.5) for factor, effect in PARTS.items()
    ]
    frame = pd.DataFrame(rows, columns=["factor", "effect", "low", "high", "share"])
    frame = frame.assign(
        smallest=frame.effect, largest=frame.effect, p_classes=0.002, verdict=verdict, reason="So."
    )
    about = {"profile": "laptop", "dataset": dataset, "scale": f"{dataset}, laptop", "score": "A_target"}
    return frame.assign(**about | {"metric": "A_target"} | more)


def test_gaps_are_counted_where_they_differ_from_zero():
    found = pd.concat([effects(), effects(dataset="digits", width=0.6)])
    assert spikes.gaps_told_apart(found) == "1 of 2"
    assert spikes.neuron_carries(found) == "the spiking neuron carries half or more in none"
    assert spikes.neuron_carries(effects(share=0.5)) == "the spiking neuron carries half or more in one"


def test_the_table_of_effects_has_a_row_a_gap():
    row = spikes.effects(effects()).iloc[0]
    assert row["score and scale"] == "A_target: mnist, laptop"
    assert row["SNN − ANN"].replace(NBSP, " ") == "−0.50 [−0.60, −0.40], p = 0.002"
    assert row["neuron"].replace(NBSP, " ") == "−0.05 [−0.15, 0.05]"
    assert row["neuron, over orders"].replace(NBSP, " ") == "−0.05 to −0.05"
    assert row["it is the spikes"] == "**not reproduced**"
    assert spikes.effects(effects()[:0]).iloc[0, 0] == "none has all six cells"


def test_what_follows_leaves_out_gaps_of_nothing():
    nothing = effects(dataset="digits", effect=0.0, low=0.0, high=0.0)
    text = spikes.what_follows(pd.concat([effects(), nothing]))
    assert text == "**What follows.**\n\n- mnist, laptop, A_target: *not reproduced*. So."


def test_the_headline_names_what_carries_each_gap():
    deciding = {"mnist": effects(), "digits": effects(dataset="digits", verdict="open", width=0.6)}
    assert spikes.headline(deciding).replace(NBSP, " ") == (
        "Mostly not the spikes: of the SNN − ANN gap in A_target at mnist, laptop, −0.50 [−0.60, −0.40], the input "
        "range carries −0.40, the encoder's draw −0.05 and the spiking neuron −0.05; at digits, laptop there is no gap "
        "to explain."
    )
    assert spikes.conclusion(deciding).startswith("What resists the attack is then a model that clips")
    deciding["faces"] = effects(verdict="reproduced")
    assert spikes.conclusion(deciding) == "No single cause follows from these runs."
    assert spikes.headline({}) == "Open: no scale has all six cells yet."


def test_the_landing_page_says_why_there_is_no_verdict():
    inside = pd.DataFrame(
        {"dataset": ["faces"], "profile": ["laptop"], "scale": ["AT&T faces, laptop"], "seed": [0]}
    )
    missing = {"AT&T faces, laptop": [*CELLS.values()][:4]}
    cells = spikes.landing({"mnist": effects()}, inside, missing, pd.Series({("laptop", "mnist"): 0.1}))
    assert cells["why_verdict_mnist"] == "not reproduced" and cells["why_reason_mnist"] == "A_target: So."
    assert cells["why_scale_mnist"] == "laptop, 10.0% of the paper's queries"
    assert cells["why_verdict_faces"] == "open" and cells["why_scale_faces"] == "laptop"
    assert cells["why_reason_faces"] == (
        "The six cells are not complete; not run: AT&T faces, laptop: four of six."
    )
    assert cells["why_verdict_digits"] == "not run" and cells["why_reason_digits"] == "data set not at hand"
    assert spikes.seeds(inside) == "AT&T faces, laptop: one seed"


def test_tests_that_disagree_are_listed():
    assert spikes.torn(effects()) == "none here"
    assert spikes.torn(effects(p_classes=0.125)).replace(NBSP, " ") == "A_target at mnist, laptop, p = 0.125"
    shares = pd.Series({("half", "mnist"): 0.5, ("smoke", "digits"): 0.0015})
    assert spikes.queries(shares) == "MNIST, half: 50.0%; Digits (8×8), smoke: 0.1%"
