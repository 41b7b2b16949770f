"""The two players of K classes side by side: one network of each kind, K sets of parameters stacked on a leading
axis.
"""

import warnings
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from snnmi.attack.noises import CHOSEN, NOISES
from snnmi.attack.players import FAMILIES, GaminConfig, as_events
from snnmi.chance import first_weights
from snnmi.checks import in_a_line, tried


class Pair:
    """Surrogates and generators of K classes; nothing is shared between classes."""

    def __init__(
        self,
        config: GaminConfig,
        image_shape: tuple[int, int],
        num_classes: int,
        parameters: dict[str, dict[str, Tensor]],  # of "surrogate" and "generator": (K, ...) by name
    ):
        self.config, self.image_shape, self.num_classes = config, image_shape, num_classes
        with torch.device("meta"):
            self._surrogate, self._generator = FAMILIES[config.family](config, image_shape, num_classes)
        self.parameters = parameters

    def __len__(self) -> int:
        return len(next(iter(self.parameters["surrogate"].values())))

    @classmethod
    def new(
        cls,
        config: GaminConfig,
        image_shape: tuple[int, int],
        num_classes: int,
        num_pairs: int,
        *,
        seed: int,
        device: str | torch.device = "cpu",
    ) -> "Pair":
        """Fresh networks, each class with its own first weights."""
        with first_weights("attacker's weights", seed):
            players = [FAMILIES[config.family](config, image_shape, num_classes) for _ in range(num_pairs)]
        if config.output_bias:
            for _, generator in players:
                _shift(generator, config.output_bias)
        parameters = {}
        for name, networks in zip(("surrogate", "generator"), zip(*players)):
            weights, _ = stack_module_state([network.to(device) for network in networks])
            parameters[name] = {key: w.detach().requires_grad_() for key, w in weights.items()}
        return cls(config, image_shape, num_classes, parameters)

    def S(
        self, x: Float[Tensor, " pairs n height width"], *, frozen: bool = False
    ) -> Float[Tensor, " pairs n classes"]:
        """The surrogates' logits, differentiable (their softmax is the paper's S(x)); `frozen`: through S, not in its
        parameters.
        """
        return _each(self._surrogate, self.parameters["surrogate"], x, frozen)

    def G(
        self, z: Float[Tensor, " pairs n z"], chance: torch.Generator | None = None
    ) -> Float[Tensor, " pairs n height width"]:
        """The generators' images in [0, 1], differentiable; of attackers who send events, with `chance`, zeros and ones
        drawn of them.
        """
        images = _each(self._generator, self.parameters["generator"], z, False)
        return as_events(images, chance) if self.config.as_events and chance else images

    def only(self, index: int) -> "Pair":
        """The pair of one class, still with its leading axis."""
        return self._with(lambda w: w[index : index + 1])

    def copy(self) -> "Pair":
        return self._with(lambda w: w.detach().clone())

    def to(self, device: str | torch.device) -> "Pair":
        return self._with(lambda w: w.to(device))

    def _with(self, change) -> "Pair":
        weights = {name: {key: change(w) for key, w in own.items()} for name, own in self.parameters.items()}
        return Pair(self.config, self.image_shape, self.num_classes, weights)

    @torch.no_grad()
    def take(self, other: "Pair", chosen: Bool[Tensor, " pairs"]) -> None:
        """Overwrite the chosen pairs by those of `other`; on a GPU nobody waits to learn which these are."""
        if not (chosen.is_cuda or chosen.any()):
            return
        for name, parameters in self.parameters.items():
            for key, value in parameters.items():
                theirs = other.parameters[name][key].detach()
                if chosen.is_cuda:
                    value.copy_(torch.where(chosen.view(-1, *[1] * (value.ndim - 1)), theirs, value))
                else:
                    value[chosen] = theirs[chosen]


def try_pieces(
    config: GaminConfig, image_shape: tuple[int, int], num_classes: int, device: str | torch.device = "cpu"
) -> None:
    """Draw the noise and play one step with two pairs of two images, before anything is asked or trained; ValueError,
    naming the noise or the family, where that cannot be done.
    """
    for shape in ((2, *image_shape), (2, 2, *image_shape)) if config.noise != CHOSEN else ():
        draw = lambda seed=0, shape=shape: NOISES[config.noise](  # noqa: E731
            *shape, generator=torch.Generator(device).manual_seed(seed), device=device
        )
        noise = f"noise {config.noise!r}"
        found = tried(noise, draw, *shape, advice="(*shape, generator, device) -> inputs so shaped")
        if torch.equal(found, draw(seed=1)):
            said = "is the same by other draws: each batch asks what the last one asked"
            warnings.warn(f"{noise} {said}", stacklevel=2)
    family = f"family {config.family!r}"
    try:
        pair = Pair.new(config, image_shape, num_classes, 2, seed=0, device=device)
    except Exception as error:
        raise ValueError(
            f"{family} fails: {type(error).__name__}: {in_a_line(error)}; expected (config, image_shape, num_classes) "
            "-> surrogate and generator, both PyTorch modules"
        ) from error
    players = {"surrogate": pair._surrogate, "generator": pair._generator}
    if kept := [f"{who}'s {name}" for who, net in players.items() for name, _ in net.named_buffers()]:
        raise ValueError(
            f"{family} has buffers ({kept[0]}), expected weights alone, as those of all classes are stacked: "
            "BatchNorm with track_running_stats=False, parameters in place of buffers"
        )

    def learnt(who: str, *shape: int) -> Callable[[], Tensor]:
        def ask() -> Tensor:
            x = torch.randn(2, 2, *shape, generator=torch.Generator().manual_seed(0)).to(device)
            found = _each(players[who], pair.parameters[who], x.requires_grad_(), False)
            found.sum().backward()
            return found

        return ask

    how = "no Dropout and no change of its input in place, as all classes are computed at once (torch.func.vmap), and "
    logits = tried(
        f"{family}: its surrogate",
        learnt("surrogate", *image_shape),
        *(2, 2, num_classes),
        advice=how + "logits (images, classes) of images (images, height, width)",
    )
    if logits.min() >= 0 and torch.allclose(logits.sum(-1), torch.ones(2, 2, device=device)):
        raise ValueError(f"{family}: its surrogate gives confidences, expected logits: leave out its softmax")
    images = tried(
        f"{family}: its generator",
        learnt("generator", config.z_dim),
        *(2, 2, *image_shape),
        advice=how + "images (images, height, width) of z (images, z_dim)",
    )
    if images.min() < 0 or images.max() > 1:
        raise ValueError(
            f"{family}: its generator gives values from {float(images.min()):.3g} to {float(images.max()):.3g}, "
            "expected images in [0, 1]: end it with a Sigmoid"
        )


@torch.no_grad()
def _shift(generator: nn.Module, by: float) -> None:
    """Add to the last biases of a generator, of an ensemble to each member's."""
    for network in getattr(generator, "members", [generator]):
        *_, last = (layer for layer in network.modules() if getattr(layer, "bias", None) is not None)
        last.bias.add_(by)


def _each(module: nn.Module, parameters: dict[str, Tensor], inputs: Tensor, frozen: bool) -> Tensor:
    """One network's function for every set of parameters and its own inputs."""
    if frozen:
        parameters = {key: value.detach() for key, value in parameters.items()}
    return vmap(lambda p, own: functional_call(module, p, own))(parameters, inputs)
