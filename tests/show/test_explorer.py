"""The explorer as a reader without a kernel gets it: widgets, links and the HTML they carry."""

import base64
import re
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import pytest

from snnmi.attack import pair, players
from snnmi.show import explorer
from tests.helpers import small

SHAPE, CLASSES = (6, 5), 3


def attack(kind="ann", dataset="toy", profile="smoke", seed=0, shape=SHAPE):
    """A finished attack on three classes; the target believes in class 0, the surrogate in what it should."""
    target = np.zeros((CLASSES, 4, CLASSES), dtype=np.float32)
    target[..., 0] = 1
    surrogate = np.repeat(np.eye(CLASSES, dtype=np.float32)[:, None], 4, axis=1)
    images = np.random.default_rng(seed).integers(0, 256, (CLASSES, 4, *shape), dtype=np.uint8)
    return SimpleNamespace(
        **dict(profile=profile, dataset=dataset, target=kind, seed=seed, labels=list(range(CLASSES))),
        **dict(queries_per_class=1920, reconstructions=images),
        **dict(target_confidences=target, surrogate_confidences=surrogate),
    )


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
    run = attack(kind, **settings)
    shown = run.reconstructions[index], run.target_confidences[index], run.surrogate_confidences[index]
    return explorer.class_panel(experiment(run), run, index, *shown)


def test_choices_lead_to_one_panel_each():
    box = explorer.explorer([experiment(attack("ann"), attack("snn"), attack("ann", profile="laptop"))])
    data_set, *others = parts(box, widgets.Dropdown)
    assert data_set.options == ("toy, smoke scale", "toy, laptop scale")
    classes = ("0", "1", "2")
    assert [choice.options for choice in others] == [("ANN", "SNN"), classes, ("ANN",), classes]
    panels = [one.value for one in parts(box, widgets.HTML) if "<img" in one.value]
    assert len(panels) == len(set(panels)) == 3 * CLASSES


def test_every_stack_follows_a_choice_in_the_browser():
    box = explorer.explorer([experiment(attack("ann"), attack("snn"))])
    state = widgets.Widget.get_manager_state()["state"]  # what a rendered page is given
    links = [one["state"] for one in state.values() if one["model_name"] == "LinkModel"]
    followed = {link["target"][0]: link["source"][0] for link in links if link["source"][1] == "index"}
    choices = {f"IPY_MODEL_{choice.model_id}" for choice in parts(box, widgets.Dropdown)}
    stacks = parts(box, widgets.Stack)
    assert len(stacks) == 1 + 1 + 2
    assert all(followed[f"IPY_MODEL_{stack.model_id}"] in choices for stack in stacks)


def test_of_several_seeds_the_first_is_shown():
    box = explorer.explorer([experiment(attack(seed=3), attack(seed=4))])
    assert all("seed 3" in one.value for one in parts(box, widgets.HTML) if "<img" in one.value)


def test_panel_says_in_words_what_it_shows():
    words = panel("snn", index=1)
    assert "SNN target, class 1" in words and "1,920 queries" in words
    assert "calls 0 of 4 reconstructions class 1, mean confidence 0.00; the surrogate (S) 4, 1.00" in words
    assert 'aria-label="Mean confidences. target: class 0 1.00' in words


def test_every_picture_has_its_text():
    pictures = re.findall("<img [^>]*>", panel())
    assert len(pictures) == 2 + 4
    assert all(re.search('alt="[^"]+"', picture) for picture in pictures)


def test_pictures_stay_small_at_any_image_size():
    sources = re.findall('base64,([^"]+)"', panel(shape=(112, 92)))
    assert sources and max(len(base64.b64decode(source)) for source in sources) <= 12_000


def test_missing_data_set_leaves_a_placeholder():
    run = attack()
    shown = run.reconstructions[0], run.target_confidences[0], run.surrogate_confidences[0]
    page = explorer.class_panel(experiment(run, present=False), run, 0, *shown)
    assert page.count("not stored") == 2 and page.count("<img") == 4


def test_names_from_outside_cannot_become_markup():
    assert "<script" not in panel(dataset="<script>alert(1)</script>")


def test_new_samples_come_from_the_kept_generator():
    run = attack()
    config = players.GaminConfig(batches=1, hidden=4, z_dim=3)
    run.pair = pair.Pair.new(config, SHAPE, CLASSES, CLASSES, seed=0)
    lab = experiment(run)
    model = small("snn", SHAPE, CLASSES, hidden=4)
    lab.targets = lambda: [SimpleNamespace(dataset="toy", target="ann", seed=0, model=model)]
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
