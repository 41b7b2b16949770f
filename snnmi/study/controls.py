"""Controls: what is it about an SNN that protects? Each is one change from a named baseline, attacked at an equal
budget.
"""

from dataclasses import dataclass, field

from snnmi.models.targets import QueryConfig

KINDS = ("ann", "snn")
OTHER = {"ann": "snn", "snn": "ann"}


@dataclass(frozen=True)
class Variant:
    """A target and its attack as the profile has them, with one thing changed; the dicts hold the fields that differ."""

    name: str
    kind: str  # the baseline: "ann" or "snn"
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


BASELINES = {kind: Variant(kind, kind) for kind in KINDS}

# The factorial design: which neuron, and what its weights are fed with. Corners: the paper's ANN and its SNN.
INPUTS = ("current", "clip", "rate")  # raw values; clipped to [0, 1]; clipped and drawn as spikes
CELLS = {
    ("ann", "current"): BASELINES["ann"],
    ("ann", "clip"): Variant("ann, clipped input", "ann", "input range", query=QueryConfig(encoder="clip")),
    ("ann", "rate"): Variant("ann, Bernoulli input", "ann", "encoder", query=QueryConfig(encoder="rate")),
    ("snn", "current"): Variant(
        "snn, raw current", "snn", "input range", query=QueryConfig(encoder="current")
    ),
    ("snn", "clip"): Variant("snn, clipped current", "snn", "encoder", query=QueryConfig(encoder="clip")),
    ("snn", "rate"): BASELINES["snn"],
}

TIME = tuple(
    Variant(f"snn, T = {steps}", "snn", "time steps", training={"num_steps": steps})
    for steps in (1, 5, 10, 50, 100)
)
DECODERS = (
    *(
        Variant(f"snn, {name} decoder", "snn", "decoder", query=QueryConfig(decoder=name))
        for name in ("count", "rate")
    ),
    Variant("snn, entropy as the ann's", "snn", "decoder", query=QueryConfig(match_entropy=True)),
)
NOISE = tuple(
    Variant(f"{kind}, {noise} noise", kind, "attacker's noise", attack={"noise": noise})
    for noise in ("clipped", "uniform")
    for kind in KINDS
)
OTHERS = (
    Variant("snn, one frozen draw", "snn", "encoder", query=QueryConfig(encoder="frozen")),
    Variant("snn, trained on raw current", "snn", "input range", training={"encoder": "current"}),
    *(Variant(f"snn, beta = {beta}", "snn", "leak", training={"beta": beta}) for beta in (0.5, 0.9)),
    Variant("snn, reset before decay", "snn", "reset", training={"reset": "before_decay"}),
    *(
        Variant(f"{kind}, trained to the {other}'s accuracy", kind, "accuracy", match_accuracy=True)
        for kind, other in (KINDS, KINDS[::-1])
    ),
    *(Variant(f"{kind}, a quarter of the neurons", kind, "width", width=0.25) for kind in KINDS),
)
# In the order of value: what a budget does not reach is left out from the end.
CONTROLS = (*CELLS.values(), *DECODERS, *NOISE, *OTHERS, *TIME)

# No suspect: what half-precision products would change on a GPU (chapter 09).
HALVED = Variant("snn, weights of 11 bits", "snn", "precision", query=QueryConfig(precision="float16"))
