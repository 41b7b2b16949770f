"""Data sets as tensors in [0, 1]; the only place that knows files, checksums and downloads."""

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from snnmi import checks, own_data, places, recordings, vision
from snnmi.checks import in_a_line
from snnmi.own_data import KEYS, SMALLEST, UNREADABLE

FACES_URL = "https://www.cl.cam.ac.uk/research/dtg/attarchive/pub/data/att_faces.zip"
FACES_SHA256 = "2e4844a9f4fa4397058f69d6208047170f2e9d399cda18b55c1e8d28f0a83431"  # of the 400 pixel blocks


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
        """The first test image of a class: never picked by hand."""
        return self.x_test[self.y_test == label][0]


def load(name: str | Path, *, shrink: int = 1, download: bool = True) -> Dataset:
    """A data set by name of `LOADERS` ("digits", "mnist", ...) or the path of an .npz with the arrays `KEYS`.

    Files are looked for in the folder `SNNMI_DATA`, then in the cache (`~/.cache/snnmi`), then
    downloaded into the cache; all are checked. `shrink` averages squares of that many pixels a side.
    Raises ValueError for bad content and FileNotFoundError for what cannot be had.
    """
    if str(name).lower().endswith(".npz"):
        path = Path(name).expanduser()
        dataset = _own(path, path.stem, *own_data.read(path))
    elif name in LOADERS:
        loader = LOADERS[name]
        if loader in OWN:
            dataset = loader(download)
        elif isinstance(loader, vision.Pictures):
            dataset = _own(name, name, loader.read(name, download))
        else:
            checks.instance(f"what the loader of {name!r} gives", found := loader(), Dataset)
            dataset = _own(name, name, {key: getattr(found, key) for key in KEYS})
    else:
        raise ValueError(
            f"data set {str(name)!r} is unknown: expected one of {sorted(LOADERS)} or the path of an .npz file"
        )
    return _shrunk(dataset, shrink) if shrink > 1 else dataset


def _shrunk(dataset: Dataset, shrink: int) -> Dataset:
    height, width = dataset.image_shape
    if height % shrink or width % shrink:
        raise ValueError(f"{dataset.name} is {height}x{width} pixels, which {shrink} does not divide")
    if min(height, width) < SMALLEST * shrink:
        raise ValueError(
            f"{dataset.name} is {height}x{width} pixels: shrunk by {shrink} less than {SMALLEST} a side are left"
        )
    pool = lambda x: F.avg_pool2d(x[:, None], shrink)[:, 0]  # noqa: E731
    return Dataset(dataset.name, pool(dataset.x_train), dataset.y_train, pool(dataset.x_test), dataset.y_test)


def _own(where: str | Path, name: str, arrays: own_data.Arrays, notes: Iterable[str] = ()) -> Dataset:
    """A data set of the user's own; its name carries a digest of what it holds."""
    tensors = own_data.checked(where, arrays, notes)
    content = hashlib.sha256()
    for tensor in tensors.values():
        content.update(str(tuple(tensor.shape)).encode() + tensor.numpy().tobytes())
    return Dataset(f"{own_data.plain(name)}-{content.hexdigest()[:8]}", **tensors)


def _digits(download: bool) -> Dataset:
    """scikit-learn's embedded 8x8 digits (1,797 images of 43 writers): every fifth image is a test image."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images / 16, dtype=torch.float32).view(-1, 8, 8)
    y = torch.tensor(labels, dtype=torch.int64)
    test = torch.arange(len(x)) % 5 == 4
    return Dataset("digits", x[~test], y[~test], x[test], y[test])


def _mnist(download: bool) -> Dataset:
    found = vision.MNIST.read("mnist", download)
    x_train, y_train, x_test, y_test = (torch.from_numpy(found[key]) for key in KEYS)
    return Dataset("mnist", x_train / 255, y_train.long(), x_test / 255, y_test.long())


def _faces(download: bool) -> Dataset:
    """AT&T faces, 40 people x 10: per person the first 8 files in text order (1, 10, 2, ...) train, the last 2 test."""
    if path := _faces_place():
        pixels = _face_pixels(path)
    else:
        absent = places.missing("faces", "att_faces.zip or a folder att_faces")
        if not download:
            raise FileNotFoundError(absent)
        pixels = places.fetch(_downloaded_faces, absent)
    as_text = sorted(range(10), key=lambda i: f"{i + 1}.pgm")
    faces = torch.from_numpy(pixels[:, as_text]) / 255
    people = torch.arange(40)
    return Dataset(
        "faces",
        faces[:, :8].flatten(0, 1),
        people.repeat_interleave(8),
        faces[:, 8:].flatten(0, 1),
        people.repeat_interleave(2),
    )


def _downloaded_faces(folder: Path) -> UInt8[np.ndarray, "40 10 112 92"]:
    vision.torchvision_datasets().utils.download_url(FACES_URL, folder)
    return _face_pixels(folder / "att_faces.zip")


def _face_pixels(path: Path) -> UInt8[np.ndarray, "40 10 112 92"]:
    """The pictures s1/1.pgm ... s40/10.pgm of a zip or a folder, in whatever case, read one by one; raises ValueError
    where they are others than those of the AT&T faces.
    """
    found = places.members(path, ".pgm", "the AT&T faces")
    members = {"/".join(name.lower().split("/")[-2:]): read for name, read in found.items()}
    pixels = b""
    for key in (f"s{person}/{picture}.pgm" for person in range(1, 41) for picture in range(1, 11)):
        if key not in members:
            raise ValueError(f"{path} lacks {key}, expected s1/1.pgm ... s40/10.pgm")
        try:
            pixels += Image.open(io.BytesIO(members[key]())).tobytes()
        except UNREADABLE as error:
            raise ValueError(f"{path}: {key} cannot be read ({in_a_line(error)})") from None
    if (digest := hashlib.sha256(pixels).hexdigest()) != FACES_SHA256:
        raise ValueError(
            f"{path} holds 400 pictures whose pixels have SHA-256 {digest}, expected {FACES_SHA256}"
        )
    return np.frombuffer(pixels, np.uint8).reshape(40, 10, 112, 92)


def _faces_place() -> Path | None:
    """A zip, or a folder with the people's folders s1 ... s40 somewhere in it."""
    names = [name + end for name in ("att_faces", "orl_faces") for end in (".zip", "")]
    if path := places.find(names):
        return path
    person = places.find(["s1"], test=Path.is_dir)
    return person and person.parent


def files(names: Iterable[str]) -> list[tuple[Path, str]]:
    """The files behind these data sets, each checked and with its place in a folder that `SNNMI_DATA` may name;
    digits have none.
    """
    found = []
    for name in names:
        load(name)
        pictures = vision.MNIST if name == "mnist" else LOADERS.get(name)
        if isinstance(pictures, vision.Pictures) and pictures.files:
            found += [
                (path, f"{pictures.folder}/{path.name}".strip("/")) for path in pictures.paths().values()
            ]
        elif name == "faces" and _faces_place().is_file():
            found.append((_faces_place(), "att_faces.zip"))
        elif name != "digits":
            raise ValueError(f"data set {name!r} is a folder, or of your own: copy it yourself")
    return found


def _saccades(download: bool) -> Dataset:
    """The digits as an event camera would see them: `recordings.saccades`; the same split."""
    digits = _digits(download)
    train, test = (recordings.saccades(x) for x in (digits.x_train, digits.x_test))
    return Dataset("saccades", train, digits.y_train, test, digits.y_test)


def _nmnist() -> Dataset:
    """N-MNIST, all of it or a part: `recordings.read`; its name says by a digest which recordings these are."""
    path = recordings.place()
    if path is None:
        wanted = f"{recordings.SAMPLE} or a folder or zip N-MNIST with Train/0/*.bin to Test/9/*.bin, as tonic saves it"
        raise FileNotFoundError(places.missing("nmnist", wanted))
    return Dataset("nmnist", **recordings.read(path))


# A data set of your own, by name: a function without arguments that gives a `Dataset`, or a class of
# torchvision.datasets, as in `vision.BY_NAME`; it is checked as an .npz is.
LOADERS: dict[str, Callable[..., Dataset] | vision.Pictures] = {
    "digits": _digits,
    "mnist": _mnist,
    "faces": _faces,
    "saccades": _saccades,
}
OWN = frozenset(LOADERS.values())
LOADERS |= {"nmnist": _nmnist} | vision.BY_NAME


def is_own(name: str) -> bool:
    """Whether this is one of the project's data sets, whose content is known by its name."""
    return LOADERS.get(name) in OWN
