"""Controls: what is it about an SNN that protects? Each is one change from a named baseline, attacked at an equal
budget.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from snnmi.attack.players import GaminConfig
from snnmi.study import attacks
from snnmi.study.settings import Changes

KINDS = ("ann", "snn")
OTHER = {"ann": "snn", "snn": "ann"}


@dataclass(frozen=True)
class Variant:
    """A target and its attack as the profile has them, with one thing changed.

    >>> Variant("snn", "entropy as the {other}'s").label
    "SNN, entropy as the ANN's"
    """

    kind: str  # the baseline: "ann", "snn" or a target of one's own
    change: str = ""  # in words, none for a baseline; {other} stands for the other kind
    factor: str = "baseline"  # what is changed
    changes: Changes = field(default_factory=dict, hash=False)

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
        return self.change.format(other=spell(OTHER.get(self.kind, "")))


def query(**values) -> Changes:
    """The same trained weights, asked in another way."""
    return {"query": values}


def training(**values) -> Changes:
    return {"training": values}


BASELINES = {kind: Variant(kind) for kind in KINDS}

# The factorial design: which neuron, and what its weights are fed with. Corners: the paper's ANN and its SNN.
INPUTS = ("current", "clip", "rate")  # raw values; clipped to [0, 1]; clipped and drawn as spikes
CELLS = {
    ("ann", "current"): BASELINES["ann"],
    ("ann", "clip"): Variant("ann", "clipped input", "input range", query(encoder="clip")),
    ("ann", "rate"): Variant("ann", "Bernoulli input", "encoder", query(encoder="rate")),
    ("snn", "current"): Variant("snn", "raw current", "input range", query(encoder="current")),
    ("snn", "clip"): Variant("snn", "clipped current", "encoder", query(encoder="clip")),
    ("snn", "rate"): BASELINES["snn"],
}
# The analysis plan's four: each kind as the paper has it, the ANN behind the SNN's clip, the SNN without it.
FOUR = tuple(
    CELLS[cell] for cell in (("ann", "current"), ("ann", "clip"), ("snn", "current"), ("snn", "rate"))
)
CALLED = dict(
    zip((cell.label for cell in FOUR), ("ANN", "ANN behind a clip", "SNN without its encoder", "SNN"))
)

# The same four on recordings, which an SNN is fed a bin a step.
RECORDED = (
    BASELINES["ann"],
    CELLS["ann", "clip"],
    Variant("snn", "raw bins", "input range", query(encoder="raw_bins")),
    BASELINES["snn"],
)

# What recordings are asked with too: sparse noise, and the same as an event camera could have sent it.
EVENTS = {"sparse noise": {}, "sparse noise, sent as events": {"as_events": True}}
SENT = tuple(
    Variant(kind, words, "what is sent", {"attack": {"noise": "sparse"} | how})
    for words, how in EVENTS.items()
    for kind in KINDS
)

TIME = tuple(
    Variant("snn", f"T = {steps}", "time steps", training(num_steps=steps)) for steps in (1, 5, 10, 50, 100)
)
ENTROPY = Variant("snn", "entropy as the {other}'s", "decoder", query(match_entropy=True))
DECODERS = (
    Variant("snn", "count decoder", "decoder", query(decoder="count")),
    Variant("snn", "rate decoder", "decoder", query(decoder="rate")),
    ENTROPY,
)
IN_RANGE = ("clipped", "uniform", "sparse", "smooth", "binary", "mixed")  # noises that never leave [0, 1]
NOISE = tuple(
    Variant(kind, f"{noise} noise", "attacker's noise", {"attack": {"noise": noise}})
    for noise in IN_RANGE
    for kind in KINDS
)
OTHERS = (
    Variant("snn", "one frozen draw", "encoder", query(encoder="frozen")),
    Variant("snn", "trained on raw current", "input range", training(encoder="current")),
    Variant("snn", "beta = 0.5", "leak", training(beta=0.5)),
    Variant("snn", "beta = 0.9", "leak", training(beta=0.9)),
    Variant("snn", "reset before decay", "reset", training(reset="before_decay")),
    *(
        Variant(kind, "trained to the {other}'s accuracy", "accuracy", training(match_accuracy=True))
        for kind in KINDS
    ),
    *(Variant(kind, "a quarter of the neurons", "width", training(width=0.25)) for kind in KINDS),
)

# Attackers of the same targets who get less, ask in another way, or draw better.
GIVEN = {"one decimal": "one decimal", "largest": "largest confidence alone", "label": "label alone"}
PLAYERS = {
    "convolutional players": {"family": "cnn", "hidden": 64},
    "smoothness penalty": {"smooth": 1.0},
    "a spiking copy": {"family": "spiking"},
    "four copies and four generators": {"family": "ensemble"},
}
AVERAGING = tuple(
    Variant("snn", f"every input asked {k} times", "averaging", {"attack": {"repeats": k}})
    for k in (4, 16, 64)
)
ATTACKERS = (
    *(
        Variant(kind, words, "what the interface gives", {"attack": {"answers": form}})
        for form, words in GIVEN.items()
        for kind in KINDS
    ),
    *AVERAGING,
    *(
        Variant(
            kind,
            "sparse noise that drifts",
            "attacker's noise",
            {"attack": {"noise": "sparse", "drift": 0.5}},
        )
        for kind in KINDS
    ),
    *(
        Variant(kind, words, "players", {"attack": players})
        for words, players in PLAYERS.items()
        for kind in KINDS
    ),
)
RESTARTS = 4
# Past the paper's budget: of fewer classes, or it would take a CPU a day.
BEYOND = {"attack": {"classes": 3, "batches": 20_000}}


# The second plan: what a better question does (protection), and what makes a question bad (cause).
def asks(kind: str, words: str, **attack) -> Variant:
    return Variant(kind, words, "attacker's noise", {"attack": attack})


BETTER = tuple(asks(kind, f"asked {noise}", noise=noise) for noise in ("strokes", "blobs") for kind in KINDS)
CAUSE = (
    *(asks("ann", f"asked {noise} noise", noise=noise) for noise in ("grey", "centred")),
    Variant(
        "snn",
        "raw current, asked centred noise",
        "attacker's noise",
        CELLS["snn", "current"].changes | {"attack": {"noise": "centred"}},
    ),
)
FAST = {"lr_surrogate": 1e-3, "lr_generator": 1e-3}  # ten times the frozen rate
FASTER = tuple(asks(kind, "asked strokes, ten times the rate", noise="strokes", **FAST) for kind in KINDS)
CHOOSING = tuple(asks(kind, "asked chosen noise", noise="chosen") for kind in KINDS)
# Pictures an eye can read: a generator that starts black, and how smooth its images must be.
BLACK = {"noise": "strokes", "output_bias": -3.0} | FAST
BLACK_START = tuple(asks(kind, "starts black", output_bias=-3.0) for kind in KINDS)
SMOOTH = {
    weight: tuple(
        asks(kind, f"asked strokes, starts black, smoothness {weight:g}", smooth=weight, **BLACK)
        for kind in KINDS
    )
    for weight in (0.0, 0.3, 1.0, 3.0)
}


# Codes in place of the Bernoulli rate, each SNN trained with its own; and each under noise within [0, 1].
LABELS = {"rate": "Bernoulli rate", "latency": "latency", "burst": "burst", "phase": "phase"}
LABELS |= {"population": "population"}
LABELS |= {"clip": "constant current, clipped", "current": "constant current, raw"}
CODES = {
    (code, noise): Variant(
        "snn",
        ", ".join([f"{label} code"] * (code != "rate") + [f"{noise} noise"] * (noise != "normal")),
        "code",
        {
            section: values
            for section, values in (
                ("training", {"encoder": code} if code != "rate" else {}),
                ("attack", {"noise": noise} if noise != "normal" else {}),
            )
            if values
        },
    )
    for code, label in LABELS.items()
    for noise in ("normal", "sparse")
}
# Other codes asked better (the rate code is in `BETTER`), and recordings, as a camera could have sent it.
SCRIBBLED = {
    code: replace(
        CODES[code, "normal"],
        change=f"{label} code, asked strokes",
        changes=CODES[code, "normal"].changes | {"attack": {"noise": "strokes"}},
    )
    for code, label in LABELS.items()
    if code != "rate"
}
BETTER_SENT = tuple(
    asks(kind, f"asked {words}, sent as events", noise=noise, as_events=True)
    for noise, words in {"chosen": "chosen noise", "moving strokes": "moving strokes"}.items()
    for kind in KINDS
)


def attackers(attack: GaminConfig) -> list[Variant]:
    """All who play GAMIN otherwise than a profile's `attack`, as far as its settings let them: with other noise, those
    of `ATTACKERS`, and, to set averaging against, who asks as many different inputs, each once; then a user's own.
    """
    once = [
        Variant("snn", f"{share} of the inputs, asked once", "averaging", {"attack": {"batch_size": size}})
        for share, size in (("a quarter", attack.batch_size // 4), ("a 16th", attack.batch_size // 16))
    ]
    mine = [
        Variant(kind, name, "attack", {"attack": {"attacker": name}})
        for name, entry in attacks.own().items()
        for kind in entry.kinds
    ]
    return [variant for variant in (*NOISE, *ATTACKERS, *once, *mine) if _can(attack, variant)]


def restarts(attack: GaminConfig) -> list[Variant]:
    """Who starts `RESTARTS` times, with so many attack seeds, each with its share of the queries."""
    batches = max(1, attack.batches // RESTARTS)
    change = {"attack": {"batches": batches, "keep_window": min(attack.keep_window, batches)}}
    return [Variant(kind, f"best of {RESTARTS} restarts", "restarts", change) for kind in KINDS]


def _can(attack: GaminConfig, variant: Variant) -> bool:
    """Whether an attack's settings allow what a variant changes of them."""
    try:
        return bool(replace(attack, **variant.changes["attack"]))
    except ValueError:
        return False


# At quick, so that all of them are done in a minute a chapter: the same for all, or they could not be compared.
QUICK = {"attack": {"batches": 150}}
# In the order of value: what a budget does not reach is left out from the end.
CONTROLS = (*CELLS.values(), *DECODERS, *NOISE, *OTHERS, *TIME)
SECOND = (*BETTER, *CAUSE, *FASTER, *CHOOSING, *BLACK_START, *sum(SMOOTH.values(), ()))
NAMED = {control.name: control for control in (*CONTROLS, *ATTACKERS, *SECOND)}

# No suspect: what half-precision products would change on a GPU (chapter 15).
HALVED = Variant("snn", "weights of 11 bits", "precision", query(precision="float16"))
