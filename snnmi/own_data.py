"""Images of a user's own, looked at before they are believed: what can be meant in one way only is taken and said in
one line, the rest is refused with what was found, what is there and what to do.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from snnmi import files
from snnmi.checks import in_a_line

KEYS = ("x_train", "y_train", "x_test", "y_test")
WHAT = {"x": "x|images?|data", "y": "y|labels?|targets?"}  # and what other people call it
PART = {"train": "train(?:ing)?", "test": "test(?:ing)?"}
SMALLEST = 8  # pixels a side that the judge needs
# A scale on which the brightest pixel stays below this share of white cannot be right. Test images may be few and dark.
BRIGHT = {"x_train": 1 / 2, "x_test": 1 / 8}
ROUNDING = 1e-3  # how far beyond [0, 1] floats may lie: what half precision does to them
# What decoders raise on a damaged, encrypted or disguised file has no end (lzma, tokenize, struct and their like).
UNREADABLE = Exception
Arrays = Mapping[str, np.ndarray | Tensor]


def plain(name: str) -> str:
    """A file's name without what Markdown, mathtext, HTML or a file system would read as more than a letter."""
    name = unicodedata.normalize("NFC", name)
    return re.sub(r"(?:(?<![^\W_])_|_(?![^\W_])|[^\w.+])+", "-", name)[:40].strip("-.") or "data"


def read(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The four arrays of an .npz, under their names or under others that can mean nothing else (MedMNIST's), and what
    is to be said of that.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist, expected an .npz with {', '.join(KEYS)}")
    if not path.is_file():
        raise ValueError(f"{path} is no file, expected an .npz with {', '.join(KEYS)}")
    try:
        files.opened(path).close()
        with np.load(path, allow_pickle=False) as file:
            known = file.files
            names = {key: _names(key, known) for key in KEYS}
            arrays = {key: file[name[0]] for key, name in names.items() if len(name) == 1}
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as .npz ({in_a_line(error)})") from None
    if missing := [key for key in KEYS if not names[key]]:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}: it has {_few(map(repr, known)) or 'nothing'}, "
            f"expected {', '.join(KEYS)}"
        )
    if twice := [key for key in KEYS if len(names[key]) > 1]:
        either = ", ".join(map(repr, names[twice[0]]))
        raise ValueError(f"{path} has {either}, expected one of them, called {twice[0]}")
    used = {name[0] for name in names.values()}
    others = [f"{name[0]} as {key}" for key, name in names.items() if name[0] != key]
    unused = _few(repr(name) for name in known if name not in used)
    left_out = f", left out {unused}" if unused else ""
    return arrays, [f"read {', '.join(others)}{left_out}"] if others else []


def checked(where: object, arrays: Arrays, notes: Iterable[str] = ()) -> dict[str, Tensor]:
    """`arrays` as float32 images in [0, 1] and labels 0, 1, ...; `where` they come from is for what is said of them."""
    found, notes = {key: _array(arrays[key]) for key in KEYS}, list(notes)
    try:
        images = {key: _images(key, found[key], notes) for key in ("x_train", "x_test")}
        train, test = (tuple(x.shape[1:]) for x in images.values())
        if train != test:
            raise ValueError(f"x_train images are {train}, x_test {test}, expected one size")
        y_train, y_test = (
            _flat(f"y_{part}", found[f"y_{part}"], len(images[f"x_{part}"]), notes) for part in PART
        )
        labels = _labels(y_train, y_test, notes)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if notes:
        warnings.warn(f"{where}: {'; '.join(notes)}", stacklevel=4)
    return {key: (images | labels)[key] for key in KEYS}


def _array(a: np.ndarray | Tensor) -> np.ndarray:
    if isinstance(a, Tensor):
        a = a.detach().cpu()
        a = a.float() if a.dtype == torch.bfloat16 else a
    return np.asarray(a)


def _names(key: str, known: Iterable[str]) -> list[str]:
    """What may be meant by this key."""
    what, part = key.split("_")
    what, part = f"(?:{WHAT[what]})", f"(?:{PART[part]})"
    form = re.compile(rf"{what}[ _.-]?{part}|{part}[ _.-]?{what}", re.IGNORECASE)
    return [key] if key in known else [name for name in known if form.fullmatch(name)]


def _few(things: Iterable[object], most: int = 10) -> str:
    things = [str(thing) for thing in things]
    return ", ".join(things[:most]) + f" and {len(things) - most} more" * (len(things) > most)


# --- images


def _images(key: str, a: np.ndarray, notes: list[str]) -> Tensor:
    if a.ndim == 4 and 1 in (a.shape[3], a.shape[1]):
        before, a = a.shape, a[..., 0] if a.shape[3] == 1 else a[:, 0]
        notes.append(f"{key} of shape {before} is read as {a.shape}, without its one channel")
    if a.ndim != 3 or 0 in a.shape:
        raise ValueError(f"{key} has shape {a.shape}, expected grey images as (images, height, width)")
    if min(a.shape[1:]) < SMALLEST:
        size = "x".join(map(str, a.shape[1:]))
        raise ValueError(
            f"{key} has images of {size} pixels, expected at least {SMALLEST} a side: enlarge them"
        )
    if a.dtype.kind not in "biuf":
        raise ValueError(f"{key} is {a.dtype}, expected uint8, or floats in [0, 1]")
    if not np.isfinite(a).all():
        raise ValueError(f"{key} holds NaN or infinite values, expected none: set them to 0")
    if a.min() == a.max():
        raise ValueError(f"{key} is {a.flat[0]} everywhere, expected images")
    return torch.from_numpy(a.astype(np.float32)) if a.dtype.kind == "b" else _scaled(key, a, notes)


def _scaled(key: str, a: np.ndarray, notes: list[str]) -> Tensor:
    """Numbers with white = 1, whole numbers with white = 255; whatever else may be the scale is for the user to say."""
    low, high = a.min().item(), a.max().item()
    whole = a.dtype.kind in "iu" or (high > 1 + ROUNDING and (a == np.round(a)).all())
    white, slack = (255, 0) if whole else (1, ROUNDING)
    if low < -slack or high > white + slack or high < white * BRIGHT[key]:
        raise ValueError(
            f"{key} is {a.dtype} and spans [{low:g}, {high:g}], expected floats in [0, 1], white being 1, or bytes, "
            "white being 255: undo what scaled them otherwise (black and white alone: save them as bool)"
        )
    if whole:
        if a.dtype != np.uint8:
            notes.append(f"{key} is {a.dtype} and spans [{low:g}, {high:g}]: read as 8-bit, white being 255")
        return torch.from_numpy(a.astype(np.uint8)) / 255
    if low < 0 or high > 1:
        notes.append(f"{key} spans [{low!r}, {high!r}]: clipped to [0, 1]")
    return torch.from_numpy(a.clip(0, 1).astype(np.float32))


# --- labels


def _flat(key: str, a: np.ndarray, images: int, notes: list[str]) -> np.ndarray:
    """One label an image: whole numbers or names."""
    if a.ndim == 2 and a.shape[1] == 1:
        a = a[:, 0]
    elif a.ndim == 2 and a.dtype.kind in "biuf" and ((a == 0) | (a == 1)).all() and (a.sum(1) == 1).all():
        notes.append(f"{key} of shape {a.shape} is read as one-hot")
        a = a.argmax(1)
    if a.shape != (images,):
        raise ValueError(f"{key} has shape {a.shape}, expected {images} labels, one for each image")
    if a.dtype.kind == "f" and (a == np.round(a)).all() and (abs(a) < 2**53).all():
        a = a.astype(np.int64)  # beyond, floats leave some out
    if a.dtype.kind not in "biuUS":
        raise ValueError(f"{key} is {a.dtype}, expected whole numbers or names")
    return a


def _labels(y_train: np.ndarray, y_test: np.ndarray, notes: list[str]) -> dict[str, Tensor]:
    """Classes numbered 0, 1, ... in their order, two or more, each with images to learn and to test."""
    classes, tested = np.unique(y_train).tolist(), np.unique(y_test).tolist()
    if strange := [label for label in tested if label not in classes]:
        raise ValueError(
            f"y_test has label {strange[0]!r}, of which y_train has no image: it has {_few(classes)}; expected "
            "every class in both"
        )
    if len(classes) < 2:
        raise ValueError(f"y_train has label {classes[0]!r} alone, expected two classes or more")
    if untested := [label for label in classes if label not in tested]:
        raise ValueError(
            f"y_test has no image of class {untested[0]!r} ({_few(untested)} in all), expected every class of "
            "y_train: split anew by class (scikit-learn: train_test_split(x, y, stratify=y)), or leave it out"
        )
    if classes != list(range(len(classes))):
        notes.append(f"labels {_few(classes)} are read as classes 0 to {len(classes) - 1}, in this order")
    y = {"y_train": y_train, "y_test": y_test}
    return {key: torch.from_numpy(np.searchsorted(classes, own)) for key, own in y.items()}
