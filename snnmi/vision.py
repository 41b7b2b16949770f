"""Sets of pictures of `torchvision.datasets`, by the names of their classes: read where they lie, else downloaded."""

import gzip
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
import torch

from snnmi import places
from snnmi.own_data import PART, UNREADABLE, in_a_line

AWAY = "put the right one in its place, or take it away to have it downloaded again"
IDX = tuple(f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))
MNIST_SHA256 = {  # of its files unpacked, as they are inside what is published
    IDX[0]: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    IDX[1]: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    IDX[2]: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    IDX[3]: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@cache
def torchvision_datasets() -> ModuleType:
    """`torchvision.datasets`, also where torchvision was built for CUDA and torch was not: its import then dies while
    it describes operators that no data set calls; so they are declared by hand and the import is tried again.
    """
    try:
        from torchvision import datasets
    except ModuleNotFoundError as error:
        raise FileNotFoundError(f"{error}, which reads this data set: `make env` installs it") from None
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
        schemas = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            schemas.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        from torchvision import datasets

        datasets.schemas = schemas  # which live as long as this object
    return datasets


@dataclass(frozen=True, eq=False)
class Pictures:
    """The training and the test pictures of a class of `torchvision.datasets`, made grey."""

    kind: str  # the class
    given: tuple[Mapping, Mapping] = ({"train": True}, {"train": False})  # what it is given for each part
    files: tuple[str, ...] = ()  # unpacked; may lie packed or not, in our folder, in its own or in its raw/
    sha256: Mapping[str, str] = field(default_factory=dict)  # of files that can be the published ones only
    turned: bool = False  # its rows are columns

    @property
    def folder(self) -> str:
        """Where torchvision has the files."""
        return f"{self.kind}/raw" if self.files and self.files[0].endswith(("ubyte", "int")) else ""

    @property
    def apart(self) -> bool:
        """Whether the files must lie in a folder of their own: what is called as MNIST's are is MNIST's elsewhere."""
        return self.kind != "MNIST" and self.files == IDX

    def paths(self) -> dict[str, Path]:
        """Those of the files that are here."""
        inside = (self.folder, self.kind, "")[: 2 if self.apart else 3]
        forms = {name: (name, name.replace("-idx", ".idx")) for name in self.files}
        names = {name: [f"{form}{end}" for end in (".gz", "") for form in own] for name, own in forms.items()}
        found = {name: places.find(own, inside, Path.is_file) for name, own in names.items()}
        return {name: path for name, path in found.items() if path}

    def read(self, name: str, download: bool) -> dict[str, np.ndarray]:
        """x_train, y_train, x_test and y_test; `name` is what the set is called here.

        Raises ValueError for files that hold something else, FileNotFoundError, naming folder and files, without any.
        """
        paths = self.paths()
        if self.files and len(paths) == len(self.files):
            return self._laid(name, paths)
        form = f"{self.folder}/{{}}.gz" if self.apart else "{}.gz" if self.folder else "{}"
        lacking = ", ".join(form.format(file) for file in self.files if file not in paths)
        absent = places.missing(name, lacking or f"what torchvision.datasets.{self.kind} reads")
        tried = ""
        for root in () if self.files else places.folders():
            try:
                return self._arrays(root)
            except UNREADABLE as error:
                tried = f" ({in_a_line(error)})"
        if not download:
            raise FileNotFoundError(absent + tried)
        return places.fetch(partial(self._arrays, download=True), absent)

    def _laid(self, name: str, paths: Mapping[str, Path]) -> dict[str, np.ndarray]:
        """What torchvision reads of these files once they lie unpacked as it wants them."""
        with TemporaryDirectory() as root:
            raw = Path(root, self.folder)
            raw.mkdir(parents=True, exist_ok=True)
            for file, path in paths.items():
                content = _unpacked(path)
                digest = hashlib.sha256(content).hexdigest()
                if digest != self.sha256.get(file, digest):
                    was = f"unpacked it has SHA-256 {digest}, expected {self.sha256[file]}"
                    raise ValueError(f"{path} is not {self.kind}'s: {was}: {AWAY}")
                (raw / file).write_bytes(content)
            try:
                return self._arrays(root)
            except UNREADABLE as error:
                where = " and ".join(sorted({str(path.parent) for path in paths.values()}))
                said = f"files in {where} cannot be read as torchvision's {self.kind} ({in_a_line(error)})"
                raise ValueError(f"data set {name!r}: {said}: {AWAY}") from None

    def _arrays(self, root: str | Path, download: bool = False) -> dict[str, np.ndarray]:
        datasets, found = torchvision_datasets(), {}
        for part, given in zip(PART, self.given):
            pictures = getattr(datasets, self.kind)(root, **given, download=download)
            if isinstance(pictures, datasets.MNIST):  # and its kin: all at once
                x, y = pictures.data.numpy(), pictures.targets.numpy()
                y = y[:, 0] if y.ndim == 2 else y
            else:
                grey = [(np.asarray(picture.convert("L")), int(label)) for picture, label in pictures]
                x, y = (np.stack(arrays) for arrays in zip(*grey))
            found |= {f"x_{part}": x.swapaxes(1, 2) if self.turned else x, f"y_{part}": y}
        return found


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be unpacked ({in_a_line(error)}): {AWAY}") from None


def _emnist(split: str) -> Pictures:
    """Its pictures lie on their side: rows and columns are exchanged to have them upright, as MNIST's are."""
    given = tuple({"split": split, "train": part} for part in (True, False))
    files = (f"emnist-{split}-{name.replace('t10k', 'test')}" for name in IDX)
    return Pictures("EMNIST", given, tuple(files), turned=True)


MNIST = Pictures("MNIST", files=IDX, sha256=MNIST_SHA256)
QMNIST = (f"qmnist-{name.replace('t10k', 'test').replace('idx1-ubyte', 'idx2-int')}" for name in IDX)
BY_NAME = {
    "fashion": Pictures("FashionMNIST", files=IDX),
    "kmnist": Pictures("KMNIST", files=IDX),
    "qmnist": Pictures("QMNIST", files=tuple(QMNIST)),
    "emnist": _emnist("balanced"),
    "emnist_letters": _emnist("letters"),
    "usps": Pictures("USPS", files=("usps.bz2", "usps.t.bz2")),
}
