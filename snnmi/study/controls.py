"""Controls: what is it about an SNN that protects? Each is one change from a named baseline, attacked at an equal
budget.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from snnmi.models.targets import QueryConfig

KINDS = ("ann", "snn")
OTHER = {"ann": "snn", "snn": "ann"}


@dataclass(frozen=True)
class Variant:
    """A target and its attack as the profile has them, with one thing changed; the dicts hold the fields that differ.

    >>> Variant("snn", "entropy as the {other}'s").label
    "SNN, entropy as the ANN's"
    """

    kind: str  # the baseline: "ann" or "snn"
    change: str = ""  # in words, none for a baseline; {other} stands for the other kind
    factor: str = "baseline"  # what is changed
    training: dict[str, object] = field(default_factory=dict)  # fields of TargetConfig
    width: float = 1.0  # times the baseline's hidden neurons
    query: QueryConfig = QueryConfig()  # the same trained weights, asked in another way
    attack: dict[str, object] = field(default_factory=dict)  # fields of GaminConfig
    match_accuracy: bool = (
        False  # training ends at the epoch whose test accuracy is nearest the other kind's last
    )

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}, expected one of {list(KINDS)}")

    @property
    def name(self) -> str:
        """As stored results carry it: "snn, raw current", of a baseline "snn"."""
        return ", ".join(filter(None, (self.kind, self.changed(str.lower))))

    @property
    def label(self) -> str:
        """As people read it: "SNN, raw current"."""
        return ", ".join(filter(None, (self.kind.upper(), self.changed())))

    def changed(self, spell: Callable[[str], str] = str.upper) -> str:
        """The change alone: "raw current"."""
        return self.change.format(other=spell(OTHER[self.kind]))


BASELINES = {kind: Variant(kind) for kind in KINDS}

# The factorial design: which neuron, and what its weights are fed with. Corners: the paper's ANN and its SNN.
INPUTS = ("current", "clip", "rate")  # raw values; clipped to [0, 1]; clipped and drawn as spikes
CELLS = {
    ("ann", "current"): BASELINES["ann"],
    ("ann", "clip"): Variant("ann", "clipped input", "input range", query=QueryConfig(encoder="clip")),
    ("ann", "rate"): Variant("ann", "Bernoulli input", "encoder", query=QueryConfig(encoder="rate")),
    ("snn", "current"): Variant("snn", "raw current", "input range", query=QueryConfig(encoder="current")),
    ("snn", "clip"): Variant("snn", "clipped current", "encoder", query=QueryConfig(encoder="clip")),
    ("snn", "rate"): BASELINES["snn"],
}

TIME = tuple(
    Variant("snn", f"T = {steps}", "time steps", training={"num_steps": steps})
    for steps in (1, 5, 10, 50, 100)
)
ENTROPY = Variant("snn", "entropy as the {other}'s", "decoder", query=QueryConfig(match_entropy=True))
DECODERS = (
    Variant("snn", "count decoder", "decoder", query=QueryConfig(decoder="count")),
    Variant("snn", "rate decoder", "decoder", query=QueryConfig(decoder="rate")),
    ENTROPY,
)
NOISE = tuple(
    Variant(kind, f"{noise} noise", "attacker's noise", attack={"noise": noise})
    for noise in ("clipped", "uniform")
    for kind in KINDS
)
OTHERS = (
    Variant("snn", "one frozen draw", "encoder", query=QueryConfig(encoder="frozen")),
    Variant("snn", "trained on raw current", "input range", training={"encoder": "current"}),
    Variant("snn", "beta = 0.5", "leak", training={"beta": 0.5}),
    Variant("snn", "beta = 0.9", "leak", training={"beta": 0.9}),
    Variant("snn", "reset before decay", "reset", training={"reset": "before_decay"}),
    *(Variant(kind, "trained to the {other}'s accuracy", "accuracy", match_accuracy=True) for kind in KINDS),
    *(Variant(kind, "a quarter of the neurons", "width", width=0.25) for kind in KINDS),
)
# In the order of value: what a budget does not reach is left out from the end.
CONTROLS = (*CELLS.values(), *DECODERS, *NOISE, *OTHERS, *TIME)

# No suspect: what half-precision products would change on a GPU (chapter 09).
HALVED = Variant("snn", "weights of 11 bits", "precision", query=QueryConfig(precision="float16"))
