"""The two players of K classes side by side: one network of each kind, K sets of parameters stacked on a leading
axis.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from snnmi.attack.players import FAMILIES, GaminConfig, as_events
from snnmi.chance import first_weights
from snnmi.fast import cuda


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
        parameters = {
            name: {key: w.detach().requires_grad_() for key, w in stack_module_state(modules)[0].items()}
            for name, modules in zip(
                ("surrogate", "generator"), ([m.to(device) for m in one] for one in zip(*players))
            )
        }
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

    @torch.no_grad()
    def load(self, parameters: dict[str, dict[str, Tensor]]) -> None:
        """Overwrite all parameters in place, as optimisers and captured steps hold on to them."""
        for name, own in self.parameters.items():
            for key, value in own.items():
                value.copy_(parameters[name][key])


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
