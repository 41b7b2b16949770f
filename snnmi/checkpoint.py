"""The state of a half-finished run, so that a kill costs at most a minute."""

import hashlib
import time
import warnings
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Generator, Tensor
from torch.optim import Optimizer

from snnmi.files import atomic_write

SECONDS = 30.0  # between two saves
FORMAT = 2  # of the states: to be counted up where an older state cannot be gone on from


class Checkpoint:
    """The state of a half-finished run, saved at most every SECONDS: nested dicts of tensors, and of optimisers and
    generators, whose own state is saved.

    The file is a SHA-256 and safetensors behind it, never pickle.
    """

    def __init__(self, path: Path, every: float = SECONDS):
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
        about = {"seconds": torch.tensor(self.seconds, dtype=torch.float64), "format": torch.tensor(FORMAT)}
        content = safetensors.torch.save(flatten(state | about))
        atomic_write(self.path, hashlib.sha256(content).digest() + content)
        self._saved = time.monotonic()

    def load(self) -> dict | None:
        """The last state saved, or None; a damaged file, or one of another format, is reported and counts as none."""
        if not self.path.exists():
            return None
        try:
            packed = self.path.read_bytes()
            sha256, content = packed[:32], packed[32:]
            if hashlib.sha256(content).digest() != sha256:
                raise ValueError("its SHA-256 is not the one it begins with")
            state = unflatten(safetensors.torch.load(content))
        except (ValueError, SafetensorError, OSError) as error:
            warnings.warn(f"{self.path} is damaged ({error}): starting this run again", stacklevel=2)
            return None
        if (found := int(state.pop("format", 0))) != FORMAT:
            said = f"has a state of format {found}, expected {FORMAT}, as another version of the code left it"
            warnings.warn(f"{self.path} {said}: starting this run again", stacklevel=2)
            return None
        self._before = float(state.pop("seconds"))
        return state


def flatten(state: dict, prefix: str = "") -> dict[str, Tensor]:
    """Nested dicts as one, its keys paths."""
    flat = {}
    for key, value in state.items():
        if isinstance(value, Optimizer):
            value = value.state_dict()["state"]
        if isinstance(value, Generator):
            value = value.get_state()
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}/")
        else:
            flat[f"{prefix}{key}"] = value.detach().cpu().clone().contiguous()
    return flat


def unflatten(flat: dict[str, Tensor]) -> dict:
    """What `flatten` was given; whole numbers among the keys come back as such. Copied: what is read from a file lies
    where it happens to, and a sum may round otherwise there than where PyTorch puts its own tensors.
    """
    state: dict = {}
    for path, value in flat.items():
        *folders, name = (int(part) if part.isdigit() else part for part in path.split("/"))
        place = state
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value.clone()
    return state


@torch.no_grad()
def overwrite(own: dict, saved: dict) -> None:
    """Go on from what was saved, in place: optimisers and steps that a GPU replays hold on to tensors."""
    for key, value in own.items():
        if isinstance(value, Optimizer):
            state = saved.get(key, {})  # before its first step it has none
            value.load_state_dict(value.state_dict() | {"state": state})
        elif isinstance(value, Generator):
            value.set_state(saved[key])
        elif isinstance(value, dict):
            overwrite(value, saved[key])
        else:
            value.copy_(saved[key])
