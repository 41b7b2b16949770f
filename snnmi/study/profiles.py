"""Named settings: `smoke` (seconds, for tests), `quick` (the book's default), `plan` (the analysis
plan's networks on MNIST), `people` and `quarter` (its faces), `events` (recordings), `paper`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from snnmi.recordings import STEPS
from snnmi.study.settings import Changes, Settings


class Change(NamedTuple):
    """Changes to the defaults, for some data set or kind of target; None: for all."""

    changes: Changes
    dataset: str | None
    kind: str | None


@dataclass(frozen=True)
class Profile:
    name: str
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    changes: tuple[Change, ...]  # in this order

    def settings(self, dataset: str, kind: str) -> Settings:
        settings = Settings(kind)
        for change in self.changes:
            if change.dataset in (None, dataset) and change.kind in (None, kind):
                settings = settings.changed(change.changes)
        return settings


def change(section: str, *, dataset: str | None = None, kind: str | None = None, **values) -> Change:
    return Change({section: values}, dataset, kind)


# The targets' training: BrainLeaks' code; the defaults are its MNIST SNN (the book, "What had to be guessed").
BRAINLEAKS = (
    change("training", kind="ann", epochs=50, batch_size=1000, lr=1e-3, clip_norm=None),
    change("training", dataset="faces", epochs=70, batch_size=8, lr=5e-5),
)
SMALL = (
    change("training", hidden=256, epochs=40, batch_size=32, lr=1e-3),
    change("training", kind="ann", clip_norm=None),
)
# The attack at the full budget is the default; at small ones the rate is ten times as high. Both were set before they
# were compared with others: the book, "Calibration, as it happened".
SHORT = change("attack", lr_surrogate=1e-4, lr_generator=1e-4)
# The analysis plan's choice, frozen on 27 November 2026 before any SNN was attacked with it: of its grid the
# setting nearest to the published row of MNIST-ANN (`analysis.distance`), fidelity as a mean absolute error.
FROZEN = change("attack", hidden=512, batch_size=128)
TARGET = change("training", dataset="mnist", kind="ann", stop_at=0.977)  # as accurate as published
# Of 10,304 pixels; one generator's images are alike.
FACES = change("evaluation", dataset="faces", shown=2)
BINS = change("training", encoder="bins", num_steps=STEPS)  # recordings, a bin a step

_ALL = (
    Profile(
        "smoke",
        datasets=("digits",),
        seeds=(0,),
        changes=(
            *SMALL,
            SHORT,
            change("attack", batches=30, hidden=32),
            change("training", hidden=64, epochs=3),
            change("evaluation", noise=50, generated=10, shown=3, resolution=7, paths=4),
        ),
    ),
    Profile(
        "quick",
        datasets=("digits",),
        seeds=(0,),
        changes=(*SMALL, change("attack", batches=1000, lr_surrogate=1e-3, lr_generator=1e-3)),
    ),
    Profile(  # the analysis plan's networks, at a tenth of the paper's queries (`study/plan.py`)
        "plan",
        datasets=("mnist",),
        seeds=tuple(range(7)),
        changes=(*BRAINLEAKS, TARGET, FROZEN, SHORT, change("attack", batches=1000)),
    ),
    Profile(  # the plan's step 5: the first ten people, at the paper's own size
        "people",
        datasets=("faces",),
        seeds=(0, 1, 2),
        changes=(*BRAINLEAKS, FROZEN, SHORT, FACES, change("attack", batches=1000, classes=10)),
    ),
    Profile(  # the same step: all forty people at a quarter of the side, of targets as accurate as published
        "quarter",
        datasets=("faces",),
        seeds=(0, 1, 2),
        changes=(
            *BRAINLEAKS,
            change("data", shrink=4),
            change("training", kind="ann", stop_at=0.95, lr=5e-4),
            change("training", kind="snn", stop_at=0.9125),
            FROZEN,
            SHORT,
            FACES,
            change("attack", batches=1000),
        ),
    ),
    Profile(  # recordings of an event camera: Chapter 12's alone
        "events",
        datasets=("nmnist",),
        seeds=(0, 1, 2),
        changes=(*SMALL, BINS, change("attack", batches=300, lr_surrogate=1e-3, lr_generator=1e-3)),
    ),
    Profile(
        "paper",
        datasets=("mnist", "faces"),
        seeds=(0,),
        changes=(*BRAINLEAKS, TARGET, FROZEN, FACES, change("attack", batches=10_000)),
    ),
)
PROFILES = {profile.name: profile for profile in _ALL}


def get(name: object) -> Profile:
    if name not in list(PROFILES):
        raise ValueError(f"profile is {name!r}, expected one of {sorted(PROFILES)}")
    return PROFILES[name]
