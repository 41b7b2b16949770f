"""Controls: what is it about an SNN that protects? Each is one change from a named baseline, attacked at an equal
budget.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from snnmi.attack.players import GaminConfig
from snnmi.study import attacks
from snnmi.study.settings import Changes, merged

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


def attack(**values) -> Changes:
    return {"attack": values}


def both(change: str, factor: str, changes: Changes) -> tuple[Variant, Variant]:
    """The same change for either kind."""
    ann, snn = (Variant(kind, change, factor, changes) for kind in KINDS)
    return ann, snn


def asked(change: str, **how) -> tuple[Variant, Variant]:
    return both(change, "attacker's noise", attack(**how))


BASELINES = {kind: Variant(kind) for kind in KINDS}

# The factorial design: which neuron, and what its weights are fed with: raw values; clipped to [0, 1]; clipped, then
# drawn as spikes. Corners: the paper's ANN and its SNN.
CELLS = {
    ("ann", "current"): BASELINES["ann"],
    ("ann", "clip"): Variant("ann", "clipped input", "input range", query(encoder="clip")),
    ("ann", "rate"): Variant("ann", "Bernoulli input", "encoder", query(encoder="rate")),
    ("snn", "current"): Variant("snn", "raw current", "input range", query(encoder="current")),
    ("snn", "clip"): Variant("snn", "clipped current", "encoder", query(encoder="clip")),
    ("snn", "rate"): BASELINES["snn"],
}
# The analysis plan's four: each kind as the paper has it, the ANN behind the SNN's clip, the SNN without it.
FOUR = BASELINES["ann"], CELLS["ann", "clip"], CELLS["snn", "current"], BASELINES["snn"]
_WORDS = "ANN", "ANN behind a clip", "SNN without its encoder", "SNN"
CALLED = dict(zip((cell.label for cell in FOUR), _WORDS))

TIME = tuple(
    Variant("snn", f"T = {steps}", "time steps", training(num_steps=steps)) for steps in (1, 5, 10, 50, 100)
)
DECODERS = (
    Variant("snn", "count decoder", "decoder", query(decoder="count")),
    Variant("snn", "rate decoder", "decoder", query(decoder="rate")),
    Variant("snn", "entropy as the {other}'s", "decoder", query(match_entropy=True)),
)
FIRST_NOISES = ("clipped", "uniform", "sparse", "smooth", "binary", "mixed")  # the first plan's, in [0, 1]
NOISE = sum((asked(f"{noise} noise", noise=noise) for noise in FIRST_NOISES), ())
OTHERS = (
    Variant("snn", "one frozen draw", "encoder", query(encoder="frozen")),
    Variant("snn", "trained on raw current", "input range", training(encoder="current")),
    Variant("snn", "beta = 0.5", "leak", training(beta=0.5)),
    Variant("snn", "beta = 0.9", "leak", training(beta=0.9)),
    Variant("snn", "reset before decay", "reset", training(reset="before_decay")),
    *both("trained to the {other}'s accuracy", "accuracy", training(match_accuracy=True)),
    *both("a quarter of the neurons", "width", training(width=0.25)),
)


# One change at a time, asked well: by GAMIN's noise an SNN's copy is near guessing, and no change can hide much more.
STROKES = attack(noise="strokes")
WELL = {
    one: replace(one, change=f"{one.change}, asked strokes", changes=merged(one.changes, STROKES))
    for one in (
        *DECODERS[:2],
        CELLS["snn", "clip"],
        *(other for other in OTHERS if other.factor in ("encoder", "leak", "reset")),
        *TIME[:4],
    )
}

# Attackers of the same targets who get less, ask in another way, or draw better.
AVERAGING = tuple(
    Variant("snn", f"every input asked {k} times", "averaging", attack(repeats=k)) for k in (4, 16, 64)
)
ATTACKERS = (
    *both("one decimal", "what the interface gives", attack(answers="one decimal")),
    *both("largest confidence alone", "what the interface gives", attack(answers="largest")),
    *both("label alone", "what the interface gives", attack(answers="label")),
    *AVERAGING,
    *asked("sparse noise that drifts", noise="sparse", drift=0.5),
    *both("convolutional players", "players", attack(family="cnn", hidden=64)),
    *both("smoothness penalty", "players", attack(smooth=1.0)),
    *both("a spiking copy", "players", attack(family="spiking")),
    *both("four copies and four generators", "players", attack(family="ensemble")),
)
RESTARTS = 4
# Past the paper's budget: of fewer classes, or it would take a CPU a day.
BEYOND = attack(classes=3, batches=20_000)

# The second plan: what a better question does (protection), and what makes a question bad (cause).
BETTER = (*asked("asked strokes", noise="strokes"), *asked("asked blobs", noise="blobs"))
CENTRED = attack(noise="centred")
CAUSE = (
    asked("asked grey noise", noise="grey")[0],
    Variant("ann", "asked centred noise", "attacker's noise", CENTRED),
    Variant(
        "snn", "raw current, asked centred noise", "attacker's noise", query(encoder="current") | CENTRED
    ),
)
FAST = {"noise": "strokes", "lr_surrogate": 1e-3, "lr_generator": 1e-3}  # at ten times the frozen rate
FASTER = asked("asked strokes, ten times the rate", **FAST)
CHOOSING = asked("asked chosen noise", noise="chosen")
# Pictures an eye can read: a generator that starts black, and how smooth its images must be.
BLACK_START = asked("starts black", output_bias=-3.0)
SMOOTH = {
    weight: asked(
        f"asked strokes, starts black, smoothness {weight:g}", **FAST, smooth=weight, output_bias=-3.0
    )
    for weight in (0.0, 0.3, 1.0, 3.0)
}
# Of these the judge recognises most of what network 0's ANN gives: frozen on 1 December 2026, before any SNN of the
# plan was attacked so.
LEGIBLE = SMOOTH[3.0]

# The four cells on recordings, which an SNN is fed a bin a step; and what these are asked with too: sparse noise, and
# better questions, as an event camera could have sent them.
RECORDED = (
    BASELINES["ann"],
    CELLS["ann", "clip"],
    Variant("snn", "raw bins", "input range", query(encoder="raw_bins")),
    BASELINES["snn"],
)
SENT = (
    *both("sparse noise", "what is sent", attack(noise="sparse")),
    *both("sparse noise, sent as events", "what is sent", attack(noise="sparse", as_events=True)),
)
BETTER_SENT = (
    *asked("asked chosen noise, sent as events", noise="chosen", as_events=True),
    *asked("asked moving strokes, sent as events", noise="moving strokes", as_events=True),
)

# Codes in place of the Bernoulli rate, each SNN trained with its own; each under noise within [0, 1], or asked strokes.
LABELS = {
    **{"rate": "Bernoulli rate", "latency": "latency", "burst": "burst", "phase": "phase"},
    **{"population": "population", "clip": "constant current, clipped", "current": "constant current, raw"},
}


def _code(code: str, noise: str, words: str) -> Variant:
    changes = {} if code == "rate" else training(encoder=code)
    changes |= {} if noise == "normal" else attack(noise=noise)
    change = ", ".join(filter(None, ("" if code == "rate" else f"{LABELS[code]} code", words)))
    return Variant("snn", change, "code", changes)


NOISES = {"normal": "", "sparse": "sparse noise"}
CODES = {(code, noise): _code(code, noise, words) for code in LABELS for noise, words in NOISES.items()}
SCRIBBLED = {code: _code(code, "strokes", "asked strokes") for code in LABELS if code != "rate"}


def attackers(usual: GaminConfig) -> list[Variant]:
    """All who play GAMIN otherwise than a profile's `usual` attack, as far as its settings let them: with other noise,
    those of `ATTACKERS`, and, to set averaging against, who asks as many different inputs, each once; then one's own.
    """
    once = [
        Variant("snn", f"{share} of the inputs, asked once", "averaging", attack(batch_size=size))
        for share, size in (("a quarter", usual.batch_size // 4), ("a 16th", usual.batch_size // 16))
    ]
    mine = [
        Variant(kind, name, "attack", attack(attacker=name))
        for name, entry in attacks.own().items()
        for kind in entry.kinds
    ]
    found = []
    for variant in (*NOISE, *ATTACKERS, *once, *mine):
        with suppress(ValueError):  # what the settings do not allow
            replace(usual, **variant.changes["attack"])
            found.append(variant)
    return found


def restarts(usual: GaminConfig) -> tuple[Variant, Variant]:
    """Who starts `RESTARTS` times, with so many attack seeds, each with its share of the queries."""
    batches = max(1, usual.batches // RESTARTS)
    change = attack(batches=batches, keep_window=min(usual.keep_window, batches))
    return both(f"best of {RESTARTS} restarts", "restarts", change)


# At quick, so that all of them are done in a minute a chapter: the same for all, or they could not be compared.
QUICK = attack(batches=150)
# In the order of value: what a budget does not reach is left out from the end.
CONTROLS = (*CELLS.values(), *DECODERS, *NOISE, *OTHERS, *TIME)
SECOND = (*BETTER, *WELL.values(), *CAUSE, *FASTER, *CHOOSING, *BLACK_START, *sum(SMOOTH.values(), ()))
NAMED = {control.name: control for control in (*CONTROLS, *ATTACKERS, *SECOND)}

# No suspect: what half-precision products would change on a GPU (chapter 15).
HALVED = Variant("snn", "weights of 11 bits", "precision", query(precision="float16"))
