"""The analysis plan's runs (the book, "The analysis plan"), step by step: `python -m snnmi.study.plan STEP`.

Each step resumes where it was stopped; `results/plan` and `results/paper` hold its runs. The steps' order is the
plan's: nothing after `calibrate` was run before its choice was frozen in `profiles.py` and committed.
"""

import argparse
from dataclasses import replace
from itertools import product

from snnmi.show import prose
from snnmi.study import controls, profiles
from snnmi.study.attacks import WITHOUT_A_COPY
from snnmi.study.controls import CODES, FOUR, NOISE, Variant, attack, training
from snnmi.study.experiment import Experiment
from snnmi.study.judgements import LAST, judgements
from snnmi.study.settings import Changes, merged

ANN, CLIP, RAW, SNN = FOUR
# Hidden layers of both players, the quickest first.
WIDTHS = {"256": 256, "512": 512, "512-256": (512, 256), "1024": 1024}
RATES = 1e-4, 3e-4, 1e-3
# Equal queries.
SPLITS = {"32 + 32": {"batch_size": 64, "batches": 2000}, "64 + 64": {"batch_size": 128, "batches": 1000}}


def settings(baseline: Variant) -> list[Variant]:
    """The grid of step 1 on one of the four cells, each setting a variant of its own."""
    found = []
    for layers, rate, halves in product(WIDTHS, RATES, SPLITS):
        how = {"hidden": WIDTHS[layers], "lr_surrogate": rate, "lr_generator": rate} | SPLITS[halves]
        found.append(_changed(baseline, f"{layers}, {rate:g}, {halves}", attack(**how)))
    return found


def guesses(baseline: Variant) -> list[Variant]:
    """The frozen setting with one other guess changed, on one of the four cells.

    The window over which the lowest M_global is sought is not among them: it moves only the kept pair, and the primary
    outcome is the last pair's.
    """
    epochs = {prose.words(n, "epoch"): training(stop_at=None, epochs=n) for n in (5, 12, 25, 50)}
    others = {"one generator step": attack(generator_steps=1), "z of 10": attack(z_dim=10)}
    return [_changed(baseline, name, changes) for name, changes in (epochs | others).items()]


def runner_up(baseline: Variant) -> Variant:
    """Of the grid the setting second nearest to the published row, on one of the four cells."""
    return next(one for one in settings(baseline) if one.change.endswith("1024, 0.0001, 64 + 64"))


def _changed(baseline: Variant, name: str, changes: Changes) -> Variant:
    change = ", ".join(filter(None, (baseline.change, name)))
    return replace(baseline, change=change, factor="guess", changes=merged(baseline.changes, changes))


def choices(variant: Variant, profile: str = "plan", dataset: str = "mnist") -> dict[str, str]:
    """How the guesses that the plan varies are chosen in one of its settings, as people write it."""
    chosen = profiles.get(profile).settings(dataset, variant.kind).changed(variant.changes)
    attack, until = chosen.attack, chosen.training.stop_at
    return {
        "hidden": "-".join(map(str, attack.widths)),
        "rate": f"{attack.lr_surrogate:g}",
        "split": f"{attack.half} + {attack.half}",
        "target": f"to {until:.1%}" if until else prose.words(chosen.training.epochs, "epoch"),
        "generator steps": str(attack.generator_steps),
        "z": str(attack.z_dim),
        "noise": "GAMIN's" if attack.noise == "normal" else attack.noise,
    }


# In pairs; the last is the frozen setting.
SPECIFICATIONS = {cell: [*settings(cell), *guesses(cell), cell] for cell in (ANN, CLIP)}
ONE, THREE = {"seeds": 0}, {"seeds": (0, 1, 2)}
CLAIMED = (  # what pages claim, and so need three networks for
    *(noise for noise in NOISE if noise.change == "sparse noise"),
    *(CODES[code, noise] for code in ("latency", "clip", "current") for noise in ("normal", "sparse")),
)
RESTARTED = controls.restarts(profiles.get("plan").settings("mnist", "snn").attack)
# The second plan's A and B: after the first two, all of the ANN, while another worker trains the SNN.
QUESTIONS = (*controls.BETTER, *controls.CAUSE, *controls.FASTER)
QUESTIONS = sorted(QUESTIONS, key=lambda variant: (variant not in controls.BETTER[:2], variant.kind))
# The point beside the grid: convolutional players of 32 channels, on three classes, at the frozen rate.
CNN = attack(family="cnn", hidden=64, classes=3, batch_size=64, batches=2000)
OTHERS = *controls.CELLS.values(), *controls.DECODERS, *controls.OTHERS
RECORDED = *controls.RECORDED, *controls.SENT, *controls.BETTER_SENT
SCRIBBLED = [controls.SCRIBBLED[code] for code in ("latency", "clip", "current")]
STEPS = {
    "calibrate": dict(variants=settings(ANN), **ONE),
    "networks": dict(variants=FOUR),
    "specification": dict(variants=[*SPECIFICATIONS[ANN], *SPECIFICATIONS[CLIP]], **ONE),
    "runner-up": dict(variants=[runner_up(SNN), runner_up(RAW)], **ONE),
    "full": dict(profile="paper", datasets="mnist", variants=FOUR, **ONE),
    "people": dict(profile="people", variants=FOUR),
    "quarter": dict(profile="quarter", variants=FOUR),
    "full people": dict(profile="paper", datasets="faces", variants=FOUR, changes=attack(classes=10), **ONE),
    "in range": dict(variants=[ANN, SNN, *NOISE], **ONE),  # step 6
    "averaging": dict(variants=[ANN, SNN, *controls.AVERAGING], **ONE),
    "bounds": dict(variants=(ANN, SNN), **THREE),
    "restarts": dict(variants=RESTARTED, attack_seeds=[*range(controls.RESTARTS)], **ONE),
    "attackers": dict(variants=[ANN, SNN, *controls.ATTACKERS], **ONE),
    # one change at a time (chapter 7): first what the same weights tell, then what is trained anew
    "controls": dict(variants=[ANN, SNN, *OTHERS], **ONE),
    "time steps": dict(variants=[SNN, *controls.TIME], **ONE),
    "controls, strokes": dict(variants=[controls.BETTER[1], *controls.WELL.values()], **ONE),
    "codes": dict(variants=[*CODES.values()], **ONE),
    "two more networks": dict(variants=CLAIMED, seeds=(1, 2)),
    "beyond": dict(profile="paper", datasets="mnist", variants=(SNN, ANN), budget=controls.BEYOND, **ONE),
    "convolutional": dict(variants=[_changed(ANN, "convolutional, three classes", CNN)], **ONE),
    "beside": dict(variants=settings(ANN), changes=training(stop_at=None), **ONE),
    # the second plan
    "questions": dict(variants=QUESTIONS),
    "black start": dict(variants=controls.BLACK_START, **THREE),  # what evolution has and GAMIN has not
    "faces": dict(profile="people", variants=FOUR, seeds=(1, 2, 3)),  # D
    "faces, chosen": dict(profile="people", variants=controls.CHOOSING, seeds=(1, 2, 3)),
    # E; of recordings with all that the same networks are asked otherwise
    "codes, strokes": dict(variants=SCRIBBLED, **THREE),
    "recordings": dict(profile="events", variants=RECORDED),
    "smoothness": dict(variants=[ann for ann, _ in controls.SMOOTH.values()], **ONE),  # F
    "legible": dict(variants=controls.LEGIBLE, **THREE),
}
# What of a step the honest judge is shown.
DRAWN = "in range", "averaging", "attackers", "restarts", "two more networks"
ASKED_WELL = (
    "questions",
    "black start",
    "faces, chosen",
    "codes, strokes",
    "recordings",
    "smoothness",
    "legible",
)
SHOWN = dict.fromkeys(DRAWN, ("reconstruction",)) | dict.fromkeys(ASKED_WELL, ("reconstruction", LAST))
SHOWN |= {"codes": ("reconstruction", "test image"), "bounds": ("reconstruction", *WITHOUT_A_COPY)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="+", choices=STEPS)
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--results", default="results")
    args = parser.parse_args()
    for step in args.steps:
        given = {"profile": "plan"} | STEPS[step] | {"workers": args.workers, "results": args.results}
        experiment = Experiment(**given)
        experiment.attacks()
        if step in SHOWN:
            judgements(experiment, SHOWN[step])


if __name__ == "__main__":
    main()
