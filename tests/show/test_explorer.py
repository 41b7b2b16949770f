"""The explorer as a reader without a kernel gets it: widgets, links and the HTML they carry."""

import base64
import re
from types import SimpleNamespace

import ipywidgets as widgets
import numpy as np
import pytest

from snnmi.attack import pair
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.players import GaminConfig
from snnmi.show import explorer
from tests.helpers import small

SHAPE, CLASSES = (6, 5), 3


def drawn(kind="ann", *, pictures=None, shape=SHAPE, moments=None, originals=("class mean", "test image")):
    """Of three classes; the target believes in class 0, the copy in what it should."""
    chance = np.random.default_rng(0)
    own = chance.integers(0, 256, (CLASSES, 4, *shape), dtype=np.uint8) if pictures is None else pictures
    means = chance.integers(0, 256, (CLASSES, *SHAPE), dtype=np.uint8)
    sure = np.eye(CLASSES)[0], np.ones(CLASSES)
    originals = dict.fromkeys(originals, means)
    return explorer.Drawn(kind, list(range(CLASSES)), originals, own, *sure, moments=moments or {})


def parts(box, kind):
    """All widgets of one kind, outermost first."""
    found = [box] if isinstance(box, kind) else []
    return found + [one for child in getattr(box, "children", ()) for one in parts(child, kind)]


def one(*all_drawn):
    """Of one kind of attack, by the names of what was attacked."""
    return {"GAMIN": {own.kind.upper(): own for own in all_drawn}}


def panel(index=0, kind="ann", **about):
    return explorer.class_panel("Toy, all the queries", {kind.upper(): drawn(kind, **about)}, index)


def pictures(box):
    return [one.value for one in parts(box, widgets.HTML) if "<img" in one.value]


def test_choices_lead_to_one_panel_each_with_the_targets_side_by_side_and_no_name_becomes_markup():
    three = {"ANN": drawn(), "<script>": drawn(), "SNN": drawn("snn")}
    box = explorer.explorer(
        {"Toy": {"GAMIN": three, "other": one(drawn("snn"))["GAMIN"]}, "<Mine>": one(drawn())}
    )
    data_set, *others = parts(box, widgets.Dropdown)
    assert data_set.options == ("Toy", "<Mine>")
    labels = ("0", "1", "2")
    assert [choice.options for choice in others] == [("GAMIN", "other"), labels, ("GAMIN",), labels]
    panels = [picture for picture in pictures(box) if "words" in picture]
    assert len(panels) == len(set(panels)) == 3 * CLASSES
    names = [re.findall("<div><b>([^<]*)</b><div", panel) for panel in panels]
    assert names == [["ANN", "&lt;script&gt;", "SNN"]] * 3 + [["SNN"]] * 3 + [["ANN"]] * 3
    assert "&lt;Mine&gt;: GAMIN, class 0" in panels[-CLASSES]
    assert not re.search("<(Mine|script)", "".join(panels))


def test_a_scale_opens_where_it_is_told_to():
    both = {"Toy": one(drawn(moments=at_work())), "Other": one(drawn())}
    box = explorer.explorer(both, start={"Toy": 2, "Other": 99})
    assert [choice.index for choice in parts(box, widgets.Dropdown)] == [0, 0, 2, 0, 0]
    stacks = [stack.selected_index for stack in parts(box, widgets.Stack)]
    assert stacks == [0, 0, 2, 2, 3, 3, 3, 0, 0], "attacks, panels, and the attack at work at its end"


def at_work():
    sure = np.eye(CLASSES, dtype=np.float16)
    images = np.arange(4 * CLASSES * 30, dtype=np.uint8).reshape(4, CLASSES, *SHAPE)
    answers = np.stack([sure * share for share in (0.1, 0.2, 0.5, 1.0)])
    return dict(batch=np.array([1, 5, 30, 2000]), image=images, target=answers, surrogate=answers)


def test_the_slider_shows_the_attack_at_work_up_to_its_end():
    box = explorer.explorer({"Toy": one(drawn(), drawn("snn", moments=at_work()))})
    (slider,) = parts(box, widgets.IntSlider)
    assert (slider.min, slider.max, slider.value) == (0, 3, 3)
    moments = [picture for picture in pictures(box) if "batch" in picture]
    assert len(moments) == 4 * CLASSES and moments[0].count("<img") == 1, "no run without moments"
    assert "after 5 batches" in moments[1] and "target 20%, copy 20%" in moments[1]
    assert "of class 2 from the SNN" in moments[-1] and "target 100%, copy 100%" in moments[-1]
    assert not parts(explorer.explorer({"Toy": one(drawn())}), widgets.IntSlider)


def test_a_panel_says_in_words_what_it_shows_and_what_is_seen():
    words = panel(1, "snn")
    assert "Toy, all the queries, class 1" in words and "<b>SNN</b>" in words
    assert "network: 0% sure" in words and "copy: 100% sure" in words
    means = drawn().originals["class mean"]
    assert explorer.seen(means[1], means, 1).endswith("most like the mean of 1")
    assert explorer.seen(means[2], means, 1).endswith("most like the mean of 2, not 1")
    noise, ramp = np.random.default_rng(0).random((20, 20)), np.arange(400.0).reshape(20, 20)
    assert [explorer.seen(x, None, 0) for x in (noise, ramp)] == ["speckle", "smooth shapes"]
    assert explorer.seen(0 * ramp, None, 0) == "blank"


def test_a_generator_that_has_collapsed_has_one_large_picture():
    assert panel().count("<img") == 2 + 4 and 'class="pictures many"' in panel()
    found = drawn().pictures.copy()
    found[1] = found[1, :1]  # four times the same
    found[2] = 0  # blank: nothing correlates
    counts = [panel(index, pictures=found).count("<img") for index in range(CLASSES)]
    assert counts == [2 + 4, 2 + 1, 2 + 4]


def test_pictures_stay_small_and_missing_originals_leave_a_placeholder():
    page = panel(shape=(112, 92), originals=())
    assert page.count("not stored") == 1 and page.count("<img") == 4
    sources = re.findall('base64,([^"]+)"', page)
    assert sources and max(len(base64.b64decode(source)) for source in sources) <= 12_000


class Attack(SimpleNamespace):
    """A finished one, as it was stored, and the generator that it kept."""

    dataset, target, labels, moments = "toy", "ann", list(range(CLASSES)), {}
    reconstructions, target_confidences = drawn().pictures, np.ones((CLASSES, 4, CLASSES), np.float32)
    surrogate_confidences = target_confidences
    pair = pair.Pair.new(GaminConfig(batches=1, hidden=4, z_dim=3), SHAPE, CLASSES, CLASSES, seed=0)


LAB = SimpleNamespace(
    box=lambda attack: BlackBox(small("snn", SHAPE, CLASSES, hidden=4), seed=0),
)


def test_new_samples_come_from_the_kept_generator():
    (images, target, surrogate), (again, *_) = (explorer.new_samples(LAB, Attack()) for _ in range(2))
    assert images.shape == (CLASSES, explorer.SHOWN, *SHAPE) and 0 <= images.min() and images.max() <= 1
    assert target.shape == surrogate.shape == (CLASSES, explorer.SHOWN, CLASSES)
    np.testing.assert_allclose(target.sum(-1), 1, rtol=1e-5)
    assert not np.array_equal(images, again)
    shown = explorer.of(LAB, Attack(), drawn().originals)
    assert shown.target.tolist() == [1] * CLASSES and shown.fresh().pictures.shape == images.shape


def test_button_says_where_weights_are_missing_and_nothing_to_explore_is_an_error():
    class Bare(Attack):
        @property
        def pair(self):
            raise FileNotFoundError("no weights here")

    box = explorer.explorer({"Toy": one(explorer.of(LAB, Bare(), drawn().originals))})
    parts(box, widgets.Button)[0].click()
    assert any("no weights here" in found.value for found in parts(box, widgets.HTML))
    with pytest.raises(ValueError, match="finished attack"):
        explorer.explorer({})
