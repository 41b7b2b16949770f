"""The plan's calibration in words, and what the guesses change."""

import pandas as pd

from snnmi.show import pages
from snnmi.show.figures import title
from snnmi.study import plan, published
from snnmi.study.findings.plan import CHOICES, CONTRASTS, PRIMARY, READINGS
from snnmi.study.verdicts import SAME

LAST = "surrogate acc., last pair"


ALL = len(plan.settings(plan.ANN)) + len(plan.guesses(plan.ANN))  # settings of the curve
NOTHING = pd.DataFrame({"setting": ["not run yet"]})  # a table has a row

# --- calibration, and what the guesses change


def calibration_said(settings: pd.DataFrame) -> str:
    """How near the nearest setting of the grid comes to the published row, and what no setting reaches."""
    if settings.empty:
        return "No setting of the grid has been run yet."
    first, printed = settings.iloc[0], published.TABLE_2["mnist", "ann"][PRIMARY]
    best = settings[settings.reading == "fidelity_mae"][PRIMARY].max()
    reached = "no setting reaches that, the best comes to" if best < printed else "the best setting comes to"
    return (
        f"Nearest to the published row come players with hidden layers of {first.hidden}, rate {first.rate}, "
        f"{first.split} queries a batch: the five numbers differ by {first.distance:.1%} on average. The copies read "
        f"{first[PRIMARY]:.0%} of the test images, the published ones {printed:.0%}; {reached} {best:.0%}."
    )


def convolutional_said(point: pd.DataFrame) -> str:
    """What convolutional players reach, on few classes; from `findings.calibration`."""
    if point.empty:
        return "Convolutional players have not been run."
    one = point[point.reading == "fidelity_mae"].iloc[0]
    return (
        f"Convolutional players, too slow here for the grid and run on three classes alone, read {one[PRIMARY]:.0%} of "
        f"the test images (last pair {one['last']:.0%}); their five numbers differ by {one.distance:.1%} on average."
    )


def published_row() -> str:
    """The paper's five numbers of MNIST-ANN."""
    row = published.TABLE_2["mnist", "ann"]
    return ", ".join(f"{value:g}" for name, value in row.items() if not name.endswith("std"))


def calibration(settings: pd.DataFrame) -> pd.DataFrame:
    """The grid as text, a row a setting: the nearest first, fidelity read as a mean absolute error."""
    if settings.empty:
        return NOTHING
    names = published.SCORES | {"last": LAST}
    keys = CHOICES[:3]
    by_reading = {reading: own.set_index(keys) for reading, own in settings.groupby("reading")}
    shown = by_reading["fidelity_mae"][[*names]].map("{:.3f}".format).rename(columns=names)
    for reading, name in zip(READINGS, ("distance (F as error)", "distance (F as top class)")):
        shown[name] = by_reading[reading].distance.map("{:.1%}".format)
    return shown.reset_index()


def guesses_answer(curve: pd.DataFrame) -> str:
    """Whether the sign of the first contrast hangs on a guess; its size is shown."""
    if curve.empty:
        return "Open: no setting of the grid has been run on both targets yet."
    if len(curve) < ALL:
        return f"Open: not all settings have been run. {specification_said(curve)}"
    low, high = (pages.number(effect, sign=True) for effect in (curve.effect.min(), curve.effect.max()))
    positive = int((curve.effect > 0).sum())
    if positive in (0, len(curve)):
        takes = f"takes {'something' if positive else 'nothing'} from the attack on this ANN"
        return (
            f"Not in its direction: under each of the {len(curve)} settings tried the clip {takes}. In its size it "
            f"does: surrogate accuracy changes by {low} to {high}."
        )
    return (
        f"Yes: the clip takes something from the attack on this ANN under {positive} of {len(curve)} settings only; "
        f"surrogate accuracy changes by {low} to {high}."
    )


def specification_said(curve: pd.DataFrame) -> str:
    """The first contrast under every guess, in a sentence."""
    if curve.empty:
        return "No setting of the grid has been run on both targets yet."
    positive, low, high = int((curve.effect > 0).sum()), curve.effect.min(), curve.effect.max()
    far = f" So far: {len(curve)} of {ALL} have been run." if len(curve) < ALL else ""
    return (
        f"Under {positive} of {len(curve)} settings the clip takes something away; the effect runs from "
        f"{pages.number(low, sign=True)} to {pages.number(high, sign=True)}.{far}"
    )


def specification(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve as text, the largest effect first."""
    if curve.empty:
        return NOTHING
    ordered = curve.sort_values("effect", ascending=False, kind="stable")
    shares = {name: ordered[name].map("{:.3f}".format) for name in CONTRASTS["clip"]}
    return ordered.assign(**shares, effect=[pages.number(effect, 3, sign=True) for effect in ordered.effect])


def budgets_said(table: pd.DataFrame) -> str:
    """What the full budget changes in the primary outcome, and whether a tenth of the queries stands for it."""
    if table.empty:
        return "Open: no network has been attacked at the full budget and at a tenth of it."
    full = table[table.full]
    seen = []
    for dataset, rows in full.groupby("dataset", sort=False):
        told = [
            f"{row['last']:.0%} on the {row.cell} ({row['last'] - row.change:.0%})"
            for _, row in rows.iterrows()
        ]
        count = pages.words(int(rows.networks.min()), "network")
        seen.append(f"{', '.join(told)} of the test images of {title(dataset)} ({count} of each)")
    largest = full.change[full.change.abs().idxmax()]
    moves = "no cell moves by more than" if abs(largest) <= SAME else "a cell moves by more than"
    return (
        f"At the full budget (in brackets at the tenth) the copies read {'; '.join(seen)}: {moves} {SAME:g}, the "
        f"largest change is {pages.number(largest, 3, sign=True)}."
    )


def budgets(table: pd.DataFrame) -> pd.DataFrame:
    """The cells at both budgets, as text."""
    if table.empty:
        return NOTHING
    names = {"last": LAST} | published.SCORES
    about = {"target": table.dataset.map(title) + ", " + table.cell, "networks": table.networks}
    about["queries a class"] = table.queries.map("{:,.0f}".format)
    return pd.DataFrame(about).join(table[[*names]].map("{:.3f}".format).rename(columns=names))


def nearest(cells: pd.DataFrame) -> pd.DataFrame:
    """All four cells under the two nearest settings, as text."""
    if cells.empty:
        return NOTHING
    shown = cells.drop(columns="setting").map(lambda share: "–" if pd.isna(share) else f"{share:.3f}")
    return cells[["setting"]].join(shown)
