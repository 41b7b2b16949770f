"""How fast the module is: `python bench.py [--device cuda]` (build/bench.json), `--growth` (growth.csv).

Ours and baseline take turns in one process; medians of repeats. With MNIST at hand the SNN is trained on it for
an epoch and asked what an attacker asks, half noise and half stored reconstructions. Without it, images and
weights are random, the weights scaled so that hidden neurons fire as often as trained ones (one step in six).
"""

import argparse
import contextlib
import io
import json
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import pandas as pd
import snntorch
import torch
import torch.nn.functional as F
from snntorch import spikegen, surrogate
from torch import Tensor
from tqdm import tqdm

from snnmi import data
from snnmi.attack import gamin
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.players import GaminConfig
from snnmi.fast import cpu, cuda, engine, events
from snnmi.files import atomic_write
from snnmi.models import targets
from snnmi.models.targets import Network, Neuron
from snnmi.models.training import Training, train
from snnmi.provenance import provenance

SHAPE, CLASSES = (28, 28), 10
HIDDEN, NUM_STEPS = Network().neurons, Neuron().num_steps  # the paper's
PLAIN = torch.backends.mkldnn.matmul.fp32_precision  # as PyTorch comes
cpu.make_fast()
FAST = torch.backends.mkldnn.matmul.fp32_precision


@cache
def chance(device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(0)


class Job(NamedTuple):
    """What is timed: each side is a call and the setting of float32 products that it runs under."""

    name: str
    amount: int  # done by one call
    unit: str
    repeats: int
    # "ours", "baseline", and what else is told beside them
    sides: dict[str, tuple[Callable[[], object], str]]

    def seconds(self, bar: tqdm) -> dict[str, float]:
        """Median of each side; every round runs each side once, after one round that is not counted."""
        times = {name: [] for name in self.sides}
        for _ in range(self.repeats + 1):
            for name, (work, setting) in self.sides.items():
                torch.backends.mkldnn.matmul.fp32_precision = setting
                begun = time.perf_counter()
                work()
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                times[name].append(time.perf_counter() - begun)
                bar.update()
        return {name: median(found[1:]) for name, found in times.items()}

    def row(self, name: str, t: dict[str, float], baseline: str) -> dict:
        speeds = {"ours": self.amount / t["ours"], "baseline": self.amount / t[baseline]}
        return {"name": name, **speeds, "unit": self.unit, "ratio": t[baseline] / t["ours"]}


class Loop:
    """The SNN as snntorch's tutorials write it, same weights: a product a layer and step, its own encoder."""

    def __init__(self, model: targets.SNN):
        ours = model.neuron
        neuron = dict(beta=ours.beta, spike_grad=surrogate.fast_sigmoid(slope=ours.slope))
        self.layers, self.num_steps = (model.hidden, model.output), ours.num_steps
        self.neurons = [snntorch.Leaky(**neuron).to(model.hidden.weight.device) for _ in self.layers]

    def membranes(self, x: Tensor) -> Tensor:
        spikes = spikegen.rate(x.flatten(1), num_steps=self.num_steps)
        mem1, mem2 = (neuron.init_leaky() for neuron in self.neurons)
        membranes = []
        for step in range(self.num_steps):
            spk1, mem1 = self.neurons[0](self.layers[0](spikes[step]), mem1)
            _, mem2 = self.neurons[1](self.layers[1](spk1), mem2)
            membranes.append(mem2)
        return torch.stack(membranes)

    @torch.no_grad()
    def query(self, x: Tensor) -> Tensor:
        return self.membranes(x).softmax(-1).mean(0)

    def train(self, x: Tensor, y: Tensor) -> None:
        sum(F.cross_entropy(mem, y) for mem in self.membranes(x)).backward()


def build(kind: str, shape: tuple[int, int], classes: int, *, hidden: int, **neuron) -> targets.Target:
    return targets.build(
        kind, shape, classes, seed=0, network=Network(hidden=hidden), neuron=Neuron(**neuron)
    )


def realistic(hidden: int, device: str = "cpu") -> tuple[targets.SNN, Callable[[int], Tensor]]:
    """An SNN that fires, and images of which a fifth of the pixels are bright, as MNIST's."""
    model = build("snn", SHAPE, CLASSES, hidden=hidden).to(device)
    draw = partial(torch.rand, generator=chance(device), device=device)
    with torch.no_grad():
        model.hidden.weight.mul_(4)
    return model, lambda n: (draw(n, *SHAPE) < 0.2) * draw(n, *SHAPE)


def real() -> tuple[targets.SNN, Callable[[int], Tensor], Tensor] | None:
    """A trained SNN, what an attacker asks, and training images; None where MNIST or stored runs are not at hand."""
    stored = sorted(Path("results/plan").glob("scores-mnist-snn-s0-*/arrays.npz"))
    try:
        mnist = data.load("mnist", download=False)
    except (FileNotFoundError, ValueError):
        return None
    if not stored:
        return None
    with np.load(stored[0], allow_pickle=False) as file:
        found = torch.from_numpy(file["reconstructions"]).flatten(0, 1) / 255
    model = build("snn", SHAPE, CLASSES, hidden=HIDDEN)
    train(model, mnist, Training(epochs=1), seed=0, description="train")

    def asked(n: int) -> Tensor:
        noise = torch.randn(n // 2, *SHAPE, generator=chance())
        return torch.cat([noise, found[torch.arange(n - n // 2) % len(found)]])

    return model, asked, mnist.x_train


def products(model: targets.SNN, n: int) -> Callable[[], object]:
    """The matrix products of n queries alone, in the blocks that queries use."""
    device, layers = model.hidden.weight.device, (model.hidden, model.output)
    block = max(1, engine.AT_ONCE[device.type] // (NUM_STEPS * model.output.in_features))
    sizes = [(NUM_STEPS, len(part)) for part in torch.empty(n).split(block)]
    draw = partial(torch.rand, device=device)
    spikes = [[(draw(*size, layer.in_features) < 0.1).float() for layer in layers] for size in sizes]
    if cuda.fused(device):
        layers = [cuda.halves(layer.weight.detach(), model.parts)[0] for layer in layers]
        halved = [[x.half() for x in block] for block in spikes]
        return lambda: [cuda.multiply(x, weight) for block in halved for x, weight in zip(block, layers)]
    return torch.no_grad()(lambda: [(model.hidden(a), model.output(b)) for a, b in spikes])


def densely(model: targets.Target, x: Tensor) -> Tensor:
    """The answers with all spikes written out, as where there is no C compiler."""
    found, events.available = events.available, lambda: False
    try:
        return model(x, generator=chance())
    finally:
        events.available = found


def event_costs(model: targets.SNN, x: Tensor) -> dict[str, float]:
    """Nanoseconds a core takes for an event (64 neurons' weights of one pixel, 256 bytes), and how fast it reads
    those bytes, as a share of the fastest that it reads them in order from its L2 cache.
    """
    if not events.available():
        return {}
    found = events.draw(x.flatten(1), NUM_STEPS, 0)
    count = int(found.start[:, -1].sum()) * -(-model.hidden.out_features // events.BLOCK)
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        model(x, generator=chance())
        seconds.append((time.perf_counter() - begun) * torch.get_num_threads())
    each = median(seconds) / count
    return {"ns_an_event": 1e9 * each, "share_of_L2": 4 * events.BLOCK / each / l2_bytes_per_second()}


def l2_bytes_per_second() -> float:
    """How fast a core reads a piece of a block's weights, 256 kB, in order from its L2 cache: the fastest of three."""
    times, table, seconds = 2000, torch.zeros(events.PIECE * events.BLOCK), []
    for _ in range(3):
        begun = time.perf_counter()
        events.call("reading", table, table.numel(), times)
        seconds.append(time.perf_counter() - begun)
    return 4 * table.numel() * times / min(seconds)


def spiking(quick: bool, device: str) -> tuple[list[Job], dict[str, float]]:
    """Queries and training of an SNN, an ANN behind the encoder, a query of a face's size; and what an event costs."""
    found = None if quick or device != "cpu" else real()
    model, images = found[:2] if found else realistic(100 if quick else HIDDEN, device)
    coarse, loop, jobs = model.asked(targets.Query(precision="float16")), Loop(model), []
    for n, repeats in ((64, 15), (640, 7)):
        x = images(n)
        ours, theirs = partial(model, x, generator=chance(device)), partial(loop.query, x)
        sides = {"ours": (ours, FAST), "baseline": (theirs, PLAIN), "products": (products(model, n), FAST)}
        if device == "cpu":
            sides["same product"] = (theirs, FAST)
        else:  # half of the products
            sides["float16"] = (partial(coarse, x, generator=chance(device)), FAST)
            sides["float16 products"] = (products(coarse, n), FAST)
        jobs.append(Job(f"snn_query_{n}", n, "queries/s", repeats, sides))
    costs = event_costs(model, x) if device == "cpu" else {}
    x = found[2][:100] if found else images(100)
    y = torch.arange(100, device=device) % CLASSES
    ours, theirs = (lambda: model.loss(x, y, generator=chance(device)).backward()), partial(loop.train, x, y)
    sides = {"ours": (ours, FAST), "baseline": (theirs, PLAIN), "same product": (theirs, FAST)}
    jobs.append(Job("snn_training", len(x), "images/s", 7, sides))
    if device == "cpu":
        grey = torch.full((64, *SHAPE), 0.5)  # as a generator draws them at first
        jobs += [
            queries("snn_query_grey_64", 7, model, grey, loop.query),
            *by_events(images(640)),
            face(quick),
        ]
    return jobs, costs


def queries(
    name: str, repeats: int, model: targets.Target, x: Tensor, theirs: Callable, setting: str = PLAIN
) -> Job:
    """What a target answers to images, against another way to the same answers."""
    sides = {"ours": (partial(model, x, generator=chance()), FAST), "baseline": (partial(theirs, x), setting)}
    return Job(name, len(x), "queries/s", repeats, sides)


def by_events(x: Tensor) -> list[Job]:
    """An ANN behind Bernoulli spikes, and an SNN of another code, against the same with all spikes written out."""
    ann = build("ann", SHAPE, CLASSES, hidden=HIDDEN).asked(targets.Query(encoder="rate"))
    latency = build("snn", SHAPE, CLASSES, hidden=HIDDEN, encoder="latency")
    models = {"ann_behind_encoder_640": ann, "snn_of_latency_640": latency}
    return [queries(name, 3, model, x, partial(densely, model), FAST) for name, model in models.items()]


def face(quick: bool) -> Job:
    """Queries of 10,304 pixels, half noise and half grey levels that are rarely between, against the plain loop."""
    model = build("snn", (112, 92), 40, hidden=100 if quick else HIDDEN)
    x = torch.randn(16, 112, 92, generator=chance())
    x[8:] = (x[8:] > 0).float()
    return queries("snn_query_face_16", 3, model, x, Loop(model).query)


def attack(model: targets.Target, shape: tuple[int, int], batches: int, labels: Sequence[int]) -> list[float]:
    """Run an attack of the frozen setting, the default; the moments at which its batches asked the target."""
    moments = []

    def target(x: Tensor, *, generator: torch.Generator) -> Tensor:
        moments.append(time.perf_counter())
        return model(x, generator=generator)

    device = model.output.weight.device
    given = dict(image_shape=shape, num_classes=model.output.out_features, labels=labels)
    with contextlib.redirect_stderr(io.StringIO()):  # one progress bar is enough
        box, config = BlackBox(target, seed=0, device=device), GaminConfig(batches=batches)
        gamin.attack(box, config, seed=0, device=device, **given)
    return moments


def batched(quick: bool, device: str) -> list[Job]:
    """Ten classes at once against one after another, MNIST's size and the digits'; a batch has one."""
    jobs, batches = [], 2 if quick else 30 if device == "cpu" else 1000
    sizes = {"attack_batched_digits": ((8, 8), 256), "attack_batched": (SHAPE, HIDDEN)}
    for name, (shape, hidden) in sizes.items():
        model = build("ann", shape, CLASSES, hidden=hidden).to(device)
        run = partial(attack, model, shape, batches)
        in_turn = partial(lambda run: [run([label]) for label in range(CLASSES)], run)
        sides = {"ours": (partial(run, range(CLASSES)), FAST), "baseline": (in_turn, FAST)}
        jobs.append(Job(name, CLASSES * batches, "batches/s", 5, sides))
    return jobs


def growth(quick: bool) -> pd.DataFrame:
    """Seconds per attack batch where one of classes, side and num_steps differs from 10, 28 and 25."""
    grid = {"classes": (1, 2, 5, 10, 20, 40), "side": (8, 14, 28, 56), "num_steps": (1, 5, 10, 25, 50)}
    usual = {"classes": CLASSES, "side": SHAPE[0], "num_steps": NUM_STEPS}
    hidden, batches, rows = HIDDEN, 12, []
    if quick:
        grid, hidden, batches = {variable: values[:2] for variable, values in grid.items()}, 50, 3
    points = [(variable, value) for variable, values in grid.items() for value in values]
    cells = [(*point, kind) for point in points for kind in ("ann", "snn")]
    for variable, value, kind in tqdm(cells, desc="growth", unit="cell"):
        classes, side, num_steps = (usual | {variable: value}).values()
        model = build(kind, (side, side), classes, hidden=hidden, num_steps=num_steps)
        moments = attack(model, (side, side), batches, range(classes))
        # the first batch warms up
        rows.append((variable, value, kind, float(np.median(np.diff(moments)[1:]))))
    return pd.DataFrame(rows, columns=["variable", "value", "target", "seconds_per_batch"])


def compare(quick: bool, device: str) -> dict:
    """What build/bench.json holds."""
    (jobs, costs), ratios, shares = spiking(quick, device), [], {}
    jobs += batched(quick, device)
    if quick:
        jobs = [job._replace(repeats=1) for job in jobs]
    with tqdm(total=sum((job.repeats + 1) * len(job.sides) for job in jobs), desc="bench", unit="run") as bar:
        for job in jobs:
            t = job.seconds(bar)
            ratios.append(job.row(job.name, t, "baseline"))
            if "same product" in t:
                ratios.append(job.row(f"{job.name}_same_product", t, "same product"))
            if "products" in t:
                shares[job.name] = t["products"] / t["ours"]
            if "float16" in t:
                ratios.append(job.row(f"{job.name}_float16", t | {"ours": t["float16"]}, "baseline"))
                shares[f"{job.name}_float16"] = t["float16 products"] / t["float16"]
    settings = {"float32_matmul": {"ours": FAST, "baseline": PLAIN}}
    return {"ratios": ratios, "matmul_share": shares, "event": costs, "provenance": provenance() | settings}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--growth", action="store_true", help="instead: how an attack batch's time grows")
    parser.add_argument("--quick", action="store_true", help="small and once: whether it works, not how fast")
    parser.add_argument("--device", default="cpu", help="where the comparison is made: cpu or cuda")
    parser.add_argument("--output", type=Path, help="default: build/bench.json, or results/growth/growth.csv")
    args = parser.parse_args()
    if args.growth:
        output, table = args.output or Path("results/growth/growth.csv"), growth(args.quick)
        atomic_write(output, table.to_csv(index=False).encode())
        atomic_write(output.with_suffix(".json"), json.dumps(provenance(), indent=1).encode())
        wide = table.pivot(index=["variable", "value"], columns="target", values="seconds_per_batch")
        print(wide.to_string(float_format="%.4f"))
        return
    found = compare(args.quick, args.device)
    atomic_write(args.output or Path("build/bench.json"), json.dumps(found, indent=1).encode())
    print(pd.DataFrame(found["ratios"]).to_string(index=False, float_format=lambda value: f"{value:,.2f}"))
    print(
        "(same_product: the baseline has our setting of the matrix product; float16: ours in that precision)"
    )
    for name, share in found["matmul_share"].items():
        print(f"{name}: dense products alone would take {share:.0%} of our time")
    if event := found["event"]:
        nanoseconds, share = event.values()
        print(f"an event takes a core {nanoseconds:.1f} ns: {share:.0%} of its L2 cache's rate")


if __name__ == "__main__":
    main()
