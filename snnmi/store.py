"""Finished and half-finished runs on disk: one folder a run, named by its settings, complete once `run.json` is
there.
"""

import errno
import hashlib
import io
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from snnmi import provenance

CHECKPOINT_SECONDS = 30.0


def place(path: str | Path) -> Path:
    """Where a relative path of a chapter's lies: in the project, if that holds the working directory (a notebook's
    kernel may start in book/), else in the working directory.
    """
    project, here = Path(__file__).parents[1], Path.cwd()
    return (project if here.is_relative_to(project) else here) / Path(path).expanduser()


def given_file(path: str | Path) -> Path:
    """A file of the user's: where `place` says, or in the working directory."""
    there, here = place(path), Path(path).expanduser().absolute()
    return here if here.exists() and not there.exists() else there


def atomic_write(path: Path, content: bytes) -> None:
    """Write so that a kill at any moment leaves the old file or the new one: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:  # network drives and FUSE know no such thing
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(folder)


class Checkpoint:
    """The state of a half-finished run: nested dicts of tensors, saved at most every CHECKPOINT_SECONDS.

    The file is a SHA-256 and safetensors behind it, never pickle.
    """

    def __init__(self, path: Path, every: float = CHECKPOINT_SECONDS):
        self.path, self.every = path, every
        self._before = 0.0  # seconds spent by earlier sessions of the same run
        self.start()

    def start(self) -> None:
        """Set the clock: what this run depends on is at hand, its own work begins."""
        self._saved = self._begun = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._saved >= self.every

    @property
    def seconds(self) -> float:
        """Time spent on this run, earlier sessions included."""
        return self._before + time.monotonic() - self._begun

    def save(self, state: dict) -> None:
        flat = _flatten(state | {"seconds": torch.tensor(self.seconds, dtype=torch.float64)})
        content = safetensors.torch.save(flat)
        atomic_write(self.path, hashlib.sha256(content).digest() + content)
        self._saved = time.monotonic()

    def load(self) -> dict | None:
        """The last state saved, or None; a damaged file is reported and counts as none."""
        if not self.path.exists():
            return None
        try:
            packed = self.path.read_bytes()
            sha256, content = packed[:32], packed[32:]
            if hashlib.sha256(content).digest() != sha256:
                raise ValueError("its SHA-256 is not the one it begins with")
            state = _unflatten(safetensors.torch.load(content))
        except (ValueError, SafetensorError, OSError) as error:
            warnings.warn(f"{self.path} is damaged ({error}): starting this run again", stacklevel=2)
            return None
        self._before = float(state.pop("seconds"))
        return state


def _flatten(state: dict, prefix: str = "") -> dict[str, Tensor]:
    flat = {}
    for key, value in state.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}/")
        else:
            flat[f"{prefix}{key}"] = value.detach().cpu().clone().contiguous()
    return flat


def _unflatten(flat: dict[str, Tensor]) -> dict:
    state: dict = {}
    for path, value in flat.items():
        *folders, name = (int(part) if part.isdigit() else part for part in path.split("/"))
        place = state
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return state


class Run:
    """One computation: `settings` in; `metrics`, `tables`, `arrays` and (not kept in git) `weights` out."""

    def __init__(self, folder: Path, settings: dict):
        self.folder, self.settings = folder, settings
        self.checkpoint = Checkpoint(folder / "checkpoint")
        self._record: dict | None = None

    def complete(self) -> bool:
        """Whether every file that `run.json` lists is there with its SHA-256 (weights may be absent, not wrong)."""
        if self._record is not None:
            return True
        path = self.folder / "run.json"
        if not path.exists():
            return False
        try:
            record = json.loads(path.read_text())
            if record["settings"] != json.loads(_canonical(self.settings)):
                raise ValueError("its settings are not those it is named by")
            for name, sha256 in record["files"].items():
                if name == "weights.safetensors" and not (self.folder / name).exists():
                    continue
                if hashlib.sha256((self.folder / name).read_bytes()).hexdigest() != sha256:
                    raise ValueError(f"{name} has another SHA-256 than run.json says")
        except (ValueError, KeyError, TypeError, OSError, AttributeError) as error:
            warnings.warn(f"{self.folder} is damaged ({error}): counted as not there", stacklevel=2)
            return False
        self._record = record
        return True

    @property
    def metrics(self) -> dict:
        return self._finished()["metrics"]

    @property
    def provenance(self) -> dict:
        return self._finished()["provenance"]

    def _finished(self) -> dict:
        if not self.complete():
            raise ValueError(f"{self.folder} holds no finished run")
        return self._record

    def table(self, name: str) -> pd.DataFrame:
        self._finished()
        return pd.read_csv(self.folder / f"{name}.csv")

    def arrays(self) -> dict[str, np.ndarray]:
        self._finished()
        with np.load(self.folder / "arrays.npz", allow_pickle=False) as file:
            return dict(file)

    def weights(self) -> dict | None:
        """Nested dicts of tensors, kept or made again; None where there are none (results in git have none)."""
        for folder in (self.folder, self.remade):
            if (path := folder / "weights.safetensors").exists():
                if folder == self.remade and self.provenance.get("seeds") != provenance.BY_ROLE:
                    said = (
                        "was made with one seed for all roles: its weights made again are another network's"
                    )
                    warnings.warn(f"{self.folder} {said}", stacklevel=2)
                return _unflatten(safetensors.torch.load(path.read_bytes()))
        return None

    @property
    def remade(self) -> Path:
        """Where the run is made once more for its weights, which a record in git lacks."""
        return self.folder.parent / ".again" / self.folder.name

    def finish(
        self,
        *,
        metrics: dict,
        arrays: dict[str, np.ndarray] | None = None,
        tables: dict[str, pd.DataFrame] | None = None,
        weights: dict | None = None,
    ) -> None:
        """Write everything, `run.json` last: until then the run is not complete."""
        files = {f"{name}.csv": table.to_csv(index=False).encode() for name, table in (tables or {}).items()}
        if arrays is not None:
            np.savez_compressed(buffer := io.BytesIO(), **arrays)
            files["arrays.npz"] = buffer.getvalue()
        if weights is not None:
            files["weights.safetensors"] = safetensors.torch.save(_flatten(weights))
        for name, content in files.items():
            atomic_write(self.folder / name, content)
        record = {
            "settings": self.settings,
            "metrics": metrics,
            "provenance": provenance.provenance() | {"wall_s": round(self.checkpoint.seconds, 1)},
            "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        }
        atomic_write(self.folder / "run.json", json.dumps(record, indent=1).encode())
        self.checkpoint.path.unlink(missing_ok=True)
        self._record = json.loads(json.dumps(record))


class Store:
    """A folder of runs, beside those of other stores: networks that one of them has trained serve all."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def run(self, name: str, settings: dict, *, shared: bool = False) -> Run:
        """The run of these settings (JSON values only), finished or not: the hash of the settings is what finds it,
        here or, if `shared`, in a store beside; `name` goes before that in a new folder's name.
        """
        place = f"{name.partition('-')[0]}-*{digest(settings)}"
        places = sorted(self.folder.glob(place))
        if shared and not places:
            places = [p for p in sorted(self.folder.parent.glob(f"*/{place}")) if Run(p, settings).complete()]
        if places:
            return Run(places[0], settings)
        return Run(self.folder / f"{name}-{digest(settings)}", settings)

    def finished(self) -> list[Run]:
        """Every finished run that is here, in the order of their names; damaged ones are reported and left out."""
        found = []
        for path in sorted(self.folder.glob("*/run.json")):
            try:
                run = Run(path.parent, json.loads(path.read_text())["settings"])
            except (ValueError, KeyError, TypeError) as error:
                warnings.warn(f"{path} is damaged ({error}): counted as not there", stacklevel=2)
                continue
            if run.complete():
                found.append(run)
        return found

    def get(
        self, name: str, settings: dict, compute: Callable[[Run], None] | None, *, shared: bool = False
    ) -> Run | None:
        """The finished run: loaded if complete, else computed (resumed); None if neither is possible."""
        run = self.run(name, settings, shared=shared)
        if run.complete():
            return run
        if compute is None:
            return None
        provenance.commit()  # before the files can change under a long run
        compute(run)
        return run

    def weights(self, run: Run, compute: Callable[[Run], None] | None) -> dict:
        """A finished run's weights: kept, or made again beside it (in a folder that git ignores), the record untouched.

        Raises FileNotFoundError where they are not kept and nothing may be computed.
        """
        if (weights := run.weights()) is not None:
            return weights
        if compute is None:
            raise FileNotFoundError(
                f"{run.folder} keeps no weights (results in git have none), and nothing may be computed here"
            )
        again = Run(run.remade, run.settings)
        if not again.complete():
            compute(again)
        return run.weights()


def digest(settings: dict) -> str:
    """What a run is found by: ten hex digits of the SHA-256 of its settings."""
    return hashlib.sha256(_canonical(settings).encode()).hexdigest()[:10]


def _canonical(settings: dict) -> str:
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))
