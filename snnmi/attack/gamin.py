"""GAMIN (Aivodji et al. 2019) as the paper uses it (section III): a generator and a surrogate per class, against a
BlackBox.

All classes are attacked at once: the parameters of their networks are stacked on a leading axis, so that a step of 10
or 40 attacks is one batched computation. Nothing is shared between classes but the loop: each has its own networks,
noise, k_t, kept pair and history.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import NamedTuple, SupportsIndex

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm import tqdm

from snnmi import chance, checks
from snnmi.attack.blackbox import BlackBox
from snnmi.attack.noises import CHOSEN, IN_RANGE
from snnmi.attack.pair import Pair, try_pieces
from snnmi.attack.players import GaminConfig, as_events, random_inputs
from snnmi.checkpoint import Checkpoint, overwrite
from snnmi.fast import cuda

CURVES = ("L_N", "L_G", "k", "M_global")
MOMENTS = 10
PILOT = 1000  # questions of each noise in the range, before an attacker chooses one


class AttackResult(NamedTuple):
    """What K classes' attacks have come to. A loss is K values each of "M_global", "L_N", "L_G", "k" and "batch"."""

    kept: Pair  # lowest M_global on the way
    last: Pair  # where the attack ended
    kept_loss: dict[str, list[float]]
    last_loss: dict[str, list[float]]
    history: dict[str, Tensor]  # "batch" (points,); CURVES (points, K), means since the point before
    # "batch" (moments,); "image", "target", "surrogate" (moments, K, ...): a reconstruction on the way and both
    # confidences; "examined" (moments, K): what `examine` gave, NaN without it
    moments: dict[str, Tensor]
    pilot: dict[str, float]  # of a chosen noise: each candidate's share of its commonest answer


def cross_entropy(
    p: Float[Tensor, " *batch classes"], logits: Float[Tensor, " *batch classes"]
) -> Float[Tensor, " *batch"]:
    """L_H(p, softmax(logits)) in nats, for soft confidences p."""
    return -(p * logits.log_softmax(-1)).sum(-1)


def roughness(x: Float[Tensor, " *batch height width"]) -> Float[Tensor, " *batch"]:
    """How far an image is from smooth: mean absolute difference of neighbouring pixels, down and across."""
    return x.diff(dim=-1).abs().mean((-2, -1)) + x.diff(dim=-2).abs().mean((-2, -1))


class State:
    """The attacks on K classes as they stand between two batches: what a checkpoint saves, all of it on the device.

    `step` changes every part in its place, so that a GPU can replay it.
    """

    def __init__(self, config: GaminConfig, pair: Pair, draws: torch.Generator):
        """`draws`: the attacker's chance, of noise and z."""
        device, count = draws.device, len(pair)
        full = partial(torch.full, dtype=torch.float32, device=device)
        adam = partial(torch.optim.Adam, fused=True, capturable=cuda.captures(device))
        self.config, self.chance = config, draws
        self.pair, self.kept = pair, pair.copy()
        self.adam_S = adam(pair.parameters["surrogate"].values(), lr=config.lr_surrogate)
        self.adam_G = adam(pair.parameters["generator"].values(), lr=config.lr_generator)
        self.batch = torch.zeros(1, dtype=torch.long, device=device)  # batches done
        self.k = full((count,), config.k0)
        # of the kept pair, M_global over the window
        self.best = {name: full((count,), torch.inf) for name in ("M_global", "L_N", "L_G", "k", "batch")}
        self.recent = full((config.keep_window, count), 0)  # M_global of the last batches
        self.curves = full((config.points, len(CURVES), count), 0)  # sums towards means
        self.ends = moments(config.batches).to(device)  # batches done at each moment
        said = {"image": pair.image_shape, "target": (pair.num_classes,), "surrogate": (pair.num_classes,)}
        shapes = said | {"examined": ()}  # a moment and pair, as `AttackResult.moments`
        self.seen = {name: full((len(self.ends), count, *n), torch.nan) for name, n in shapes.items()}

    def draw_noise(self) -> Float[Tensor, " pairs n height width"]:
        shape = len(self.k), self.config.half, *self.pair.image_shape
        noise = random_inputs(self.config, *shape, generator=self.chance, device=self.k.device)
        if not self.config.drift:
            return noise
        mixed = noise.lerp(self.generate(), self.config.drift * self.batch / self.config.batches)
        return as_events(mixed, self.chance) if self.config.as_events else mixed

    def generate(self) -> Float[Tensor, " pairs n height width"]:
        shape = len(self.k), self.config.half, self.config.z_dim
        return self.pair.G(torch.randn(shape, generator=self.chance, device=self.k.device), self.chance)

    def parts(self) -> dict:
        """What changes from batch to batch, for a checkpoint."""
        own = {key: value for key, value in vars(self).items() if key not in ("config", "ends")}
        return own | {"pair": self.pair.parameters, "kept": self.kept.parameters}

    def keep(
        self, l_n: Float[Tensor, " pairs"], l_g: Float[Tensor, " pairs"], told: Bool[Tensor, " pairs"]
    ) -> None:
        """Keep the pairs whose M_global (eq. 7), averaged over the window, is the lowest so far, where the target has
        told something; note all four curves.
        """
        m_global = l_n + (self.config.gamma * l_n - l_g).abs()
        known = torch.where(told, m_global, torch.inf)
        self.recent.index_copy_(0, self.batch % self.config.keep_window, known[None])
        smooth = torch.where(self.batch + 1 >= self.config.keep_window, self.recent.mean(0), torch.inf)
        better = smooth < self.best["M_global"]
        self.kept.take(self.pair, better)
        now = {"M_global": smooth, "L_N": l_n, "L_G": l_g, "k": self.k, "batch": self.batch.to(l_n)}
        for name, value in self.best.items():
            value.copy_(torch.where(better, now[name], value))
        point = self.batch // self.config.every
        averaged = torch.where(point + 1 < self.config.points, self.config.every, self.config.last_point)
        self.curves.index_add_(0, point, torch.stack([l_n, l_g, self.k, m_global])[None] / averaged)

    def see(self, **now: Float[Tensor, " pairs ..."]) -> None:
        """Note them for the next moment, over what was noted for it before."""
        moment = torch.searchsorted(self.ends, self.batch + 1)
        for name, value in now.items():
            self.seen[name].index_copy_(0, moment, value[None])


def moments(batches: int) -> Int[Tensor, " moments"]:
    """At most MOMENTS numbers of batches in equal ratios, the last of them all."""
    wanted = {max(1, round(batches ** (i / MOMENTS))) for i in range(1, MOMENTS)}
    return torch.tensor(sorted(wanted | {batches}))


def pilot(
    blackbox: BlackBox, config: GaminConfig, image_shape: tuple[int, int], draws: torch.Generator
) -> dict[str, Tensor]:
    """Of each noise in the range the share of the commonest answer to PILOT questions: 1 teaches nothing."""
    shares = {}
    for noise in IN_RANGE:
        asking = replace(config, noise=noise)
        x = random_inputs(asking, PILOT, *image_shape, generator=draws, device=draws.device)
        answers = blackbox(x).nan_to_num(0).argmax(-1)
        shares[noise] = answers.bincount().max() / PILOT
    return shares


def left_by_pilot(config: GaminConfig, classes: int) -> int:
    """The batches that a pilot leaves an attack on so many classes; ValueError where these are none."""
    asked = PILOT * len(IN_RANGE)
    spent = -(-asked // (classes * config.batch_size))  # in batches of all classes
    if config.batches - spent < config.keep_window:
        raise ValueError(
            f"batches is {config.batches}, expected at least {spent + config.keep_window}: choosing its noise costs "
            f"the attacker {asked:,} queries"
        )
    return config.batches - spent


def step(state: State, blackbox: BlackBox, wanted: Float[Tensor, " pairs n classes"]) -> None:
    """One batch of every class (paper, section III, steps 1-4); `wanted` is onehot(y), once for every z."""
    config, pair, half = state.config, state.pair, state.config.half

    # query the target on random inputs and on what the generator makes of z
    with torch.no_grad():
        x = torch.cat([state.draw_noise(), state.generate()], dim=1)
    t = sum(blackbox.answer(x) for _ in range(config.repeats)) / config.repeats
    if t.shape[-1] != pair.num_classes:
        raise ValueError(
            f"num_classes is {pair.num_classes}, expected the target's {t.shape[-1]} confidences"
        )
    numbers = t.isfinite().all(-1)  # what is none teaches nothing, and ends nothing
    t = t.masked_fill(~numbers[..., None], 0)

    # surrogate: agree with the target on noise, k_t times less on what the generator shows (eq. 4)
    s = pair.S(x)
    loss = cross_entropy(t, s)
    shares = torch.stack([part.float().mean(1) for part in (numbers[:, :half], numbers[:, half:])])
    told = shares.amin(0) > 0
    l_n, l_g = torch.stack([loss[:, :half].mean(1), loss[:, half:].mean(1)]) / shares.where(shares > 0, 1)
    state.adam_S.zero_grad(set_to_none=False)  # summed in place: fresh ones cost a CPU a third of its time
    (l_n - state.k * l_g).sum().backward()
    l_n, l_g = l_n.detach(), l_g.detach()
    state.keep(l_n, l_g, told)  # the pair as it was when it made these losses
    state.see(image=x[:, half], target=t[:, half], surrogate=s[:, half].detach().softmax(-1))
    state.adam_S.step()

    # balance (eq. 5)
    state.k.copy_((state.k + config.lam * (config.gamma * l_n - l_g)).clamp(0, 1))

    # generator: whatever the surrogate calls y (eq. 6)
    for _ in range(config.generator_steps):
        state.adam_G.zero_grad(set_to_none=False)
        x = state.generate()
        loss = cross_entropy(wanted, pair.S(x, frozen=True))
        if config.smooth:
            loss = loss + config.smooth * roughness(x)
        loss.mean(1).sum().backward()
        state.adam_G.step()
    state.batch.add_(1)


def attack(
    blackbox: BlackBox,
    config: GaminConfig,
    *,
    image_shape: tuple[int, int],
    num_classes: int,
    labels: Iterable[SupportsIndex],
    seed: int,
    device: str | torch.device = "cpu",
    checkpoint: Checkpoint | None = None,
    examine: Callable[[Pair], Float[Tensor, " pairs"]] | None = None,
    description: str = "attack",
) -> AttackResult:
    """Invert the classes `labels` at once; resumes from `checkpoint` where it holds a state. `examine`, an examiner's
    score of the copies, is taken at the attack's moments; the attack itself never sees it.
    """
    checks.instance("blackbox", blackbox, BlackBox)
    checks.instance("config", config, GaminConfig)
    num_classes, image_shape = checks.whole("num_classes", num_classes, 1), checks.image_shape(image_shape)
    labels = checks.classes(labels, num_classes)
    try_pieces(config, image_shape, num_classes, device)
    saved = checkpoint.load() if checkpoint else None
    draws, shares = chance.generator("attacker's queries", seed, device), {}
    if config.noise == CHOSEN:
        left = left_by_pilot(config, len(labels))
        shares = saved["pilot"] if saved else pilot(blackbox, config, image_shape, draws)
        config = replace(config, noise=min(shares, key=shares.get), batches=left)
    pair = Pair.new(config, image_shape, num_classes, len(labels), seed=seed, device=device)
    state = State(config, pair, draws)
    if saved:
        blackbox.restore(saved["blackbox"])
        overwrite(state.parts(), saved)
    wanted = F.one_hot(torch.tensor(labels, device=device), num_classes).float()
    wanted = wanted[:, None].expand(-1, config.half, -1)

    run = partial(step, state, blackbox, wanted)
    start, captures, ends = int(state.batch), cuda.captures(torch.device(device)), state.ends.tolist()
    batches = tqdm(
        range(start, config.batches), description, config.batches, initial=start, unit="batch", mininterval=1
    )
    with cuda.own_stream(torch.device(device)) if captures else nullcontext():
        for done in batches:
            if captures and done == start + cuda.WARM_UP:
                run = cuda.capture(run, [state.chance, blackbox.generator])
            blackbox.spend(len(labels) * config.batch_size)
            run()
            if examine and done + 1 in ends:
                state.seen["examined"][ends.index(done + 1)] = examine(pair)
            if checkpoint and checkpoint.due():
                checkpoint.save(state.parts() | {"blackbox": blackbox.state(), "pilot": shares})
    return result(state, {name: float(share) for name, share in shares.items()})


def result(state: State, shares: dict[str, float]) -> AttackResult:
    """What a finished attack hands on."""
    config, curves = state.config, state.curves.cpu()
    kept = {name: value.tolist() for name, value in state.best.items()}
    last = {name: curves[-1, i].tolist() for i, name in enumerate(CURVES)}
    last["batch"] = [float(config.batches)] * len(state.pair)
    ends = torch.arange(1, len(curves) + 1).mul(config.every).clamp(max=config.batches)
    history = {"batch": ends} | {name: curves[:, i] for i, name in enumerate(CURVES)}
    return AttackResult(
        kept=state.kept,
        last=state.pair.copy(),
        kept_loss=kept,
        last_loss=last,
        history=history,
        moments={"batch": state.ends.cpu()} | {name: value.cpu() for name, value in state.seen.items()},
        pilot=shares,
    )
