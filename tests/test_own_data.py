"""A user's own images: what is meant in one way only is read and said, all else is refused in one sentence."""

import pickle
import re
import warnings

import numpy as np
import pytest
import torch

from snnmi import data
from snnmi.own_data import plain

RNG = np.random.default_rng(0)
X = RNG.random((6, 9, 8), dtype=np.float32)
X[:, 0, 0], X[:, 0, 1] = 0, 1
Y = np.array([0, 1, 2, 0, 1, 2])
GOOD = {"x_train": X, "y_train": Y, "x_test": X[:3] / 2, "y_test": np.array([2, 0, 1])}
BYTES = {"x_train": (X * 255).astype(np.uint8), "x_test": (X[:3] * 255).astype(np.uint8)}


def arrays(**changes):
    """Six and three images of 9 x 8 pixels, three classes; None leaves a key out."""
    return {key: value for key, value in (GOOD | changes).items() if value is not None}


def saved(path, **changes):
    np.savez_compressed(path, **arrays(**changes))
    return path


def changed(value):
    x = X.copy()
    x[3, 2, 1] = value
    return x


def of_size(height, width):
    return {"x_train": RNG.random((6, height, width)), "x_test": RNG.random((3, height, width))}


def test_npz_is_read_as_it_was_written(tmp_path):
    with warnings.catch_warnings(action="error"):  # there is nothing to be said of it
        dataset = data.load(saved(tmp_path / "mine.npz"))
    for key, array in GOOD.items():
        np.testing.assert_array_equal(getattr(dataset, key), array)
    assert dataset.x_train.dtype == torch.float32 and dataset.y_train.dtype == torch.int64
    assert (dataset.image_shape, dataset.num_classes) == ((9, 8), 3)
    torch.testing.assert_close(dataset.class_mean(1), torch.from_numpy(X[[1, 4]].mean(0)))
    assert torch.equal(dataset.example(2), dataset.x_test[0])


# --- what can be meant in one way only: (what is changed, what is said, the images or labels that it means)

MEDMNIST = {key: None for key in GOOD} | {
    "train_images": GOOD["x_train"], "train_labels": Y[:, None], "val_images": X[:1], "val_labels": Y[:1, None],
    "test_images": GOOD["x_test"], "test_labels": GOOD["y_test"][:, None],
}  # fmt: skip
MEANT = {
    "MedMNIST's keys": (
        MEDMNIST,
        "read train_images as x_train, .* test_labels as y_test, left out 'val_images', 'val_labels'$",
        GOOD,
    ),
    "capitals": ({"x_train": None, "X_train": X}, "read X_train as x_train$", GOOD),
    "a last channel": ({"x_train": X[..., None]}, r"shape \(6, 9, 8, 1\) is read as \(6, 9, 8\)", GOOD),
    "a first channel": ({"x_train": X[:, None]}, r"shape \(6, 1, 9, 8\) is read as \(6, 9, 8\)", GOOD),
    "big-endian": ({"x_train": X.astype(">f8"), "y_train": Y.astype(">i2")}, None, GOOD),
    "bytes": (BYTES, None, {key: x / np.float32(255) for key, x in BYTES.items()}),
    "bytes as int64": (
        {"x_train": BYTES["x_train"].astype(np.int64)},
        r"x_train is int64 and spans \[0, 255\]: read as 8-bit",
        {"x_train": BYTES["x_train"] / np.float32(255)},
    ),
    "black and white": ({"x_train": X > 0.5}, None, {"x_train": X > 0.5}),
    "rounding above 1": (
        {"x_train": changed(np.float32(1.0000001))},
        r"x_train spans \[0.0, 1.000000119\d+\]: clipped",
        {"x_train": changed(1)},
    ),
    "rounding below 0": ({"x_train": changed(-1e-8)}, "x_train spans .*: clipped", {"x_train": changed(0)}),
    "a dark test image": ({"x_test": X[:3] / 5}, None, {"x_test": X[:3] / 5}),
    "labels in a column": ({"y_train": Y[:, None]}, None, GOOD),
    "one-hot": ({"y_train": np.eye(3)[Y]}, r"y_train of shape \(6, 3\) is read as one-hot", GOOD),
    "labels as floats": ({"y_train": Y.astype(float)}, None, GOOD),
    "names": (
        {"y_train": np.array(["cat", "dog", "elk"])[Y], "y_test": ["elk", "cat", "dog"]},
        "labels cat, dog, elk are read as classes 0 to 2",
        GOOD,
    ),
    "on both sides of zero": (
        {"y_train": Y - 1, "y_test": np.array([1.0, -1.0, 0.0])}, "labels -1, 0, 1 are read as classes 0 to 2", GOOD
    ),
    "large ones": (
        {"y_train": 2**63 + Y.astype(np.uint64), "y_test": 2**63 + np.array([2, 0, 1], np.uint64)},
        "labels 9223372036854775808, .* are read as classes 0 to 2",
        GOOD,
    ),
}  # fmt: skip


@pytest.mark.parametrize("changes, said, meant", MEANT.values(), ids=MEANT)
def test_what_can_be_meant_in_one_way_only_is_read_and_said(tmp_path, changes, said, meant):
    path = saved(tmp_path / "mine.npz", **changes)
    with warnings.catch_warnings(record=True, action="always") as notes:
        found = data.load(path)
    for key, value in meant.items():
        np.testing.assert_array_equal(getattr(found, key), value)
    assert len(notes) == (said is not None)
    for note in notes:
        assert re.search(said, str(note.message)) and "\n" not in str(note.message)
        assert str(path) in str(note.message)


# --- what is refused


REFUSED = [
    ({"x_test": None}, "lacks x_test: it has 'x_train', 'y_train', 'y_test', expected x_train, y_train"),
    ({key: None for key in GOOD} | {"arr_0": X, "a\nb": X}, r"it has 'arr_0', 'a\\nb', expected"),
    ({"x_train": None, "X_train": X, "train_images": X}, "has 'X_train', 'train_images', expected one of them"),
    # images
    ({"x_train": np.zeros((6, 784))}, r"x_train has shape \(6, 784\), expected grey images as \(images, height"),
    ({"x_train": np.stack([X] * 3, -1)}, r"x_train has shape \(6, 9, 8, 3\), expected grey"),
    ({"x_test": X[:0], "y_test": np.array([], dtype=int)}, r"x_test has shape \(0, 9, 8\)"),
    ({"x_test": of_size(8, 8)["x_test"]}, r"x_train images are \(9, 8\), x_test \(8, 8\), expected one size"),
    (of_size(7, 20), "images of 7x20 pixels, expected at least 8 a side: enlarge them"),
    ({"x_train": X.astype(str)}, "x_train is <U.*, expected uint8, or floats"),
    ({"x_train": changed(np.nan)}, "x_train holds NaN or infinite values, expected none: set them"),
    ({"x_train": np.zeros_like(X)}, "x_train is 0.0 everywhere, expected images"),
    # scales that cannot be right
    ({"x_train": BYTES["x_train"] // 2}, r"x_train is uint8 and spans \[0, 127\], expected .*: undo what scaled"),
    ({"x_train": (X > 0.5).astype(np.uint8)}, r"spans \[0, 1\], .*save them as bool"),
    ({"x_train": X * 16 / 255}, r"x_train is float32 and spans \[0, 0.0627451\], expected floats in \[0, 1\]"),
    ({"x_train": X * 255}, r"spans \[0, 255\], expected floats in \[0, 1\]"),
    ({"x_train": 2 * X - 1}, r"spans \[-1, 1\], expected"),
    # labels
    ({"y_train": np.array([0, 1, 2, 0, 1, -1])}, "y_test has no image of class -1 .*, or leave it out"),
    ({"y_train": np.array([0, 0, 0, 0, 0, 2**63], dtype=np.uint64)}, "y_test has label 1, of which y_train has no"),
    ({"y_train": Y + 0.5}, "y_train is float64, expected whole numbers or names"),
    ({"y_test": np.ones((3, 3), dtype=int)}, r"y_test has shape \(3, 3\), expected 3 labels"),
    ({"y_test": np.array([0, 1, 3])}, "y_test has label 3, of which y_train has no image: it has 0, 1, 2; expected"),
    ({"y_test": np.array([0, 0, 1])}, r"y_test has no image of class 2 \(2 in all\), expected .*stratify"),
    ({"x_test": X[:1], "y_test": np.array([2])}, r"y_test has no image of class 0 \(0, 1 in all\), expected"),
    ({"y_train": 0 * Y, "y_test": np.zeros(3, int)}, "y_train has label 0 alone, expected two classes or more"),
]  # fmt: skip


@pytest.mark.parametrize("changes, found", REFUSED)
def test_npz_with_a_mistake_is_refused_in_one_sentence(tmp_path, changes, found):
    path = saved(tmp_path / "mine.npz", **changes)
    with warnings.catch_warnings(action="ignore"), pytest.raises(ValueError, match=found) as error:
        data.load(path)
    message = str(error.value)
    assert str(path) in message and "expected" in message and "\n" not in message


class Bomb:
    def __reduce__(self):
        return (open, ("was-run", "w"))


@pytest.mark.parametrize("content", ["objects", "pickle", "text", "npy", "nothing"])
def test_what_is_no_npz_of_numbers_is_refused_and_never_run(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.npz"
    if content == "objects":
        np.savez(path, **arrays(x_train=np.array([Bomb()] * 6, dtype=object)))
    elif content == "npy":
        np.save(tmp_path / "mine.npy", X)
        (tmp_path / "mine.npy").rename(path)
    else:
        contents = {"pickle": pickle.dumps(Bomb()), "text": b"x_train,y_train\n", "nothing": b""}
        path.write_bytes(contents[content])
    with pytest.raises(ValueError, match="mine.npz"):
        data.load(path)
    assert not (tmp_path / "was-run").exists()


# --- names


def test_files_of_one_name_and_other_content_are_called_differently(tmp_path, monkeypatch):
    """A path may begin at home and end in capitals."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "other").mkdir()
    saved(tmp_path / "mine.npz").rename(tmp_path / "mine.NPZ")
    second = saved(tmp_path / "other/mine.npz", y_test=np.array([0, 2, 1]))
    names = {data.load(path).name for path in ("~/mine.NPZ", second)}
    assert len(names) == 2 and all(name.startswith("mine-") for name in names)
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        data.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize(
    "name, shown",
    [
        ("my_faces.v2", "my_faces.v2"),
        ("**bold** _and_ `code`", "bold-and-code"),
        ("$x_1$ ~struck~ [link](to) {role}`x`", "x_1-struck-link-to-role-x"),
        ("<b>&amp;\n| --- |", "b-amp"),
        ("../../etc", "etc"),
        ("größe данные 顔", "größe-данные-顔"),
        ("gro\u0308ße", "größe"),
        ("a|b $x$ <i>", "a-b-x-i"),
        ("|||", "data"),
        ("x" * 300, "x" * 40),
    ],
)
def test_names_hold_nothing_that_pages_figures_or_file_systems_read(name, shown):
    assert plain(name) == shown == plain(shown)


# --- a loader of the user's own


def register(monkeypatch, **parts):
    digits = data.load("digits")
    found = data.Dataset("any", *({**vars(digits), **parts}[key] for key in data.KEYS))
    monkeypatch.setitem(data.LOADERS, "mine", lambda: found)
    return found


def test_a_loader_of_ones_own_is_named_by_what_it_holds(monkeypatch):
    assert data.is_own("digits") and not data.is_own("mine.npz")
    found = register(monkeypatch)
    first, again = data.load("mine"), data.load("mine")
    assert first.name == again.name and re.fullmatch("mine-[0-9a-f]{8}", first.name)
    assert not data.is_own("mine") and torch.equal(first.x_test, found.x_test)
    register(monkeypatch, x_test=1 - found.x_test)
    assert data.load("mine").name != first.name


def test_a_data_set_of_the_projects_that_was_replaced_is_ones_own(monkeypatch):
    found = register(monkeypatch)
    monkeypatch.setitem(data.LOADERS, "digits", lambda: found)
    assert data.load("digits").name.startswith("digits-") and not data.is_own("digits")


def test_tensors_of_any_kind_are_taken(monkeypatch):
    x = data.load("digits").x_train
    register(monkeypatch, x_train=x.to(torch.bfloat16).requires_grad_())
    assert torch.equal(data.load("mine").x_train, x)  # seventeenths of white are exact there


def test_what_a_loader_gives_is_looked_at(monkeypatch):
    register(monkeypatch, x_train=2 * data.load("digits").x_train)
    with pytest.raises(ValueError, match=r"mine: x_train is float32 and spans \[0, 2\], expected floats"):
        data.load("mine")
    monkeypatch.setitem(data.LOADERS, "mine", dict)
    with pytest.raises(ValueError, match="what the loader of 'mine' gives is a dict, expected a Dataset"):
        data.load("mine")
