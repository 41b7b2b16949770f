"""What the figures must show, read off the artists that were drawn."""

import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from snnmi.show import figures
from tests.conftest import ROOT

CHANCE = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def nothing_stays_open():
    figures.use_style()
    yield
    assert not plt.get_fignums(), "an open figure would be shown twice in a notebook"


def texts(fig) -> list[str]:
    fig.canvas.draw()
    return [text.get_text() for text in fig.findobj(plt.Text)]


def test_raster_has_one_mark_a_spike():
    image = CHANCE.random((3, 4)).astype(np.float32)
    spikes = (CHANCE.random((25, 3, 4)) < image).astype(np.float32)
    fig = figures.rate_coding(image, spikes)
    marks = [segment for lines in fig.findobj(LineCollection) for segment in lines.get_segments()]
    assert len(marks) == spikes.sum()


def test_lif_traces_count_the_spikes():
    spk = np.array([0, 0, 1, 0, 1], dtype=np.float32)
    fig = figures.lif_traces(np.full(5, 0.6, dtype=np.float32), {"delayed": (spk, 0.4 * spk + 0.7)})
    assert "delayed: 2 spikes" in texts(fig)


def test_training_curves_show_what_was_published_where_it_was():
    history = pd.DataFrame(
        {
            "dataset": "mnist",
            "target": "ann",
            "seed": 0,
            "epoch": [1, 2],
            "loss": [1.0, 0.1],
            "test_accuracy": [0.9, 0.95],
        }
    )

    def heights(published):
        lines = figures.training_curves(history, published).axes[1].lines
        return [line.get_ydata()[0] for line in lines if line.is_dashed()]

    assert heights(None) == heights({("faces", "ann"): 0.95}) == []
    assert heights({("mnist", "ann"): 0.9771}) == [0.9771]


def test_convergence_draws_every_class_and_their_median():
    history = {"batch": np.arange(3)} | {name: CHANCE.random((3, 5)) for name in figures.CURVES}
    ax = figures.convergence({"ann": history, "snn": history}).axes[0]
    assert len(ax.lines) == 2 * (5 + 1)
    np.testing.assert_allclose(ax.lines[5].get_ydata(), np.median(history["L_N"], axis=1))
    np.testing.assert_allclose(
        figures.convergence({"ann": history}, batch_size=64).axes[0].lines[0].get_xdata(), [0, 64, 128]
    )


def test_convergence_grid_has_a_row_a_run():
    history = {"batch": np.arange(3)} | {name: CHANCE.random((3, 5)) for name in figures.CURVES}
    fig = figures.convergence_grid({"digits": {"ann": history}, "faces": {"snn": history}})
    assert len(fig.axes) == 2 * 4 and {"digits", "faces", "ANN target", "SNN target"} <= set(texts(fig))


def test_score_dots_draw_a_diamond_where_the_paper_has_a_number():
    scores = pd.DataFrame(
        {
            "metric": "F",
            "dataset": ["mnist", "digits"],
            "target": "ann",
            "value": [0.8, 0.9],
            "low": 0.7,
            "high": 1.0,
            "published": [0.89, np.nan],
        }
    )
    fig = figures.score_dots(scores)
    diamonds = [line.get_xdata()[0] for line in fig.axes[0].lines if line.get_marker() == "D"]
    assert np.nansum(diamonds) == pytest.approx(0.89)
    assert {"MNIST  ANN", "Digits (8×8)  ANN", "published"} <= set(
        texts(fig)
    ) and "from floor to ceiling" not in texts(fig)


def test_differences_name_only_verdicts_that_occur():
    frame = pd.DataFrame(
        {
            "metric": "F",
            "scale": "laptop",
            "difference": [0.1],
            "low": [0.0],
            "high": [0.2],
            "published": [0.06],
            "verdict": ["open"],
        }
    )
    found = texts(figures.differences(frame))
    assert {"open", "published", "laptop"} <= set(found) and "reproduced" not in found


def test_growth_has_a_panel_a_variable():
    frame = pd.DataFrame(
        {
            "variable": ["classes", "classes", "side", "side"],
            "value": [1, 10, 8, 28],
            "target": "ann",
            "seconds_per_batch": [0.1, 0.3, 0.1, 0.2],
        }
    )
    assert len(figures.growth(frame).axes) == 2


def effects_of(scale, metric, factors, effect, reach=0.05):
    return pd.DataFrame(
        {
            "metric": metric,
            "scale": scale,
            "factor": factors,
            "effect": effect,
            "low": np.array(effect) - reach,
            "high": np.array(effect) + reach,
            "smallest": effect,
            "largest": effect,
        }
    )


def test_effects_have_a_bar_a_factor_as_long_as_the_effect_and_leave_sums_out():
    factors, effect = ["neuron", "range", "encoder", "range + encoder", "gap"], [-0.1, 0.4, 0.2, 0.6, 0.5]
    frame = pd.concat(
        [effects_of(scale, metric, factors, effect) for scale in ("quick", "laptop") for metric in ("F", "A")]
    )
    fig = figures.effects(frame)
    assert len(fig.axes) == 2 * 2 and {"quick", "laptop", "F", "A", "SNN − ANN", "spiking neuron"} <= set(
        texts(fig)
    )
    drawn = {round(bar.get_y() + bar.get_height() / 2): bar for bar in fig.axes[3].patches if bar.get_fill()}
    lengths = {factor: drawn[place].get_width() for place, factor in enumerate(figures.FACTORS)}
    assert (
        lengths == pytest.approx({"gap": 0.5, "range": 0.4, "encoder": 0.2, "neuron": -0.1})
        and len(drawn) == 4
    )
    ends = [
        line.get_segments()[0][:, 0]
        for line in fig.axes[3].findobj(LineCollection)
        if to_rgb(line.get_color()[0]) == (0, 0, 0)
    ]
    np.testing.assert_allclose(
        sorted(map(tuple, ends)), [(-0.15, -0.05), (0.15, 0.25), (0.35, 0.45), (0.45, 0.55)]
    )


def test_effects_say_where_there_is_no_gap():
    factors = ["neuron", "range", "encoder", "gap"]
    frame = pd.concat(
        [
            effects_of("quick", "F", factors, [0.1, 0.1, 0.1, 0.3]),
            effects_of("quick", "A", factors, [0.0] * 4, 0.0),
        ]
    )
    assert texts(figures.effects(frame)).count("no gap, no effect") == 1


def test_changes_stand_below_their_factor_and_scales_apart():
    frame = pd.DataFrame(
        {
            "metric": "F",
            "scale": ["quick", "quick", "laptop"],
            "factor": ["leak", "width", "width"],
            "target": ["snn", "ann", "ann"],
            "name": ["beta = 0.5", "a quarter", "a quarter"],
            "difference": [0.1, -0.2, -0.3],
            "low": [0.0, -0.3, -0.4],
            "high": [0.2, -0.1, -0.2],
        }
    )
    fig = figures.changes(frame)
    found = texts(fig)
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == [
        "leak",
        "SNN: beta = 0.5",
        "width",
        "ANN: a quarter",
    ]
    assert {"quick", "laptop"} <= set(found)
    marks = {
        float(line.get_xdata()[0]): line for line in fig.axes[0].lines if line.get_marker() in ("o", "s")
    }
    assert marks[0.1].get_ydata()[0] == 1 and marks[-0.2].get_ydata()[0] < 3 < marks[-0.3].get_ydata()[0]
    assert to_rgb(marks[0.1].get_color()) == to_rgb(figures.COLORS["snn"])
    assert to_rgb(marks[-0.2].get_color()) == to_rgb(figures.COLORS["ann"])


def test_time_steps_run_from_few_to_many_and_the_ann_is_a_line():
    frame = pd.DataFrame(
        {
            "metric": ["F"] * 4 + ["own"] * 4,
            "scale": "quick",
            "target": ["snn", "snn", "snn", "ann"] * 2,
            "num_steps": [25, 1, 5, np.nan] * 2,
            "value": [0.3, 0.1, 0.2, 0.9, 1.0, 1.0, 1.0, 1.0],
        }
    ).assign(low=lambda f: f.value - 0.1, high=lambda f: f.value + 0.1)
    fig = figures.time_steps(frame)
    ax = fig.axes[0]
    assert ax.lines[0].get_xdata().tolist() == [1, 5, 25] and ax.lines[0].get_ydata().tolist() == [
        0.1,
        0.2,
        0.3,
    ]
    assert [line.get_ydata()[0] for line in ax.lines if line.is_dashed()] == [0.9]
    assert fig.axes[1].get_ylim()[0] == 0  # all alike
    assert {"SNN", "ANN", "time steps $T$"} <= set(texts(fig))


def test_reconstructions_put_forty_people_in_blocks_of_ten():
    people = [CHANCE.random((28, 23)).astype(np.float32) for _ in range(40)]
    fig = figures.reconstructions(range(40), {"class mean": people, "SNN": people})
    labels = [text for text in fig.findobj(plt.Text) if text.get_text().isdigit()]
    assert sorted(int(text.get_text()) for text in labels) == list(range(40))
    assert len({text.get_position()[1] for text in labels}) == 4
    assert len(fig.axes[0].images) == 80


def test_bytes_and_shares_share_one_grey_scale():
    white = figures.reconstructions([0, 1], {"ANN": [np.full((2, 2), 255, np.uint8), np.ones((2, 2))]})
    assert [image.get_clim() for image in white.axes[0].images] == [(0, 255), (0, 1)]


def test_a_missing_original_leaves_a_placeholder():
    fig = figures.reconstructions(
        [0, 1], {"test image": [None, None], "ANN": [np.zeros((8, 8)), np.zeros((8, 8))]}
    )
    assert texts(fig).count("not on this\nmachine") == 2 and len(fig.axes[0].images) == 2


def test_reconstructions_refuse_columns_of_unequal_length():
    with pytest.raises(ValueError, match="'ANN' holds 1 pictures for 2 labels"):
        figures.reconstructions([0, 1], {"ANN": [np.zeros((8, 8))]})


def test_decision_slices_say_how_much_differs():
    target = np.zeros((8, 8), dtype=np.uint8)
    surrogate = target.copy()
    surrogate[:2] = 1  # a quarter
    row = {
        "title": "ANN",
        "target": target,
        "surrogate": surrogate,
        "extent": (-1, 1, -1, 1),
        "points": [[0, 0.5]],
        "point_labels": [7],
    }
    found = texts(figures.decision_slices([row], num_classes=10))
    assert "labels differ on 25% of the plane" in found
    assert found.count("7") == 3 and "0" in found and "1" in found


@pytest.mark.parametrize("count", [2, 10, 21, 40])
def test_every_class_has_a_colour_of_its_own(count):
    assert len({tuple(color) for color in figures.label_colors(count)}) == count


def test_ann_and_snn_differ_in_grey_too():
    grey = [np.dot(to_rgb(figures.COLORS[kind]), [0.2126, 0.7152, 0.0722]) for kind in ("ann", "snn")]
    assert abs(grey[0] - grey[1]) > 0.07


def test_workflow_describes_itself_and_needs_nothing_else():
    path = ROOT / "book" / "_static" / "workflow.svg"
    root = ElementTree.parse(path).getroot()
    names = {child.tag.split("}")[1]: child for child in root}
    assert root.get("role") == "img" and set(root.get("aria-labelledby").split()) == {
        names["title"].get("id"),
        names["desc"].get("id"),
    }
    assert not re.search(r"https?://(?!www\.w3\.org)|@import|<script|<image", path.read_text())
    ground = next(child for child in root if child.tag.endswith("rect"))
    assert (
        ground.get("fill") == "#fff"
        and root.get("viewBox") == f"0 0 {ground.get('width')} {ground.get('height')}"
    )


def test_sources_fill_reconstructions_alone_and_mark_where_real_images_end():
    rows = [
        ("test image", "", 3.0),
        ("fooling noise", "ann", 7.0),
        ("reconstruction", "ann", 8.0),
        ("reconstruction", "snn", 9.0),
    ]
    frame = pd.DataFrame(rows, columns=["source", "target", "value"]).assign(
        scale="quick", low=1.0, high=10.0
    )
    frame = pd.concat([frame.assign(metric="feature"), frame.assign(metric="pixel")])
    fig = figures.sources(frame, {("quick", "feature"): 5.6})
    left, right = fig.axes
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [3.0, 7.0, 8.0, 9.0]
    assert [to_rgb(line.get_color()) == to_rgb(line.get_markerfacecolor()) for line in dots] == [
        True,
        False,
        True,
        True,
    ]
    assert [to_rgb(line.get_color()) for line in dots[2:]] == [
        to_rgb(figures.COLORS[kind]) for kind in ("ann", "snn")
    ]
    assert [[line.get_xdata()[0] for line in ax.lines if line.is_dashed()] for ax in (left, right)] == [
        [5.6],
        [],
    ]
    assert {"quick", "test image", "fooling noise ANN", "reconstruction SNN", "feature", "pixel"} <= set(
        texts(fig)
    )


def test_sources_leave_out_what_a_scale_lacks():
    frame = pd.DataFrame(
        {"scale": ["a", "a", "b"], "metric": "m", "source": ["x", "y", "x"], "target": "", "value": 1.0}
    )
    upper, lower = figures.sources(frame.assign(low=np.nan, high=np.nan)).axes
    assert [sum(line.get_marker() == "o" for line in ax.lines) for ax in (upper, lower)] == [2, 1]


def test_the_surrogate_gradient_is_drawn_beside_what_training_made_of_it():
    u = np.linspace(-1, 1, 5)
    curve = np.array([[2.0, 0.5], [1.0, 0.25]])
    fig = figures.surrogate_gradient(u, (u > 0) * 1.0, (1 + abs(u)) ** -2, {"surrogate": (curve, 0.9)})
    assert "surrogate: 90% right" in texts(fig)
    loss, norm = (ax.lines[0].get_ydata().tolist() for ax in fig.axes[1:])
    assert (loss, norm) == ([2.0, 1.0], [0.5, 0.25])


def test_flips_have_a_panel_a_place_and_a_line_a_kind_of_path():
    counted = pd.DataFrame(
        {"profile": "laptop", "dataset": "mnist", "kind": ["within", "between"], "ann": [0.5, 1.5]}
    )
    counted[["snn_low", "snn_high", "snn_single"]] = [1.0, 2.0, 3.0]
    names = {"between": "two classes", "within": "one class"}
    fig = figures.flips(counted, [("laptop", "mnist")], names)
    assert {"MNIST, laptop", "two classes", "one class"} <= set(texts(fig))
    (ax,) = fig.axes
    assert ax.lines[0].get_xdata().tolist() == [0.5, 1.5]
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([0.85, -0.15])
    assert len(figures.flips(counted[:0], [], names).axes) == 1


def test_likeness_has_a_dot_a_class_and_joins_the_two_targets():
    part = pd.DataFrame(
        {"target": ["ann", "ann", "snn", "snn"], "label": [0, 1, 0, 1], "delta": [0.4, 0.2, 0.1, 0.3]}
    )
    fig = figures.likeness({"MNIST, laptop": part, "one kind": part[:2]})
    ann, snn = (dots.get_offsets()[:, 1].tolist() for dots in fig.axes[0].collections[::2])
    assert (ann, snn) == ([0.4, 0.2], [0.1, 0.3])
    assert [line.get_ydata().tolist() for line in fig.axes[0].lines[:2]] == [[0.4, 0.1], [0.2, 0.3]]
