"""Data sets as tensors in [0, 1]; the only place that knows files, checksums and downloads."""

import gzip
import hashlib
import io
import os
import re
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

FACES_URL = "https://www.cl.cam.ac.uk/research/dtg/attarchive/pub/data/att_faces.zip"
FACES_SHA256 = "2e4844a9f4fa4397058f69d6208047170f2e9d399cda18b55c1e8d28f0a83431"  # of the 400 pixel blocks
MNIST_FILES = {  # file: (shape of its array, published SHA-256)
    "train-images-idx3-ubyte": (
        (60_000, 28, 28),
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train-labels-idx1-ubyte": (
        (60_000,),
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "t10k-images-idx3-ubyte": (
        (10_000, 28, 28),
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "t10k-labels-idx1-ubyte": ((10_000,), "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
}
KEYS = ("x_train", "y_train", "x_test", "y_test")
# What numpy and zipfile raise on a damaged, truncated, encrypted or disguised archive.
UNREADABLE = (ValueError, TypeError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Dataset:
    """Grey images in [0, 1] with one label each, split into what the target is trained and tested on."""

    name: str
    x_train: Float[Tensor, " train height width"]
    y_train: Int[Tensor, " train"]
    x_test: Float[Tensor, " test height width"]
    y_test: Int[Tensor, " test"]

    @property
    def image_shape(self) -> tuple[int, int]:
        return tuple(self.x_train.shape[1:])

    @property
    def num_classes(self) -> int:
        return int(self.y_train.max()) + 1

    def class_means(self) -> Float[Tensor, " classes height width"]:
        """Every class's mean training image."""
        return torch.stack([self.class_mean(label) for label in range(self.num_classes)])

    def class_mean(self, label: int) -> Float[Tensor, " height width"]:
        """Mean training image of a class: what a class-level inversion can be expected to find."""
        return self.x_train[self.y_train == label].mean(0)

    def example(self, label: int) -> Float[Tensor, " height width"]:
        """The first test image of a class (the first training image if it has no test image): never picked by hand."""
        for x, y in ((self.x_test, self.y_test), (self.x_train, self.y_train)):
            if (y == label).any():
                return x[y == label][0]
        raise ValueError(f"{self.name} has no image of class {label}")


def load(name: str | Path, *, shrink: int = 1, download: bool = True) -> Dataset:
    """A data set by name ("digits", "mnist", "faces") or the path of an .npz with x_train, y_train, x_test, y_test.

    Files are looked for in the folder `SNNMI_DATA`, then in the cache (`~/.cache/snnmi`), then
    downloaded into the cache; all are checked. `shrink` averages squares of that many pixels a side.
    Raises ValueError for bad content and FileNotFoundError for what cannot be had.
    """
    if str(name).endswith(".npz"):
        dataset = _npz(Path(name))
    elif name in LOADERS:
        loader = LOADERS[name]
        dataset = loader(download) if loader in OWN else _loaded(name, loader())
    else:
        raise ValueError(
            f"data set {str(name)!r} is unknown: expected one of {sorted(LOADERS)} or the path of an .npz file"
        )
    return _shrunk(dataset, shrink) if shrink > 1 else dataset


def _shrunk(dataset: Dataset, shrink: int) -> Dataset:
    height, width = dataset.image_shape
    if height % shrink or width % shrink:
        raise ValueError(f"{dataset.name} is {height}x{width} pixels, which {shrink} does not divide")
    pool = lambda x: F.avg_pool2d(x[:, None], shrink)[:, 0]  # noqa: E731
    return Dataset(dataset.name, pool(dataset.x_train), dataset.y_train, pool(dataset.x_test), dataset.y_test)


def _digits(download: bool) -> Dataset:
    """scikit-learn's embedded 8x8 digits (1,797 images of 43 writers): every fifth image is a test image."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x, y = (
        torch.tensor(images / 16, dtype=torch.float32).view(-1, 8, 8),
        torch.tensor(labels, dtype=torch.int64),
    )
    test = torch.arange(len(x)) % 5 == 4
    return Dataset("digits", x[~test], y[~test], x[test], y[test])


def _mnist(download: bool) -> Dataset:
    arrays = [_idx(_mnist_file(name, download), name) for name in MNIST_FILES]
    x_train, y_train, x_test, y_test = (torch.from_numpy(a) for a in arrays)
    return Dataset("mnist", x_train / 255, y_train.long(), x_test / 255, y_test.long())


def _mnist_file(name: str, download: bool) -> Path:
    for path in _places(f"MNIST/raw/{name}.gz"):
        if path.exists():
            return path
    if not download:
        raise FileNotFoundError(_where("mnist", f"MNIST/raw/{name}.gz"))
    from snnmi._torchvision import datasets  # downloads only; the bytes are read and checked here

    try:
        datasets.MNIST(_cache(), download=True)
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"{_where('mnist', f'MNIST/raw/{name}.gz')} (download failed: {error})"
        ) from None
    path = _cache() / f"MNIST/raw/{name}.gz"
    if not path.exists():  # torchvision leaves archives alone where it finds them unpacked
        raise FileNotFoundError(
            f"{path} is missing beside its unpacked copy: delete {path.parent} to have it downloaded again"
        )
    return path


def _idx(path: Path, name: str) -> np.ndarray:
    """The array in a gzipped IDX file: a 4-byte magic number, 4 bytes a dimension, then one byte a value."""
    shape, sha256 = MNIST_FILES[name]
    packed = path.read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} has SHA-256 {found}, expected {sha256}: delete it to have it downloaded again"
        )
    return np.frombuffer(gzip.decompress(packed), np.uint8, offset=4 + 4 * len(shape)).reshape(shape).copy()


def _faces(download: bool) -> Dataset:
    """AT&T faces, 40 people x 10: per person the first 8 files in text order (1, 10, 2, ...) train, the last 2 test."""
    path = next((p for place in ("att_faces.zip", "att_faces") for p in _places(place) if p.exists()), None)
    if path is None and not download:
        raise FileNotFoundError(_where("faces", "att_faces.zip or a folder att_faces"))
    path = path or _fetch(FACES_URL, _cache() / "att_faces.zip", "faces")
    pixels = _pgm_pixels(path)  # person, picture, height, width
    found = hashlib.sha256(pixels.tobytes()).hexdigest()
    if found != FACES_SHA256:
        raise ValueError(
            f"{path} holds 400 pictures whose pixels have SHA-256 {found}, expected {FACES_SHA256}"
        )
    as_text = sorted(range(10), key=lambda i: f"{i + 1}.pgm")
    faces = torch.from_numpy(pixels)[:, as_text] / 255
    people = torch.arange(40)
    return Dataset(
        "faces",
        faces[:, :8].flatten(0, 1),
        people.repeat_interleave(8),
        faces[:, 8:].flatten(0, 1),
        people.repeat_interleave(2),
    )


def _pgm_pixels(path: Path) -> np.ndarray:
    """The pictures s1/1.pgm ... s40/10.pgm of a zip or a folder, read one by one, never unpacked by their own paths."""
    if path.is_dir():
        members = {"/".join(p.parts[-2:]): p.read_bytes for p in path.glob("**/s*/*.pgm")}
    else:
        try:
            archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path} is not a readable zip ({error}), expected the AT&T faces") from None
        members = {"/".join(n.split("/")[-2:]): lambda n=n: archive.read(n) for n in archive.namelist()}
    blocks = np.empty((40, 10, 112, 92), np.uint8)
    for person in range(40):
        for picture in range(10):
            key = f"s{person + 1}/{picture + 1}.pgm"
            if key not in members:
                raise ValueError(f"{path} lacks {key}, expected s1/1.pgm ... s40/10.pgm")
            try:
                content = members[key]()
            except UNREADABLE as error:
                raise ValueError(f"{path}: {key} cannot be read ({error})") from None
            header = re.match(rb"P5\s(?:#[^\n]*\n)*\s*92\s+112\s+255\s", content)
            if not header or len(content) - header.end() != 112 * 92:
                raise ValueError(
                    f"{path}: {key} is {len(content)} bytes, expected a binary PGM of 92x112 pixels, 255 greys"
                )
            blocks[person, picture] = np.frombuffer(content, np.uint8, offset=header.end()).reshape(112, 92)
    return blocks


def _npz(path: Path) -> Dataset:
    """A user's own images: x_* uint8 or floats in [0, 1], " n height width"; y_* whole numbers from 0."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist, expected an .npz with x_train, y_train, x_test, y_test"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [k for k in KEYS if k not in file]
            arrays = {k: file[k] for k in KEYS if k not in missing}
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as .npz ({error})") from None
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}, expected {', '.join(KEYS)}")
    return _validated(str(path), path.stem, arrays)


def _loaded(name: str, found: object) -> Dataset:
    """What a loader of the user's own gives."""
    if not isinstance(found, Dataset):
        raise ValueError(f"{name}: its loader gives a {type(found).__name__}, expected a Dataset")
    return _validated(name, name, {key: getattr(found, key) for key in KEYS})


def _validated(where: str, name: str, arrays: Mapping[str, np.ndarray | Tensor]) -> Dataset:
    """A data set of the user's own, looked at before it is believed; its name carries a digest of what it holds."""
    arrays = {key: np.asarray(arrays[key]) for key in KEYS}
    x_train, x_test = (_checked_images(where, k, arrays[k]) for k in ("x_train", "x_test"))
    y_train, y_test = (
        _checked_labels(where, k, arrays[k], len(arrays[k.replace("y", "x")])) for k in ("y_train", "y_test")
    )
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(
            f"{where}: x_train images are {tuple(x_train.shape[1:])}, x_test {tuple(x_test.shape[1:])}, "
            "expected one size"
        )
    seen = y_train.unique()
    if (absent := (seen != torch.arange(len(seen))).nonzero()).numel():
        raise ValueError(
            f"{where}: y_train has no image of class {int(absent[0])}, "
            f"expected every class from 0 to {int(y_train.max())}"
        )
    if y_test.max() > y_train.max():
        raise ValueError(
            f"{where}: y_test has label {int(y_test.max())}, expected at most {int(y_train.max())} as in y_train"
        )
    content = hashlib.sha256()
    for tensor in (x_train, y_train, x_test, y_test):
        content.update(str(tuple(tensor.shape)).encode() + tensor.numpy().tobytes())
    return Dataset(f"{name}-{content.hexdigest()[:8]}", x_train, y_train, x_test, y_test)


def _checked_images(where: str, key: str, a: np.ndarray) -> Tensor:
    if a.ndim != 3 or 0 in a.shape:
        raise ValueError(f"{where}: {key} has shape {a.shape}, expected (images, height, width)")
    if a.dtype == np.uint8:
        return torch.from_numpy(a) / 255
    if a.dtype.kind != "f":
        raise ValueError(f"{where}: {key} is {a.dtype}, expected uint8 or floats in [0, 1]")
    if not np.isfinite(a).all():
        raise ValueError(
            f"{where}: {key} holds {int((~np.isfinite(a)).sum())} NaN or infinite values, expected none"
        )
    if a.min() < 0 or a.max() > 1:
        raise ValueError(
            f"{where}: {key} spans [{a.min():g}, {a.max():g}], expected floats in [0, 1] (or uint8)"
        )
    return torch.from_numpy(a.astype(np.float32))


def _checked_labels(where: str, key: str, a: np.ndarray, images: int) -> Tensor:
    if a.shape != (images,) or a.dtype.kind not in "iu":
        raise ValueError(f"{where}: {key} is {a.dtype} of shape {a.shape}, expected {images} whole numbers")
    if a.max() >= 2**31:
        raise ValueError(f"{where}: {key} has label {int(a.max())}, expected whole numbers from 0")
    if a.min() < 0:
        raise ValueError(f"{where}: {key} has label {int(a.min())}, expected labels from 0")
    return torch.from_numpy(a.astype(np.int64))


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "snnmi"


def _places(file: str) -> list[Path]:
    given = [Path(os.environ["SNNMI_DATA"]) / file] if os.environ.get("SNNMI_DATA") else []
    return [*given, _cache() / file]


def _where(name: str, file: str) -> str:
    places = " or ".join(str(p.parent) for p in _places(file))
    missing = f"data set {name!r} is not on this machine"
    return f"{missing}: put {file} into {places}, or set SNNMI_DATA to the folder that holds it"


def files(names: Iterable[str]) -> list[tuple[Path, str]]:
    """The files behind these data sets, each checked and with its place in a folder that `SNNMI_DATA` may name;
    digits have none.
    """
    found = []
    for name in names:
        load(name)
        if name == "mnist":
            found += [(_mnist_file(file, False), f"MNIST/raw/{file}.gz") for file in MNIST_FILES]
        elif name == "faces":
            path = next(p for place in ("att_faces.zip", "att_faces") for p in _places(place) if p.exists())
            if path.is_dir():
                raise ValueError(f"{path} is a folder, expected att_faces.zip to take along")
            found.append((path, "att_faces.zip"))
        elif name != "digits":
            raise ValueError(f"data set {name!r} is a file of your own: copy it yourself")
    return found


def _fetch(url: str, path: Path, name: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            part.write_bytes(response.read())
    except (urllib.error.URLError, OSError) as error:
        raise FileNotFoundError(f"{_where(name, path.name)} (download from {url} failed: {error})") from None
    part.replace(path)
    return path


# A data set of your own, by name: a function without arguments that gives a `Dataset`; it is checked as an .npz is.
LOADERS: dict[str, Callable[..., Dataset]] = {"digits": _digits, "mnist": _mnist, "faces": _faces}
OWN = frozenset(LOADERS.values())


def is_own(name: str) -> bool:
    """Whether this is one of the project's data sets, whose content is known by its name."""
    return LOADERS.get(name) in OWN
