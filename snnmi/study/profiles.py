"""Named settings: `smoke` (seconds, for tests), `quick` (the book's default), `laptop` (real images, 2 cores),
`half`, `paper`.
"""

from dataclasses import dataclass, field, replace

from snnmi.attack.players import GaminConfig
from snnmi.measure.scores import Evaluation
from snnmi.models.targets import TargetConfig


@dataclass(frozen=True)
class Profile:
    name: str
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    targets: dict[tuple[str, str], TargetConfig]  # by (data set, kind); ("*", kind) for every other data set
    attacks: dict[str, GaminConfig]  # by data set; "*" for every other
    shrink: dict[str, int] = field(default_factory=dict)  # pixels averaged a side
    kinds: tuple[str, ...] = ("ann", "snn")
    evaluation: Evaluation = Evaluation()

    def target(self, dataset: str, kind: str) -> TargetConfig:
        return self.targets.get((dataset, kind), self.targets["*", kind])

    def attack(self, dataset: str) -> GaminConfig:
        return self.attacks.get(dataset, self.attacks["*"])


# The targets' training: BrainLeaks' code (the book, "What had to be guessed").
ANN_MNIST = TargetConfig(kind="ann", epochs=50, batch_size=1000, lr=1e-3, clip_norm=None)
SNN_MNIST = TargetConfig(kind="snn", epochs=10, batch_size=100, lr=5e-5)
ANN_FACES = TargetConfig(kind="ann", epochs=70, batch_size=8, lr=5e-5, clip_norm=None)
SNN_FACES = TargetConfig(kind="snn", epochs=70, batch_size=8, lr=5e-5)

# The attack at the full budget: chosen on MNIST-ANN alone (`make calibrate`, results/calibration), then frozen.
CALIBRATED = GaminConfig(family="mlp", lr_surrogate=1e-5, lr_generator=1e-5)
# The attack at small budgets: the nearest to the published numbers after 2,000 batches (the same screen), then frozen.
SHORT = replace(CALIBRATED, lr_surrogate=1e-4, lr_generator=1e-4)

_QUICK_TARGETS = {
    ("*", "ann"): TargetConfig(kind="ann", hidden=256, epochs=40, batch_size=32, lr=1e-3, clip_norm=None),
    ("*", "snn"): TargetConfig(kind="snn", hidden=256, epochs=40, batch_size=32, lr=1e-3),
}

PROFILES = {
    "smoke": Profile(
        name="smoke",
        datasets=("digits",),
        seeds=(0,),
        targets={key: replace(config, hidden=64, epochs=3) for key, config in _QUICK_TARGETS.items()},
        attacks={"*": replace(SHORT, batches=30, hidden=32)},
        evaluation=Evaluation(noise=50, generated=10, shown=3, resolution=7, paths=4),
    ),
    "quick": Profile(
        name="quick",
        datasets=("digits",),
        seeds=(0, 1),
        targets=_QUICK_TARGETS,
        attacks={"*": replace(SHORT, batches=1000, lr_surrogate=1e-3, lr_generator=1e-3)},
    ),
    "laptop": Profile(
        name="laptop",
        datasets=("mnist", "faces"),
        seeds=(0,),
        targets={
            ("*", "ann"): ANN_MNIST,
            ("*", "snn"): SNN_MNIST,
            ("faces", "ann"): ANN_FACES,
            ("faces", "snn"): SNN_FACES,
        },
        attacks={"*": replace(SHORT, batches=2000)},
        shrink={"faces": 4},
    ),
    "calibration": Profile(
        name="calibration",
        datasets=("mnist",),
        seeds=(0,),
        kinds=("ann",),
        targets={("*", "ann"): ANN_MNIST, ("*", "snn"): SNN_MNIST},
        attacks={"*": CALIBRATED},
    ),
    "half": Profile(  # the paper's MNIST row at half of its queries: what two cores finish in a morning
        name="half",
        datasets=("mnist",),
        seeds=(0,),
        targets={("*", "ann"): ANN_MNIST, ("*", "snn"): SNN_MNIST},
        attacks={"*": replace(CALIBRATED, batches=10_000)},
    ),
    "paper": Profile(
        name="paper",
        datasets=("mnist", "faces"),
        seeds=(0,),
        targets={
            ("*", "ann"): ANN_MNIST,
            ("*", "snn"): SNN_MNIST,
            ("faces", "ann"): ANN_FACES,
            ("faces", "snn"): SNN_FACES,
        },
        attacks={"*": CALIBRATED},
    ),
}


def get(name: str) -> Profile:
    if name not in PROFILES:
        raise ValueError(f"profile is {name!r}, expected one of {sorted(PROFILES)}")
    return PROFILES[name]
