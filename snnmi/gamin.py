"""GAMIN (Aivodji et al. 2019) as the paper uses it (section III): a generator and a surrogate per class, against a BlackBox.

All classes are attacked at once: the parameters of their networks are stacked on a leading axis,
so that a step of 10 or 40 attacks is one batched computation. Nothing is shared between classes
but the loop: each has its own networks, noise, k_t, kept pair and history.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from tqdm import tqdm

from snnmi import cuda
from snnmi.blackbox import BlackBox
from snnmi.store import Checkpoint


@dataclass(frozen=True)
class GaminConfig:
    """The attack's settings; PROTOCOL's marks: (P) the paper, (G) GAMIN's code, (?) unknown."""

    batches: int = 20_000  # x 64 queries = the paper's 1,280,000 per class (P)
    batch_size: int = 64  # half noise, half generated
    gamma: float = 0.5  # wanted ratio of generated to noise loss (G)
    lam: float = 0.001  # step of k_t (G)
    k0: float = 0.001  # first k_t (G)
    lr_surrogate: float = 1e-5  # Adam (G; calibrated)
    lr_generator: float = 1e-5  # Adam (G; calibrated)
    generator_steps: int = 2  # for one surrogate step (G)
    family: str = "mlp"  # networks of both players: "mlp" or "cnn" (?)
    hidden: int = 256  # width of both MLPs, channels x 2 of both CNNs (?)
    z_dim: int = 100  # (?)
    noise: str = "normal"  # x_N: "normal" is N(0, 1), not clipped (G)
    keep_window: int = 1  # batches over which M_global is averaged before the lowest is kept (?)
    log_points: int = 400  # points kept of each curve

    def __post_init__(self):
        for field, allowed in (("family", FAMILIES), ("noise", NOISES)):
            if getattr(self, field) not in allowed:
                raise ValueError(f"{field} is {getattr(self, field)!r}, expected one of {sorted(allowed)}")
        if self.batch_size < 2 or self.batch_size % 2:
            raise ValueError(f"batch_size is {self.batch_size}, expected an even number: half noise, half generated")
        for field in ("batches", "generator_steps", "hidden", "z_dim", "keep_window", "log_points"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}, expected at least 1")
        if self.keep_window > self.batches:
            raise ValueError(f"keep_window is {self.keep_window}, expected at most batches, {self.batches}")

    @property
    def queries_per_class(self) -> int:
        return self.batches * self.batch_size


# --- the players' networks: plain modules of one class; a family of your own is one more function here


def mlp(config: GaminConfig, image_shape: tuple[int, int], num_classes: int) -> tuple[nn.Module, nn.Module]:
    """Surrogate and generator with one hidden layer each."""
    pixels = image_shape[0] * image_shape[1]
    surrogate = nn.Sequential(nn.Flatten(), nn.Linear(pixels, config.hidden), nn.ReLU(), nn.Linear(config.hidden, num_classes))
    generator = nn.Sequential(
        nn.Linear(config.z_dim, config.hidden), nn.ReLU(), nn.Linear(config.hidden, pixels), nn.Sigmoid(), nn.Unflatten(1, image_shape)
    )
    return surrogate, generator


def cnn(config: GaminConfig, image_shape: tuple[int, int], num_classes: int) -> tuple[nn.Module, nn.Module]:
    """Convolutional players after BORGNE, GAMIN's forerunner: conv 3x3, dense; dense, batch norm, up-sampling convs.

    Batch norm uses each batch's own statistics throughout, so that a kept generator is just its weights.
    """
    height, width = image_shape
    channels = config.hidden // 2
    low = (-(-height // 4), -(-width // 4))  # a quarter of the side, rounded up
    surrogate = nn.Sequential(
        nn.Unflatten(1, (1, height)), nn.Conv2d(1, channels, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(channels * low[0] * low[1], config.hidden), nn.ReLU(), nn.Linear(config.hidden, num_classes),
    )  # fmt: skip
    generator = nn.Sequential(
        nn.Linear(config.z_dim, 32 * low[0] * low[1]), nn.BatchNorm1d(32 * low[0] * low[1], track_running_stats=False), nn.ReLU(),
        nn.Unflatten(1, (32, *low)), nn.Upsample(scale_factor=2), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.Upsample(size=image_shape), nn.Conv2d(32, 1, 3, padding=1), nn.Sigmoid(), nn.Flatten(1, 2),
    )  # fmt: skip
    return surrogate, generator


FAMILIES: dict[str, Callable] = {"mlp": mlp, "cnn": cnn}

# --- the random inputs x_N


def normal_noise(*shape: int, generator: torch.Generator, device: str | torch.device) -> Tensor:
    """N(0, 1) per pixel, not clipped: two thirds of it lie outside the range of images (GAMIN's code)."""
    return torch.randn(shape, generator=generator, device=device)


def clipped_noise(*shape: int, generator: torch.Generator, device: str | torch.device) -> Tensor:
    """N(0, 1) clipped to [0, 1], as a rate encoder would."""
    return normal_noise(*shape, generator=generator, device=device).clamp_(0, 1)


def uniform_noise(*shape: int, generator: torch.Generator, device: str | torch.device) -> Tensor:
    return torch.rand(shape, generator=generator, device=device)


NOISES: dict[str, Callable] = {"normal": normal_noise, "clipped": clipped_noise, "uniform": uniform_noise}


class Pair:
    """Surrogates and generators of K classes: one network of each kind, K sets of parameters."""

    def __init__(self, config: GaminConfig, image_shape: tuple[int, int], num_classes: int, parameters: dict | None = None):
        self.config, self.image_shape, self.num_classes = config, image_shape, num_classes
        with torch.device("meta"):
            self._surrogate, self._generator = FAMILIES[config.family](config, image_shape, num_classes)
        self.parameters: dict[str, dict[str, Tensor]] = parameters or {}

    @classmethod
    def new(cls, config: GaminConfig, image_shape, num_classes: int, num_pairs: int, *, seed: int, device="cpu") -> "Pair":
        """Fresh networks, each class with its own first weights."""
        pair = cls(config, image_shape, num_classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            players = [FAMILIES[config.family](config, image_shape, num_classes) for _ in range(num_pairs)]
        for name, modules in zip(("surrogate", "generator"), zip(*players, strict=True), strict=True):
            stacked = stack_module_state([m.to(device) for m in modules])[0]
            pair.parameters[name] = {key: value.detach().requires_grad_() for key, value in stacked.items()}
        return pair

    def logits(self, x: Float[Tensor, " pairs n height width"], *, frozen: bool = False) -> Float[Tensor, " pairs n classes"]:
        """The surrogates' logits; `frozen`: no gradient for their parameters, only through them."""
        parameters = self.parameters["surrogate"]
        if frozen:
            parameters = {key: value.detach() for key, value in parameters.items()}
        return vmap(lambda p, images: functional_call(self._surrogate, p, images))(parameters, x)

    @torch.no_grad()
    def surrogate(self, x: Float[Tensor, " pairs n height width"]) -> Float[Tensor, " pairs n classes"]:
        """S(x): the surrogates' confidences."""
        return self.logits(x).softmax(-1)

    def images(self, z: Float[Tensor, " pairs n z"]) -> Float[Tensor, " pairs n height width"]:
        """G(z), differentiable."""
        return vmap(lambda p, latent: functional_call(self._generator, p, latent))(self.parameters["generator"], z)

    @torch.no_grad()
    def generate(self, z: Float[Tensor, " pairs n z"]) -> Float[Tensor, " pairs n height width"]:
        """G(z): reconstructions in [0, 1]."""
        return self.images(z)

    def only(self, index: int) -> "Pair":
        """The pair of one class, still with its leading axis."""
        weights = {name: {key: value[index : index + 1] for key, value in p.items()} for name, p in self.parameters.items()}
        return Pair(self.config, self.image_shape, self.num_classes, weights)

    def copy(self) -> "Pair":
        weights = {name: {key: value.detach().clone() for key, value in p.items()} for name, p in self.parameters.items()}
        return Pair(self.config, self.image_shape, self.num_classes, weights)

    @torch.no_grad()
    def take(self, other: "Pair", chosen: Bool[Tensor, " pairs"]) -> None:
        """Overwrite the chosen pairs by those of `other`; on a GPU nobody waits to learn which these are."""
        if not chosen.is_cuda:
            chosen = chosen.nonzero().flatten()
            if not len(chosen):
                return
        for name, parameters in self.parameters.items():
            for key, value in parameters.items():
                theirs = other.parameters[name][key].detach()
                if not chosen.is_cuda:
                    value[chosen] = theirs[chosen]
                elif cuda.fused(chosen.device):
                    cuda.kernels.take(value, theirs, chosen.long())
                else:
                    value.copy_(torch.where(chosen.view(-1, *[1] * (value.ndim - 1)), theirs, value))


class AttackResult(NamedTuple):
    labels: list[int]  # K classes
    kept: Pair  # lowest M_global on the way
    last: Pair  # where the attack ended
    kept_loss: dict[str, list[float]]  # K values each: "M_global", "L_N", "L_G", "k", "batch" of the kept pair
    last_loss: dict[str, list[float]]  # the same of the last pair
    history: dict[str, Tensor]  # "batch" (points,); "L_N", "L_G", "k", "M_global" (points, K), means since the point before
    queries_per_class: int


def cross_entropy(p: Float[Tensor, " *batch classes"], logits: Float[Tensor, " *batch classes"]) -> Float[Tensor, " *batch"]:
    """L_H(p, softmax(logits)) in nats, for soft confidences p."""
    return -(p * logits.log_softmax(-1)).sum(-1)


CURVES = ("L_N", "L_G", "k", "M_global")


def attack(
    blackbox: BlackBox,
    config: GaminConfig,
    *,
    image_shape: tuple[int, int],
    num_classes: int,
    labels: Sequence[int],
    seed: int,
    device: str | torch.device = "cpu",
    checkpoint: Checkpoint | None = None,
    description: str = "attack",
) -> AttackResult:
    """Invert the classes `labels` at once (paper, section III, steps 1-4); resumes from `checkpoint` where it holds a state."""
    if not labels or not all(0 <= label < num_classes for label in labels):
        raise ValueError(f"labels are {list(labels)}, expected at least one of 0 to {num_classes - 1}")
    count, half = len(labels), config.batch_size // 2
    pair = Pair.new(config, image_shape, num_classes, count, seed=seed, device=device)
    captures = cuda.captures(torch.device(device))
    adam_s = torch.optim.Adam(pair.parameters["surrogate"].values(), lr=config.lr_surrogate, fused=True, capturable=captures)
    adam_g = torch.optim.Adam(pair.parameters["generator"].values(), lr=config.lr_generator, fused=True, capturable=captures)
    chance = torch.Generator(device).manual_seed(seed)
    wanted = torch.nn.functional.one_hot(torch.tensor(labels, device=device), num_classes).float()
    wanted = wanted[:, None].expand(count, half, num_classes)

    kept, start = pair.copy(), 0
    k = torch.full((count,), config.k0, device=device)
    best = torch.full((5, count), torch.inf, device=device)  # rows: M_global, L_N, L_G, k, batch
    recent = torch.zeros(config.keep_window, count, device=device)
    every = max(1, config.batches // config.log_points)
    curves = torch.zeros(-(-config.batches // every), len(CURVES), count, device=device)
    if checkpoint and (state := checkpoint.load()):
        start, k, best, recent, curves = int(state["batch"]), *(state[n].to(device) for n in ("k", "best", "recent", "curves"))
        _restore(pair, state["pair"]), _restore(kept, state["kept"])
        for adam, name in ((adam_s, "adam_s"), (adam_g, "adam_g")):
            adam.load_state_dict(adam.state_dict() | {"state": state[name]})
        chance.set_state(state["chance"])
        blackbox.restore(state["blackbox"])
    batch = torch.tensor([start], device=device)
    averaged = torch.full((len(curves), 1, 1), float(every), device=device)  # batches of each point
    averaged[-1] = config.batches - every * (len(curves) - 1)

    def draw_z() -> Tensor:
        return torch.randn((count, half, config.z_dim), generator=chance, device=device)

    def step() -> None:
        """One batch of every class; all that it changes stays on the device and in its place, so that a GPU can replay it."""
        # query the target on random inputs and on what the generator makes of z
        x_n = NOISES[config.noise](count, half, *image_shape, generator=chance, device=device)
        x = torch.cat([x_n, pair.generate(draw_z())], dim=1)
        t = blackbox.answer(x)

        # surrogate: agree with the target on noise, k_t times less on what the generator shows (eq. 4)
        loss = cross_entropy(t, pair.logits(x))
        l_n, l_g = loss[:, :half].mean(1), loss[:, half:].mean(1)
        adam_s.zero_grad()
        (l_n - k * l_g).sum().backward()

        # keep the pair, as it was before this step, where M_global is the lowest so far (eq. 7)
        l_n, l_g = l_n.detach(), l_g.detach()
        m_global = l_n + (config.gamma * l_n - l_g).abs()
        recent.index_copy_(0, batch % config.keep_window, m_global[None])
        smooth = torch.where(batch + 1 >= config.keep_window, recent.mean(0), torch.inf)
        better = smooth < best[0]
        kept.take(pair, better)
        best.copy_(torch.where(better, torch.stack([smooth, l_n, l_g, k, batch.expand(count).to(k)]), best))
        curves.index_add_(0, batch // every, torch.stack([l_n, l_g, k, m_global])[None] / averaged[batch // every])
        adam_s.step()

        # balance (eq. 5)
        k.copy_((k + config.lam * (config.gamma * l_n - l_g)).clamp(0, 1))

        # generator: whatever the surrogate calls y (eq. 6)
        for _ in range(config.generator_steps):
            adam_g.zero_grad()
            cross_entropy(wanted, pair.logits(pair.images(draw_z()), frozen=True)).mean(1).sum().backward()
            adam_g.step()
        batch.add_(1)

    progress = tqdm(range(start, config.batches), initial=start, total=config.batches, desc=description, unit="batch", mininterval=1)
    run = step
    with cuda.own_stream(torch.device(device)) if captures else nullcontext():
        for done in progress:
            if captures and done == start + cuda.WARM_UP:
                run = cuda.capture(step, [chance, blackbox.generator])
            blackbox.spend(count * config.batch_size)
            run()
            if checkpoint and checkpoint.due():
                checkpoint.save(
                    {
                        "batch": batch[0], "k": k, "best": best, "recent": recent, "curves": curves,
                        "pair": pair.parameters, "kept": kept.parameters, "chance": chance.get_state(),
                        "adam_s": adam_s.state_dict()["state"], "adam_g": adam_g.state_dict()["state"], "blackbox": blackbox.state(),
                    }
                )  # fmt: skip
    curves = curves.cpu()
    ends = torch.arange(1, len(curves) + 1).mul(every).clamp(max=config.batches)
    row = dict(zip(("M_global", "L_N", "L_G", "k", "batch"), best.cpu().tolist(), strict=True))
    last = {name: curves[-1, i].tolist() for i, name in enumerate(CURVES)} | {"batch": [float(config.batches)] * count}
    history = {"batch": ends} | {name: curves[:, i] for i, name in enumerate(CURVES)}
    return AttackResult(list(labels), kept, pair.copy(), row, last, history, config.queries_per_class)


@torch.no_grad()
def _restore(pair: Pair, state: dict) -> None:
    for name, parameters in pair.parameters.items():
        for key, value in parameters.items():
            value.copy_(state[name][key])
