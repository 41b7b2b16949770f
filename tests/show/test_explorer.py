"""The explorer as a reader without a kernel gets it: widgets, links and the HTML they carry."""

import base64
import re
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import pytest

from snnmi.attack import pair, players
from snnmi.attack.blackbox import BlackBox
from snnmi.show import explorer
from tests.helpers import small

SHAPE, CLASSES = (6, 5), 3


def attack(kind="ann", dataset="toy", profile="smoke", seed=0, shape=SHAPE, moments=None):
    """A finished attack on three classes; the target believes in class 0, the surrogate in what it should."""
    target = np.zeros((CLASSES, 4, CLASSES), dtype=np.float32)
    target[..., 0] = 1
    surrogate = np.repeat(np.eye(CLASSES, dtype=np.float32)[:, None], 4, axis=1)
    images = np.random.default_rng(seed).integers(0, 256, (CLASSES, 4, *shape), dtype=np.uint8)
    about = dict(profile=profile, dataset=dataset, target=kind.split(", ")[0], variant=kind, seed=seed)
    found = dict(target_confidences=target, surrogate_confidences=surrogate, reconstructions=images)
    about |= dict(labels=list(range(CLASSES)), moments=moments or {}, queries_per_class=1920)
    return SimpleNamespace(**about, **found)


def experiment(*attacks, present=True):
    images = np.random.default_rng(0).integers(0, 256, (CLASSES, *SHAPE), dtype=np.uint8)
    kept = {"class mean": images, "test image": images} if present else {}
    runs = dict(attacks=lambda: list(attacks), targets=lambda: [])
    return SimpleNamespace(datasets=("toy",), originals=lambda name: kept, **runs)


def parts(box, kind):
    """All widgets of one kind, outermost first."""
    found = [box] if isinstance(box, kind) else []
    return found + [one for child in getattr(box, "children", ()) for one in parts(child, kind)]


def panel(kind="ann", index=0, **settings):
    return class_panel([attack(kind, **settings)], index)


def class_panel(attacks, index=0, **kept):
    def shown(run, index):
        return run.reconstructions[index], run.target_confidences[index], run.surrogate_confidences[index]

    targets = {run.variant: (experiment(*attacks, **kept), run) for run in attacks}
    return explorer.class_panel(targets, index, shown)


def pictures(box):
    return [one.value for one in parts(box, widgets.HTML) if "<img" in one.value]


def test_choices_lead_to_one_panel_each_with_the_targets_side_by_side():
    runs = [attack("ann"), attack("snn"), attack("ann, clipped input"), attack("ann", profile="laptop")]
    box = explorer.explorer([experiment(*runs)])
    data_set, *others = parts(box, widgets.Dropdown)
    assert data_set.options == ("toy, smoke scale", "toy, laptop scale")
    assert [choice.options for choice in others] == [("0", "1", "2")] * 2
    panels = pictures(box)
    assert len(panels) == len(set(panels)) == 2 * CLASSES
    names = [re.findall("<section><b>(.*?)</b>", one) for one in panels]
    assert names == [["ANN", "SNN", "ANN, clipped input"]] * 3 + [["ANN"]] * 3


def test_every_stack_follows_a_choice_in_the_browser():
    box = explorer.explorer([experiment(attack("ann"), attack("snn", moments=at_work()))])
    state = widgets.Widget.get_manager_state()["state"]  # what a rendered page is given
    links = [one["state"] for one in state.values() if one["model_name"] == "LinkModel"]
    followed = {link["target"][0]: link["source"][0] for link in links}
    chosen = parts(box, widgets.Dropdown) + parts(box, widgets.IntSlider)
    choices = {f"IPY_MODEL_{one.model_id}" for one in chosen}
    stacks = parts(box, widgets.Stack)
    assert len(stacks) == 1 + 1 + 1 + CLASSES
    assert all(followed[f"IPY_MODEL_{stack.model_id}"] in choices for stack in stacks)


def at_work():
    sure = np.eye(CLASSES, dtype=np.float16)
    images = np.arange(4 * CLASSES * 30, dtype=np.uint8).reshape(4, CLASSES, *SHAPE)
    answers = np.stack([sure * share for share in (0.1, 0.2, 0.5, 1.0)])
    return dict(batch=np.array([1, 5, 30, 2000]), image=images, target=answers, surrogate=answers)


def test_the_slider_shows_the_attack_at_work_up_to_its_end():
    box = explorer.explorer([experiment(attack("ann"), attack("snn", moments=at_work()))])
    (slider,) = parts(box, widgets.IntSlider)
    assert (slider.min, slider.max, slider.value) == (0, 3, 3)
    moments = [one for one in pictures(box) if "batch" in one]
    assert len(moments) == 4 * CLASSES and moments[0].count("<img") == 1, "no run without moments"
    assert "after 5 batches" in moments[1] and "T 0.20 S 0.20" in moments[1]
    assert "of class 2 from the SNN" in moments[-1] and "T 1.00 S 1.00" in moments[-1]
    assert not parts(explorer.explorer([experiment(attack())]), widgets.IntSlider)


def test_of_several_seeds_the_first_is_shown():
    box = explorer.explorer([experiment(attack(seed=3), attack(seed=4))])
    assert all("seed 3" in one for one in pictures(box))


def test_panel_says_in_words_what_it_shows():
    words = panel("snn", index=1)
    assert "class 1, smoke scale" in words and "<b>SNN</b>" in words and "1,920 queries" in words
    assert "calls 0 of 4 reconstructions class 1, mean confidence 0.00; the surrogate (S) 4, 1.00" in words
    assert 'aria-label="Mean confidences. target: class 0 1.00' in words


def test_every_picture_has_its_text():
    found = re.findall("<img [^>]*>", panel())
    assert len(found) == 2 + 4
    assert all(re.search('alt="[^"]+"', picture) for picture in found)


def test_pictures_stay_small_at_any_image_size():
    sources = re.findall('base64,([^"]+)"', panel(shape=(112, 92)))
    assert sources and max(len(base64.b64decode(source)) for source in sources) <= 12_000


def test_missing_originals_leave_a_placeholder():
    page = class_panel([attack()], present=False)
    assert page.count("not stored") == 2 and page.count("<img") == 4


def test_names_from_outside_cannot_become_markup():
    assert "<script" not in panel(dataset="<script>alert(1)</script>")


def test_new_samples_come_from_the_kept_generator():
    run = attack()
    config = players.GaminConfig(batches=1, hidden=4, z_dim=3)
    run.pair = pair.Pair.new(config, SHAPE, CLASSES, CLASSES, seed=0)
    lab = experiment(run)
    lab.asked = lambda attack: BlackBox(small("snn", SHAPE, CLASSES, hidden=4), seed=0)
    (images, target, surrogate), (again, *_) = (explorer.new_samples(lab, run, 1) for _ in range(2))
    assert images.shape == (explorer.SHOWN, *SHAPE) and 0 <= images.min() and images.max() <= 1
    assert target.shape == surrogate.shape == (explorer.SHOWN, CLASSES)
    np.testing.assert_allclose(target.sum(1), 1, rtol=1e-5)
    assert not np.array_equal(images, again)


def test_button_says_where_weights_are_missing():
    class Bare(SimpleNamespace):
        @property
        def pair(self):
            raise FileNotFoundError("no weights here")

    box = explorer.explorer([experiment(Bare(**vars(attack())))])
    parts(box, widgets.Button)[0].click()
    assert any("no weights here" in one.value for one in parts(box, widgets.HTML))


def test_nothing_to_explore_is_an_error():
    with pytest.raises(ValueError, match="finished attack"):
        explorer.explorer([experiment()])
