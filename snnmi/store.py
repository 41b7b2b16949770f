"""Finished and half-finished runs on disk: one folder a run, named by its settings, complete once `run.json` is
there.
"""

import hashlib
import io
import json
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch

from snnmi import checks, provenance
from snnmi.checkpoint import Checkpoint, flatten, unflatten
from snnmi.fast import cpu
from snnmi.files import atomic_write, sweep

RECORD = ("settings", "metrics", "provenance", "files")  # what run.json holds, and its own "sha256"


class Run:
    """One computation: `settings` in; `metrics`, `tables`, `arrays` and (not kept in git) `weights` out."""

    def __init__(self, folder: Path, settings: dict | None = None):
        """Without `settings` those of its record."""
        self.folder, self.settings = folder, settings
        self.checkpoint = Checkpoint(folder / "checkpoint")
        self._record: dict | None = None

    def complete(self) -> bool:
        """Whether `run.json` is as it was written and every file that it lists is there with its SHA-256; weights may
        be absent, not wrong.
        """
        if self._record is not None:
            return True
        path = self.folder / "run.json"
        if not path.exists():
            return False
        try:
            record = unsealed(json.loads(path.read_text()))
            if self.settings is None:
                self.settings = record["settings"]
            if record["settings"] != json.loads(_canonical(self.settings)):
                raise ValueError("its settings are not those it is named by")
            for name, sha256 in record["files"].items():
                if name == "weights.safetensors" and not (self.folder / name).exists():
                    continue
                if _sha256(path := self.folder / name, _state(path)) != sha256:
                    raise ValueError(f"{name} has another SHA-256 than run.json says")
        except (ValueError, KeyError, TypeError, OSError, AttributeError, RecursionError) as error:
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

    @property
    def files(self) -> dict:
        """Names with their SHA-256."""
        return self._finished()["files"]

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
                return unflatten(safetensors.torch.load(path.read_bytes()))
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
            files["weights.safetensors"] = safetensors.torch.save(flatten(weights))
        for name, content in files.items():
            atomic_write(self.folder / name, content)
        about = provenance.provenance() | {"wall_s": round(self.checkpoint.seconds, 1)}
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        parts = self.settings, metrics, about, digests
        record = sealed(dict(zip(RECORD, parts)))
        atomic_write(self.folder / "run.json", json.dumps(record, indent=1).encode())
        self.checkpoint.path.unlink(missing_ok=True)
        self._record = record


class Store:
    """A folder of runs, beside those of other stores: networks that one of them has trained serve all."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def run(self, name: str, settings: dict, *, shared: bool = False) -> Run:
        """The run of these settings (JSON values only), finished or not: the hash of the settings is what finds it,
        here or, if `shared`, in a store beside; `name` goes before that in a new folder's name.
        """
        ends = f"{name.partition('-')[0]}-", digest(settings)
        places = _places(self.folder, *ends)
        if shared and not places:
            stores = sorted(self.folder.parent.iterdir()) if self.folder.parent.is_dir() else []
            beside = [place for store in stores for place in _places(store, *ends)]
            places = [place for place in beside if Run(place, settings).complete()]
        if places:
            return Run(places[0], settings)
        return Run(self.folder / f"{name}-{digest(settings)}", settings)

    def finished(self, start: str = "") -> list[Run]:
        """Every finished run that is here, its name starting so, sorted; damaged ones are reported and left out, as are
        copies under other names.
        """
        runs = [Run(path.parent) for path in sorted(self.folder.glob(f"{start}*/run.json"))]
        return [r for r in runs if r.complete() and r.folder.name.endswith(f"-{digest(r.settings)}")]

    def get(
        self, name: str, settings: dict, compute: Callable[[Run], None] | None, *, shared: bool = False
    ) -> Run | None:
        """The finished run: loaded if complete, else computed (resumed); None if neither is possible."""
        run = self.run(name, settings, shared=shared)
        if compute is not None:
            sweep(run.folder)
        if run.complete():
            if compute is not None and run.checkpoint.path.exists():  # a kill between the record and this
                with suppress(OSError):  # where nothing can be written
                    run.checkpoint.path.unlink()
            return run
        if compute is None:
            return None
        provenance.commit()  # before the files can change under a long run
        _compute(run, compute)
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
            _compute(again, compute)
        return run.weights()


def _compute(run: Run, compute: Callable[[Run], None]) -> None:
    """Every run begins here, so that its last bits do not depend on what else its process computed or only read."""
    checks.writable("results", run.folder)
    cpu.make_fast()
    compute(run)


def _places(folder: Path, start: str, end: str) -> list[Path]:
    """What lies in a folder under such names, sorted. A page asks thousands of times: a folder is read again only if it
    has changed.
    """
    if not folder.is_dir():
        return []
    return [
        folder / name for name in _by_digest(folder, _state(folder)).get(end, []) if name.startswith(start)
    ]


def _state(path: Path) -> tuple[int, ...]:
    """What is another where a file or folder has changed."""
    stat = path.stat()
    return stat.st_ino, stat.st_nlink, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=100)
def _by_digest(folder: Path, state: tuple[int, ...]) -> dict[str, list[str]]:
    """Names by what follows their last hyphen."""
    found: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        found.setdefault(name.rpartition("-")[2], []).append(name)
    return found


@cache
def _sha256(path: Path, state: tuple[int, ...]) -> str:
    """Of a file's content, which is read again only if the file has changed: a page finds most runs several times."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(settings: dict) -> str:
    """What a run is found by: ten hex digits of the SHA-256 of its settings."""
    return hashlib.sha256(_canonical(settings).encode()).hexdigest()[:10]


def sealed(record: dict) -> dict:
    """A record as JSON holds it, with a SHA-256 over all of it: a number that was changed is seen."""
    plain = json.loads(json.dumps(record))
    return plain | {"sha256": hashlib.sha256(_canonical(plain).encode()).hexdigest()}


def unsealed(record: object) -> dict:
    """A record that is whole and as it was written. Raises ValueError for any other."""
    if not isinstance(record, dict) or not all(isinstance(record.get(key), dict) for key in RECORD):
        raise ValueError(f"its run.json lacks some of {', '.join(RECORD)}")
    if sealed({key: value for key, value in record.items() if key != "sha256"}) != record:
        raise ValueError("its run.json is not as it was written: another SHA-256 than it says")
    return record


def _canonical(settings: dict) -> str:
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))
