"""Recordings: the four cells of the same networks, and images taken apart into bins."""

import numpy as np
import pandas as pd
import pytest

from snnmi.study.controls import EVENTS, RECORDED, SENT
from snnmi.study.experiment import Experiment
from snnmi.study.findings import events as findings
from snnmi.study.judgements import judgements_table
from snnmi.study.profiles import BINS
from snnmi.study.sentences import events as say
from tests.helpers import NAN, ROOT, plain


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """The smoke profile on generated recordings, finished."""
    given = {
        "datasets": ["saccades"],
        "variants": (*RECORDED, *SENT),
        "budget": BINS.changes | {"attack": {"batches": 5}},
    }
    found = Experiment("smoke", **given, results=tmp_path_factory.mktemp("events"))
    found.attacks()
    return found


def test_the_four_cells_are_two_trainings_and_have_a_row_a_measure(experiment):
    runs = experiment.attacks()
    assert {run.variant for run in runs} == {variant.name for variant in (*RECORDED, *SENT)}
    assert len({run.run.settings["target"]["kind"] for run in runs}) == 2
    found = findings.cells_table(runs)
    assert len(found) == 4 * 3 and set(found.cell) == set(findings.NAMES.values())
    assert found.value.between(0, 1).all() and set(found.scale) == {"Saccades, smoke"}
    assert findings.cells_table(runs[:3] + runs[:0]).empty  # no comparison without all four


def test_an_snn_on_recordings_takes_a_bins_pixels(experiment):
    (snn,) = (target for target in experiment.targets() if target.variant == "snn")
    assert snn.config.neuron.encoder == "bins" and snn.image_shape == (120, 10)
    assert experiment.model(experiment.cells()[-1]).hidden.in_features == 2 * 10 * 10


def test_films_are_bins_polarities_and_pixels(experiment):
    image = np.arange(6 * 2 * 4 * 5, dtype=np.float32).reshape(6 * 2 * 4, 5)
    assert findings.film(image)[2, 1].tolist() == image[5 * 4 : 6 * 4].tolist()
    assert findings.film(np.full((12, 1), 255, np.uint8)).max() == 1
    where, films = findings.shown(experiment, label=3)
    assert where == "Saccades, smoke"
    drawn = [f"drawn{how} from the {kind}" for how in ("", " as events") for kind in ("ANN", "SNN")]
    assert [*films] == ["mean of the class", "a recording", *drawn]
    assert set(np.unique(films["drawn as events from the SNN"])) == {0, 1}
    assert {film.shape for film in films.values()} == {(6, 2, 10, 10)}


def test_stored_recordings_stand_beside_where_they_are_there(experiment, tmp_path):
    assert findings.with_stored(experiment) == [experiment]  # nothing of them in this folder
    kept = Experiment("events", variants=RECORDED, results=ROOT / "results", compute=False)
    assert findings.with_stored(kept) == [kept]
    given = {"datasets": ["saccades"], "variants": RECORDED, "results": ROOT / "results"}
    own = Experiment("smoke", **given, compute=False)
    assert [one.profile.name for one in findings.with_stored(own)] == ["smoke", "events"]


@pytest.mark.parametrize(
    "low, high, networks, number, verdict",
    [
        (-0.3, -0.1, 3, "−0.20 [−0.30, −0.10]", "told from none"),
        (-0.5, 0.1, 3, "−0.20 [−0.50, 0.10]", "not told from none"),
        (NAN, NAN, 1, "−0.20", "one network, so no interval"),
    ],
)
def test_the_finding_tells_the_snn_from_the_clipped_ann_only_by_an_interval(
    low, high, networks, number, verdict
):
    values = dict(zip(findings.NAMES.values(), (0.7, 0.3, 0.5, 0.1)))
    rows = [{"cell": cell, "value": value} for cell, value in values.items()]
    found = pd.DataFrame(rows).assign(scale="N-MNIST, events", measure=findings.SCORE, floor=0.1)
    rest = {"scale": "N-MNIST, events", "value": -0.2, "low": low, "high": high, "networks": networks}
    count = "three networks" if networks == 3 else "one network"
    sent = pd.DataFrame({"sent": [*EVENTS], "after": [0.4, 0.45]})
    sent = sent.assign(scale="N-MNIST, events", target="snn", networks=networks)
    these = "these three SNNs" if networks == 3 else "this SNN"
    assert plain(say.finding(found, pd.DataFrame([rest]), sent)) == (
        f"At N-MNIST, events ({count} of each kind) the copy of an ANN reads 70% of the test recordings, behind a clip "
        "30%; that of an SNN reads 10%, and fed raw numbers, with neither draws nor clip, 50%; guessing gives 10%. SNN "
        f"less clipped ANN: {number}, {verdict}. Asked with sparse noise, copies read 40% ({these}); with the same "
        f"sent as zeros and ones, 45% ({these})."
    )
    assert plain(say.rest(pd.DataFrame([rest]))) == (
        f"Copies of an SNN less those of an ANN behind a clip: {number} at N-MNIST, events ({verdict})."
    )
    assert say.finding(found[:0], pd.DataFrame([rest])[:0], sent) == "Not run at any scale."


def test_snn_and_clipped_ann_are_compared_network_by_network(experiment):
    (row,) = findings.against_clip(experiment.attacks()).itertuples()
    found = findings.cells_table(experiment.attacks())
    clip, snn = (findings.value(found, "Saccades, smoke", cell) for cell in ("ANN behind a clip", "SNN"))
    assert row.value == pytest.approx(snn - clip) and row.networks == 1 and np.isnan(row.low)


def test_who_sends_events_is_set_against_the_same_noise_sent_as_numbers(experiment):
    found = findings.sent_table(experiment.attacks()).set_index(["target", "sent"])
    assert len(found) == 2 * 2 and (found.networks == 1).all() and found.low.isna().all()
    for kind in ("ann", "snn"):
        scores = {
            run.variant: run.scores[run.scores["pair"] == "last"].surrogate_accuracy.mean()
            for run in experiment.attacks()
        }
        sparse, events = (found.loc[(kind, way)] for way in ("sparse noise", "sparse noise, sent as events"))
        assert (sparse.before, sparse.after) == pytest.approx((scores[kind], scores[f"{kind}, sparse noise"]))
        assert events.before == sparse.after
        assert events.value == pytest.approx(scores[f"{kind}, sparse noise, sent as events"] - sparse.after)
    images = {run.variant: run.reconstructions for run in experiment.attacks()}
    assert set(np.unique(images["snn, sparse noise, sent as events"])) <= {0, 255}
    assert len(np.unique(images["snn, sparse noise"])) > 2
    without = [run for run in experiment.attacks() if run.variant != "snn, sparse noise"]
    assert set(findings.sent_table(without).target) == {"ann"}


def test_what_is_sent_is_said_scale_by_scale_with_the_rise_of_each_network():
    rows = [
        ("snn", "sparse noise", 0.1, 0.3, 0.2, 0.1, 0.3, 3),
        ("snn", "sparse noise, sent as events", 0.3, 0.35, 0.05, -0.1, 0.2, 3),
    ]
    columns = ["target", "sent", "before", "after", "value", "low", "high", "networks"]
    found = pd.DataFrame(rows, columns=columns).assign(scale="N-MNIST, events")
    assert plain(say.sent(found)) == (
        "At N-MNIST, events, sparse noise takes the test recordings that the copy reads of these three SNNs from 10% "
        "to 30% (rise +0.20 [0.10, 0.30], told from none). The same, sent as events, takes the test recordings that "
        "the copy reads of these three SNNs from 30% to 35% (rise +0.05 [−0.10, 0.20], not told from none)."
    )
    assert say.sent(found[:0]) == "Nobody sent anything but the published noise."


def test_how_full_recordings_are_is_the_share_of_their_places_with_an_event(experiment):
    images = experiment.dataset("saccades")
    own = [images.x_train[images.y_train == label].mean() for label in range(images.num_classes)]
    assert findings.filled(experiment, "saccades") == pytest.approx(float(sum(own) / len(own)), abs=0.01)


def test_an_honest_judge_is_asked_of_the_stored_recordings_alone(experiment):
    stored = Experiment("events", variants=RECORDED, results=ROOT / "results", compute=False)
    found = findings.judged_table([experiment, stored])
    assert set(found.scale) == {"N-MNIST, events"} and len(found) == 4 * 2
    real = judgements_table([stored], ("test image",)).recognised.mean()
    assert (found.real == real).all() and 0.5 < real < 1
    assert f"a judge that recognises {real:.0%} of real test recordings" in say.judged(found)
    rows = judgements_table([stored], ("reconstruction",))
    own = rows[rows.variant == "ann, clipped input"].groupby("seed").identified.mean()
    cell = found[(found.cell == "ANN behind a clip") & (found.measure == "identified")].iloc[0]
    assert cell.value == pytest.approx(own.mean()) and cell.networks == len(own) == 3
    text = say.judged(found.assign(value=np.where(found.measure == "recognised", 0.0, found.value)))
    assert "recognises nothing of what was drawn; most like" in text
    seen = np.where(found.cell == "SNN", 0.5, 0.25)
    assert "recognises at most 50.0% of what was drawn (SNN); most like" in say.judged(
        found.assign(value=seen)
    )
    assert say.judged(findings.judged_table([experiment])) == "No judge of recordings is stored."
