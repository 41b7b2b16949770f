"""Recordings: the four cells of the same networks, and images taken apart into bins."""

import numpy as np
import pandas as pd
import pytest

from snnmi.study.controls import RECORDED
from snnmi.study.experiment import Experiment
from snnmi.study.findings import events as findings
from snnmi.study.profiles import BINS
from snnmi.study.sentences import events as say
from tests.helpers import ROOT


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """The smoke profile on generated recordings, finished."""
    given = {"datasets": ["saccades"], "variants": RECORDED, "budget": BINS.changes}
    found = Experiment("smoke", **given, results=tmp_path_factory.mktemp("events"))
    found.attacks()
    return found


def test_the_four_cells_are_two_trainings_and_have_a_row_a_measure(experiment):
    runs = experiment.attacks()
    assert {run.variant for run in runs} == {variant.name for variant in RECORDED}
    assert len({run.run.settings["target"]["kind"] for run in runs}) == 2 == len(experiment.targets()) // 2
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
    assert [*films] == ["mean of the class", "a recording", "drawn from the ANN", "drawn from the SNN"]
    assert {film.shape for film in films.values()} == {(6, 2, 10, 10)}


def test_stored_recordings_stand_beside_where_they_are_there(experiment, tmp_path):
    assert findings.with_stored(experiment) == [experiment]  # nothing of them in this folder
    kept = Experiment("events", variants=RECORDED, results=ROOT / "results", compute=False)
    assert findings.with_stored(kept) == [kept]
    own = Experiment(
        "smoke", datasets=["saccades"], variants=RECORDED, results=ROOT / "results", compute=False
    )
    assert [one.profile.name for one in findings.with_stored(own)] == ["smoke", "events"]


@pytest.mark.parametrize("snn, said", [(0.3, "no more and no less"), (0.1, "less"), (0.6, "more")])
def test_the_finding_sets_the_snn_against_the_clipped_ann(snn, said):
    values = dict(zip(findings.NAMES.values(), (0.7, 0.3, 0.5, snn)))
    rows = [{"cell": cell, "value": value} for cell, value in values.items()]
    found = pd.DataFrame(rows).assign(scale="N-MNIST, events", measure=findings.SCORE, networks=3)
    assert say.finding(found) == (
        "At N-MNIST, events (three networks of each kind) the copy of an ANN reads 70% of the test recordings, behind "
        f"a clip 30%; that of an SNN reads {snn:.0%}, {said} than behind the clip, and without its draws and clip 50%."
    )
    assert say.finding(found[:0]) == "Not run at any scale."
