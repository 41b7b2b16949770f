"""An audit: the reader's own network under this attack, beside an ANN and an SNN of its size on the same data.

The network enters as one more target (`TARGETS`), so that grid, store, scores and judge do all the rest. What came of
it is said by code, here alone in the book: nobody has seen the network.
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from snnmi import chance, checks
from snnmi.attack.blackbox import BlackBox, check_confidences, takes
from snnmi.attack.noises import CHOSEN, NOISES
from snnmi.data import Dataset
from snnmi.measure.statistics import bootstrap_interval, wilson_interval
from snnmi.models import foreign
from snnmi.models.euler import RULES
from snnmi.models.foreign import Assumed
from snnmi.models.targets import TARGETS
from snnmi.study import extensions, published, verdicts
from snnmi.study.controls import BASELINES, QUICK, Variant, attack
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import judgements

KIND = "yours"  # what grid and store call the reader's network
OWN = ("model", "dataset", "dt", "reset")  # parameters of the chapter alone
UNSAFE = {".pt2", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}
SLACK = 1e-3  # by which confidences may differ and be the same: what half precision rounds
ASKED = 200  # test images, and as many of noise, that a network is tried with
KEEPS = (
    "it keeps something between queries: neurons that are not reset, a network that learns on; or it draws by a "
    "chance of its own"
)
DRAWS = "it draws by chance: Dropout in training mode, or a code that takes no generator="
SCALES = "BatchNorm in training mode, or pixels scaled by batch"
# How it is asked again, by which seed and in how many parts, and the likely cause of other answers.
HANGS_ON = ("again", 0, 1, KEEPS), ("again", 1, 1, DRAWS), ("in other company", 0, 3, SCALES)
PLAIN = tuple(Variant(kind) for kind in (KIND, *BASELINES))
BETTER = tuple(  # the attacker tries, then chooses
    Variant(v.kind, "chosen noise", "attacker's noise", attack(noise=CHOSEN)) for v in PLAIN
)
ORDER = [variant.name for variant in (*PLAIN, *BETTER)]


@dataclass(frozen=True)
class Own:
    """A reader's network, as TARGETS takes it."""

    answer: Callable  # from images to confidences
    digest: str  # names its runs, so that a changed network is never answered by an old run
    weights: int | None = None  # how many; None: not known
    assumed: Assumed | None = None  # what its file does not say
    unsteady: str | None = None  # what its answers hang on besides the image

    def __call__(self, dataset: Dataset, *, seed: int) -> Callable:
        return self.answer


class Audit(NamedTuple):
    experiment: Experiment  # all attacks: PLAIN, then BETTER
    own: Own
    images: Dataset
    rules: pd.DataFrame  # of each reset rule: "reset", "test_accuracy" (of the first images), "assumed"
    book: nn.Module | None  # without a model of the reader's: the SNN of this book that stands for one


def prepare(
    given: Mapping[str, object],
    *,
    model: str | None,
    dataset: str | None,
    dt: float | str | None,
    reset: str | None,
) -> Audit:
    """Read the network, look at it, and lay out its attacks; ValueError, in one sentence, before any attack.

    `given`: the arguments of `Experiment` from the chapter's parameters. At `quick` as few batches are spent as in
    chapter 7. Without a `model` this book's SNN on the digits is exported and read back, at `quick` at most.
    """
    given = dict(given)
    named = given.pop("datasets", None)  # as other chapters call it: the first is audited
    if model is None and given.get("profile") != "smoke":
        given["profile"] = "quick"
    small = dict(QUICK) if given.get("profile", "quick") == "quick" else {}
    base = Experiment(**given, datasets=dataset or named, budget=small)
    name, book = base.datasets[0], None
    images, neuron = base.dataset(name), base.settings(name, BASELINES["snn"]).neuron
    how = {"num_steps": neuron.num_steps, "encoder": neuron.encoder, "decoder": neuron.decoder}
    how |= {key: checks.number(value) for key, value in (("dt", dt), ("reset", reset)) if value is not None}
    with TemporaryDirectory() as folder:
        if model is None:
            cell = next(cell for cell in base.cells() if cell.variant == BASELINES["snn"])
            book, model = base.model(cell), str(foreign.write(base.model(cell), Path(folder) / "snn.nir"))
            how = {"reset": neuron.reset} | how
        own = read(model, images, Assumed(**how), device=base.device)
        rules = by_rule(model, images, own)
    TARGETS[KIND] = own
    if own.weights:
        small |= {"training": {"hidden": same_size(own.weights, images)}}
    given |= {"datasets": [name], "seeds": base.seeds[:1], "targets": [KIND, *BASELINES], "budget": small}
    experiment = Experiment(**given, variants=[*PLAIN, *BETTER])
    experiment.try_out(name)
    return Audit(experiment, own, images, rules, book)


def read(model: str, images: Dataset, assumed: Assumed, *, device: str = "cpu") -> Own:
    """What `-p model` names: a NIR file, or the reader's own code as file.py:function.

    PyTorch's files are refused. `torch.export.load` unpickles (its documentation: never load data from an untrusted
    source), evaluates shapes as Python text and calls what a graph names, whatever that is; nothing that it offers
    makes sure that a file is only data. Whoever trusts a file loads it in a function of their own.
    """
    if Path(model).suffix in UNSAFE:
        raise ValueError(
            f"{model}: loading a file of PyTorch's can run what is hidden in it; if you trust it, load it in a "
            "function of your own and name that, as file.py:function"
        )
    if code := ":" in model and not Path(model).exists():
        made, source = extensions.function(model)
        answer, said = _returned(model, made), [model.rpartition(":")[2], source]
    else:
        answer, said = _network(model, images, assumed), [Path(model).expanduser().read_bytes(), assumed]
    tried, unlike = _tried(model, answer, images, device)
    if code:  # by its name and answers: one of two that answer alike may be edited, one may be trained anew
        said.append(tried.numpy().round(2).tobytes())
    weights = sum(p.numel() for p in answer.parameters()) if isinstance(answer, nn.Module) else None
    digest = hashlib.sha256(repr(said).encode()).hexdigest()[:10]
    return Own(answer, digest, weights, None if code else assumed, unlike)


def _network(model: str, images: Dataset, assumed: Assumed) -> nn.Module:
    shape, classes = images.image_shape, images.num_classes
    return foreign.read(Path(model).expanduser(), assumed, image_shape=shape, num_classes=classes)


def _returned(model: str, made: Callable) -> Callable:
    """The reader's network, as it is asked and not as it is trained: what is named, where that takes images, or what
    the function that is named returns.
    """
    if needs := _needs(made):
        if len(needs) > 1 or isinstance(made, type):
            raise ValueError(
                f"{model} needs {', '.join(needs)}, expected a function of no argument, which returns a network, or "
                "of images alone, which is one"
            )
        answer = made
    else:
        try:
            answer = made()
        except Exception as error:
            raise ValueError(f"{model} fails: {type(error).__name__}: {error}") from error
    if not callable(answer):
        kind = type(answer).__name__
        method = ", such as its predict_proba" * hasattr(answer, "predict_proba")
        raise ValueError(f"{model} returns a {kind}, expected a callable from images to confidences{method}")
    if isinstance(answer, nn.Module):
        with suppress(NotImplementedError):  # of torch.export's modules
            answer.eval()
    return answer


def _needs(made: Callable) -> list[str]:
    """Arguments that it cannot be called without; a generator is ours to give."""
    try:
        signature = inspect.signature(made.forward if isinstance(made, nn.Module) else made)
    except (TypeError, ValueError):  # some compiled functions have none
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p for p in signature.parameters.values() if p.default is p.empty and p.kind not in optional]
    return [p.name for p in needed if p.name != "generator"]


def unsteady(answer: Callable, x: torch.Tensor) -> str | None:
    """In words what its answers to images hang on besides each image, and the likely cause; None: on nothing.

    A network that takes a generator draws by right.
    """

    def ask(seed: int, parts: int) -> torch.Tensor:
        before = np.random.get_state()
        with torch.random.fork_rng([x.device] if x.is_cuda else []):
            torch.manual_seed(seed)
            np.random.seed(seed)
            box = BlackBox(answer, seed=seed, device=x.device, role="examiner's answers")
            found = torch.cat([box(images) for images in x.chunk(parts)])
        np.random.set_state(before)
        return found

    first = ask(0, 1)
    for asked, seed, parts, cause in HANGS_ON[:1] if takes(answer, "generator") else HANGS_ON:
        if (apart := float((first - ask(seed, parts)).abs().max())) > SLACK:
            return f"Asked the same images {asked}, it answers otherwise, by up to {apart:.2g} a confidence ({cause})."
    return None


def _tried(model: str, answer: Callable, images: Dataset, device: str) -> tuple[torch.Tensor, str | None]:
    """Its answers to test images and to noise outside their range, looked at before they are believed; `unsteady`."""
    box = BlackBox(answer, seed=0, device=device, role="examiner's answers")
    queries = chance.generator("examiner's queries", 0)
    noise = NOISES["normal"](ASKED, *images.image_shape, generator=queries, device="cpu")
    answers = []
    try:
        for x in (images.x_test[:ASKED], noise):
            answers.append(box(x.to(device)).cpu())
            check_confidences(answers[-1], len(x))
        unlike = unsteady(answer, images.x_test[:ASKED].to(device))
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{model}: {kind}{error}") from None
    if (found := answers[0].shape[1]) != images.num_classes:
        raise ValueError(
            f"{model} gives {found} confidences, expected one for each of {images.num_classes} classes"
        )
    return torch.cat(answers), unlike


def by_rule(model: str, images: Dataset, own: Own) -> pd.DataFrame:
    """How accurate a NIR file is under each rule for what follows a spike; nothing of code, which needs no rule."""
    rows, x, y = [], images.x_test[:ASKED], images.y_test[:ASKED].numpy()
    for reset in sorted(RULES) if own.assumed else ():
        net = _network(model, images, replace(own.assumed, reset=reset))
        said = BlackBox(net, seed=0, role="examiner's answers")(x).argmax(-1).numpy()
        rows.append((reset, float(np.mean(said == y)), reset == own.assumed.reset))
    return pd.DataFrame(rows, columns=["reset", "test_accuracy", "assumed"])


def same_size(weights: int, images: Dataset) -> int:
    """Hidden neurons that give a target of this book as many weights."""
    pixels, classes = images.x_test[0].numel(), images.num_classes
    return max(1, round((weights - classes) / (pixels + classes + 1)))


# --- what came of it


class Outcome(NamedTuple):
    """What the answer is made of; shares."""

    copies: dict[str, float]  # by ORDER: of the test images that the copy reads
    accuracy: float  # of the reader's network
    guess: float  # the commonest class
    works: bool  # the network is better than that
    copied: bool  # its copy is, attacked in one way or the other
    reading: str  # of its pictures, the most that either attack gives: a word of `verdicts.reading`


def scores(experiment: Experiment) -> pd.DataFrame:
    """One row a network, attacker and score of the paper, last pair: target, variant, score, value (mean over classes),
    low, high (95 % bootstrap interval over them), floor, ceiling, queries (a class).
    """
    rows = []
    for run in experiment.attacks():
        part = run.scores[run.scores["pair"] == "last"]
        for score in published.SCORES:
            low, high = bootstrap_interval(part[score].to_numpy(), seed=0)
            about = {"target": run.target, "variant": run.variant, "score": score}
            about |= {"value": part[score].mean(), "low": low, "high": high}
            about |= {end: part[f"{score}_{end}"].mean() for end in ("floor", "ceiling")}
            rows.append(about | {"queries": run.queries_per_class})
    return pd.DataFrame(rows)


def judged(experiment: Experiment) -> pd.DataFrame:
    """One row a set of images, the attacks' (by ORDER), test images, class means and noise: images, recognised and
    identified, each with _low and _high (over classes), reading, chance.
    """
    beside = "test image", "class mean", "noise"
    said = judgements(experiment, ["reconstruction", *beside])
    found = {one.cell.variant.name if one.cell else one.source: one.run.table("judged") for one in said}
    rows, by_chance = [], 1 / experiment.dataset(experiment.datasets[0]).num_classes
    for name in [*ORDER, *beside]:
        row: dict[str, object] = {"images": name, "chance": by_chance}
        for measure in ("recognised", "identified"):
            values = found[name][measure].to_numpy()
            low, high = bootstrap_interval(values, seed=0)
            row |= {measure: values.mean(), f"{measure}_low": low, f"{measure}_high": high}
        rows.append(row)
    table = pd.DataFrame(rows)
    lows = [table[f"{m}_low"].fillna(table[m]) for m in ("recognised", "identified")]
    return table.assign(reading=[verdicts.reading(*both, by_chance) for both in zip(*lows)])


def outcome(scores: pd.DataFrame, judged: pd.DataFrame, *, test_images: int) -> Outcome:
    """The numbers of the answer, of `scores` and `judged`; `test_images`: how many the accuracies rest on."""
    copies = scores[scores.score == "surrogate_accuracy"].set_index("variant")
    own = copies[copies.target == KIND]
    accuracy, guess = float(own.ceiling.iloc[0]), float(own.floor.iloc[0])
    low, _ = wilson_interval(accuracy, test_images)
    copied = not verdicts.reaches_floor(own.low.fillna(own.value), own.floor).all()
    most = max(judged.reading[judged.images.isin(own.index)], key=["nothing", "trace", "image"].index)
    works = not verdicts.reaches_floor(low, guess)
    return Outcome(copies.value.to_dict(), accuracy, guess, works, copied, most)


SEES = {
    "image": "the classes",
    "trace": "traces of the classes, not the classes",
    "nothing": "nothing of them",
}
CAUSES = "the scale of its images (here 0 is black, 1 white), the order of its classes, or training mode"


def answer(found: Outcome, own: Own, *, book: bool) -> str:
    """What the attack gets out of the network, and what makes that doubtful; `book`: it is this book's own SNN."""
    who = "this book's SNN of the 8x8 digits" if book else "your network"
    pictures = f"In its pictures a judge that it never met sees {SEES[found.reading]}."
    own_copy, ann = ([found.copies[attacks[i].name] for attacks in (PLAIN, BETTER)] for i in (0, 1))
    if not found.works:
        cause = f"what was assumed about its file, and at {CAUSES}" if own.assumed else CAUSES
        said = (
            f"**Nothing below counts**: as it is read here, {who} is right on {found.accuracy:.0%} of the test images, "
            f"where always naming the commonest class gets {found.guess:.0%}. Look first at {cause}."
        )
    elif found.copied:
        said = (
            f"**A copy of {who}** reads {own_copy[0]:.0%} of the test images where the attacker asks GAMIN's noise, "
            f"and {own_copy[1]:.0%} where it first tries what to ask; one of an ANN of its size {ann[0]:.0%} and "
            f"{ann[1]:.0%}"
        )
        both = {who: own_copy, "the ANN": ann}
        worse = [name for name, (noise, chosen) in both.items() if noise - chosen > verdicts.SAME]
        said += f" (of {' and '.join(worse)} the choice was the worse question)." if worse else "."
        said += f" {pictures}"
    else:
        said = (
            f"**No copy of {who}**: what the attacker trained reads {max(own_copy):.0%} of the test images "
            f"at best, where always naming the commonest class gets {found.guess:.0%}. {pictures}"
        )
    if own.assumed and not book:
        said += (
            f" Your network is taken to be fed by the code *{own.assumed.encoder}* and read by the decoder "
            f"*{own.assumed.decoder}*: its file says neither, and what the attack gets hangs on both."
        )
    return " ".join(filter(None, [said, own.unsteady]))
