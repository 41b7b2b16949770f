"""Chapter 7's answer, on gaps whose cause is known."""

import pandas as pd
import pytest

from snnmi.study.controls import CELLS, FOUR
from snnmi.study.sentences import spikes
from tests.helpers import NAN, plain

SCALE = "MNIST, laptop"
ABOUT = {"profile": "laptop", "dataset": "mnist", "scale": SCALE}


def parts(encoding=-0.385, neuron=0.085, width=NAN, networks=1) -> pd.DataFrame:
    effects = {"gap": encoding + neuron, "encoding": encoding, "neuron": neuron}
    frame = pd.DataFrame({"factor": [*effects], "effect": effects.values()})
    frame = frame.assign(low=frame.effect - width, high=frame.effect + width, kept=frame.effect - 0.01)
    shares = frame.effect / (encoding + neuron)
    return frame.assign(share=shares, smallest=-0.41, largest=-0.36, networks=networks, **ABOUT)


def explained(encoding="open", neuron="open") -> pd.DataFrame:
    frame = pd.DataFrame({"part": ["encoding", "neuron"], "verdict": [encoding, neuron]})
    return frame.assign(reason=["So.", "Thus."], **ABOUT)


def cells(networks=1) -> pd.DataFrame:
    frame = pd.DataFrame([*CELLS], columns=["neuron", "input"]).assign(scale=SCALE, networks=networks)
    return frame.assign(value=(0.5, 0.13, 0.14, 0.6, 0.19, 0.194))


SEEN = (
    "copies of this ANN read 50% of the test images rightly and copies of this SNN 19%; put this ANN behind the same "
    "clip and it is 13%, feed this SNN raw numbers and it is 60%."
)
UNSETTLED = "it is not settled with one network of each kind, but what was seen points to the"


def test_the_headline_says_what_protects_and_how_many_networks_say_so():
    said = spikes.headline(parts(), explained(), cells())
    assert said == f"On MNIST (laptop) {UNSETTLED} encoder's clip: {SEEN}"
    said = spikes.headline(parts(networks=7), explained("supported", "contradicted"), cells(7))
    assert said.startswith(
        "On MNIST (laptop) what protects is the encoder, which clips its input, and not the spiking neuron: "
    )
    assert "feed SNNs raw numbers" in said


@pytest.mark.parametrize(
    "encoding, neuron, said",
    [(-0.05, -0.3, f"{UNSETTLED} spiking neuron: "), (-0.02, -0.02, "there is no gap to explain: ")],
)
def test_the_headline_follows_the_parts(encoding, neuron, said):
    found = spikes.headline(parts(encoding, neuron), explained(), cells())
    assert found.startswith(f"On MNIST (laptop) {said}")


def test_a_gap_that_cannot_be_told_from_zero_is_not_explained():
    """As on the faces at a quarter: -0.07 [-0.17, 0.04]."""
    said = spikes.headline(parts(-0.37, 0.30, width=0.11, networks=3), explained(), cells(3))
    none = "no gap can be told from zero with three networks of each kind, so there is none to explain: "
    assert said.startswith(f"On MNIST (laptop) {none}") and "points" not in said


def test_what_few_networks_leave_open_at_one_scale_takes_nothing_from_another():
    many = parts(networks=7), explained("supported", "contradicted"), cells(7)
    few = (frame.assign(scale="B, b") for frame in (parts(-0.05, -0.3), explained(), cells()))
    said = spikes.headline(*map(pd.concat, zip(many, few)))
    assert said.startswith("On MNIST (laptop) what protects is the encoder")
    assert f"On B (b) {UNSETTLED} spiking" in said
    assert spikes.headline(parts()[:0], explained()[:0], cells()) == "Open: no scale has all four cells yet."


def test_the_papers_two_explanations_stand_by_name_and_only_on_its_data():
    digits = explained("demonstration", "demonstration")
    table = spikes.explanations(pd.concat([explained("supported", "contradicted"), digits]))
    assert table["the paper's explanation"].tolist() == [
        "irregular decision boundaries, so through the spiking neuron",
        "encoding and decoding as a layer of obfuscation",
    ]
    assert table.verdict.tolist() == ["**contradicted**", "**supported**"]
    assert len(spikes.explanations(explained()[:0])) == 1


def test_the_table_of_parts_has_the_kept_pair_and_both_ways():
    row = spikes.parts(parts(width=0.1)).iloc[0]
    assert plain(row["SNN − ANN"]) == "−0.30 [−0.40, −0.20] (kept −0.31)"
    assert plain(row["encoding"]) == "−0.39 [−0.48, −0.29] (kept −0.40, −0.41 and −0.36)"
    assert spikes.parts(parts()).iloc[0]["neuron"].startswith("+0.09 (kept")


def noises(clipped: float) -> pd.DataFrame:
    names = ["Gaussian, as published", "Gaussian, clipped"]
    return pd.DataFrame({"noise": names, "value": [-0.31, clipped]}).assign(**ABOUT)


def test_the_guess_under_the_answer_is_said_with_what_speaks_for_it():
    assert spikes.noise_guess(noises(0.05)) == (
        f"{spikes.GUESS} At MNIST, laptop the gap in the copy's accuracy is −0.31 with noise as it is and +0.05 with "
        "clipped noise, and the paper prints −0.48: with clipped noise the rebuilt gap is gone and the published one "
        "is there, so unclipped is the better guess."
    )
    assert spikes.noise_guess(noises(-0.3)).endswith("−0.48: that does not tell which it was.")
    assert spikes.noise_guess(noises(0.05)[:1]).endswith("Clipped noise is not run on its data.")


def test_how_the_attacks_ended_is_said_where_the_answer_is():
    said = "At MNIST, laptop 4 of the 40 attacks on the four cells have settled, and in 39 kₜ ends"
    assert spikes.endings({SCALE: {"classes": 40, "settled": 4, "off": 39}}).startswith(said)


def test_the_landing_page_says_why_there_is_no_verdict():
    shares = pd.Series({("laptop", "mnist"): 0.1, ("laptop", "faces"): 0.1, ("smoke", "digits"): 0.001})
    missing = {"AT&T faces, laptop": [FOUR[1], FOUR[2]], SCALE: [], "Digits (8×8), smoke": []}
    cells = spikes.landing(explained("supported", "contradicted"), missing, shares)
    assert (cells["why_verdict_mnist"], cells["why_reason_mnist"]) == ("contradicted", "Thus.")
    assert (cells["why_encoding_verdict_mnist"], cells["why_encoding_reason_mnist"]) == ("supported", "So.")
    assert cells["why_scale_mnist"] == "laptop, 10.0% of the paper's queries"
    assert cells["why_verdict_faces"] == "open" and cells["why_scale_faces"] == "laptop"
    assert cells["why_reason_faces"] == (
        "The four cells are not complete; not run: AT&T faces, laptop: ANN, clipped input; SNN, raw current."
    )
    assert cells["why_verdict_digits"] == "demonstration" and cells["why_scale_digits"] == "smoke"
    none = spikes.landing(explained()[:0], {}, shares[:0])
    assert none["why_verdict_faces"] == "not run" and none["why_reason_faces"] == "data set not at hand"
