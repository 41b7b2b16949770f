"""Networks of other tools as targets: a NIR file (neuromorphic intermediate representation, Pedersen et al. 2024), as
snnTorch, Norse, SpikingJelly, Lava or Sinabs write it, becomes a callable from images to confidences.

A NIR file holds weights and the differential equations of neurons; `Assumed` holds what it leaves open. The files are
HDF5 and are read by `nir`; no object in them is unpickled and nothing of them is run.
"""

import copy
import subprocess
import sys
from dataclasses import dataclass
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from math import prod
from pathlib import Path

import h5py
import nir
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from snnmi.checks import above, at_least, one_of
from snnmi.fast import engine, events
from snnmi.models.coding import DECODERS, ENCODERS
from snnmi.models.euler import RULES, Neurons
from snnmi.models.targets import SNN, Confidences, Images, Target

NEURONS = nir.LIF, nir.CubaLIF, nir.IF, nir.LI, nir.CubaLI, nir.I
WEIGHTS, POOLS = (nir.Affine, nir.Linear, nir.Conv2d), (nir.AvgPool2d, nir.SumPool2d)
PATIENCE, ROOM = 30, 4 * 2**30  # seconds and bytes that reading a file may take
TRIAL = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), -1))
except (ImportError, OSError, ValueError):
    pass  # a system without such limits
import h5py, nir
try:
    nir.serialization.hdf2dict(h5py.File(sys.argv[1], "r")["node"])
except MemoryError:
    sys.exit(3)
except Exception:
    pass  # the reader says what is wrong
"""
KNOWN = {n.__name__ for n in (*NEURONS, *WEIGHTS, *POOLS, nir.Input, nir.Output, nir.Flatten)}


@dataclass(frozen=True)
class Assumed:
    """What a NIR file does not say. Every query finds the neurons at rest; a time step is one of Euler's."""

    dt: int | float = 1e-4  # seconds a step: what snntorch and SpikingJelly take; Norse's is 1e-3
    # after a spike: to the file's v_reset, as `snntorch.import_nir`; or by subtraction (`lif`)
    reset: str = "zero"
    num_steps: int = 25
    encoder: str = "rate"
    decoder: str = "membrane"

    def __post_init__(self):
        if self.reset == "subtract":
            raise ValueError(
                "reset is 'subtract', snnTorch's word for what is 'delayed' here, or 'before_decay' of a network "
                "trained with its 0.7.0"
            )
        one_of(self, reset=RULES, encoder=ENCODERS, decoder=DECODERS)
        at_least(self, num_steps=1)
        above(self, dt=0)


class Flat(nn.Module):
    """One axis of several. NIR counts none for the batch; files of those who do, as PyTorch does, are read so where
    they cannot be run otherwise.
    """

    def __init__(self, start: int, end: int):
        super().__init__()
        self.ends, self.counted = (start, end), 0

    def forward(self, x: Float[Tensor, " batch *n"]) -> Float[Tensor, " batch *m"]:
        start, end = (axis + (1 - self.counted if axis >= 0 else x.ndim) for axis in self.ends)
        if not 1 <= start <= end < x.ndim:
            raise ValueError(f"it flattens axes {self.ends[0]} to {self.ends[1]}")
        return x.flatten(start, end)


def _layer(node: nir.NIRNode, assumed: Assumed) -> nn.Module:
    """The PyTorch module of a node; all but `Neurons` work a step at a time."""

    def pair(value: object) -> object:
        return value if isinstance(value, str) else tuple(int(v) for v in np.broadcast_to(value, 2))

    if isinstance(node, NEURONS):
        return Neurons(vars(node), dt=assumed.dt, reset=assumed.reset)
    if isinstance(node, WEIGHTS):
        weight, bias = torch.as_tensor(node.weight), getattr(node, "bias", None)
        out, into = weight.shape[:2]
        if isinstance(node, nir.Conv2d):
            how = {name: pair(getattr(node, name)) for name in ("stride", "padding", "dilation")}
            how |= {"groups": int(node.groups), "bias": bias is not None}
            layer = nn.Conv2d(into * how["groups"], out, weight.shape[2:], **how)
        else:
            layer = nn.Linear(into, out, bias=bias is not None)
        layer.load_state_dict({"weight": weight} | ({} if bias is None else {"bias": torch.as_tensor(bias)}))
        return layer
    if isinstance(node, nir.Flatten):
        return Flat(int(node.start_dim), int(node.end_dim))
    if isinstance(node, POOLS):
        how = [pair(getattr(node, name)) for name in ("kernel_size", "stride", "padding")]
        return nn.AvgPool2d(*how, divisor_override=1 if isinstance(node, nir.SumPool2d) else None)
    return nn.Identity()


class Imported(Target):
    """A NIR graph without loops, behind an encoder and a decoder: `imported(images, generator=g)` -> confidences."""

    def __init__(self, graph: nir.NIRGraph, assumed: Assumed):
        nn.Module.__init__(self)
        self.neuron, self.encoder, self.temperature, self.parts = assumed, assumed.encoder, 1.0, 2
        self.kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
        self.into = {name: [a for a, b in graph.edges if b == name] for name in graph.nodes}
        try:
            self.order = [*TopologicalSorter(self.into).static_order()]
        except CycleError as error:
            raise ValueError(
                f"it loops ({' -> '.join(error.args[1])}), expected no recurrent connections"
            ) from None
        ends = {kind: [n for n in self.order if self.kinds[n] == kind] for kind in ("Input", "Output")}
        if any(len(names) != 1 for names in ends.values()) or len(self.into[ends["Output"][0]]) != 1:
            raise ValueError(f"it has {ends}, expected one input and one output that one node leads to")
        self.last = self.into[ends["Output"][0]][0]
        self.input_shape = tuple(int(n) for n in graph.nodes[ends["Input"][0]].input_type["input"])
        self.nodes = nn.ModuleList()
        for name in self.order:
            if self.kinds[name] != "Input" and not self.into[name]:
                raise ValueError(f"nothing leads to its node {name!r}, expected a path from the input")
            try:
                self.nodes.append(_layer(graph.nodes[name], assumed))
            except (RuntimeError, TypeError, ValueError, AttributeError) as error:
                raise ValueError(f"its node {name!r} ({self.kinds[name]}) cannot be run: {error}") from None
        self.layers = self._chain()

    @property
    def width(self) -> int:
        return max([len(layer.weight) for layer in self.nodes if hasattr(layer, "weight")] or [1])

    def _chain(self) -> list[tuple[nn.Linear, events.Neuron]]:
        """Its layers as `engine` takes them, where all are Linear, then neurons that are alike; else none."""
        inner = [n for n in self.order if self.kinds[n] not in ("Input", "Output", "Flatten")]
        nodes, chain = dict(zip(self.order, self.nodes)), []
        for linear, fires in zip(inner[::2], inner[1::2]):
            neuron = isinstance(nodes[fires], Neurons) and nodes[fires].alike()
            if not neuron or not isinstance(nodes[linear], nn.Linear):
                return []
            layer, drive = copy.deepcopy(nodes[linear]).requires_grad_(False), nodes[fires].drive
            bias = 0 if layer.bias is None else layer.bias
            weight = layer.weight * drive.view(-1, 1)
            layer.weight = nn.Parameter(weight)
            layer.bias = nn.Parameter((bias * drive + nodes[fires].offset).expand(len(weight)).contiguous())
            chain.append((layer, neuron))
        straight = len(inner) % 2 == 0 and all(len(self.into[n]) == 1 for n in self.order[1:])
        fed = [prod(self.input_shape), *(linear.out_features for linear, _ in chain)]
        straight = straight and fed[:-1] == [linear.in_features for linear, _ in chain]
        return chain if straight and self.last == inner[-1] else []

    def forward(self, x: Images, *, generator: torch.Generator) -> Confidences:
        """Confidences; the same chance draws the same spikes as those of an `SNN`."""
        for part in (self, *(linear for linear, _ in self.layers)):
            part.to(x.device)
        return super().forward(x, generator=generator)

    def confidences(self, fed: engine.Fed) -> Confidences:
        spk, mem = engine.snn_output(self, fed)
        return DECODERS[self.neuron.decoder](torch.full_like(mem, torch.nan) if spk is None else spk, mem)

    def run(self, spikes: Float[Tensor, " time batch pixels"]) -> tuple[Tensor | None, Tensor]:
        """Spikes, if there are any, and membranes of what leads to the output, " time batch classes"."""
        found: dict[str, Tensor] = {}
        for name, layer in zip(self.order, self.nodes):
            x = reduce(torch.add, [found[source] for source in self.into[name]] or [spikes])
            try:
                if isinstance(layer, Neurons):
                    spk, mem = layer(x)
                    found[name] = mem if spk is None else spk
                elif not self.into[name]:
                    found[name] = x.reshape(*x.shape[:2], *self.input_shape)
                else:
                    spk, mem = None, layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
                    found[name] = mem
            except (RuntimeError, ValueError) as error:
                shape, kind = tuple(x.shape[2:]), self.kinds[name]
                raise ValueError(f"its node {name!r} ({kind}) cannot take a {shape}: {error}") from None
            if name == self.last:
                end = spk, mem
        return None if end[0] is None else end[0].flatten(2), end[1].flatten(2)

    plain = run


def _try(path: str | Path) -> None:
    """Another process reads the file first: a damaged HDF5 file can hold its reader for ever, kill it, or ask for more
    memory than there is.
    """
    trial = [sys.executable, "-W", "ignore", "-c", TRIAL, str(path), str(ROOM)]
    try:
        ended = subprocess.run(trial, timeout=PATIENCE, capture_output=True).returncode
    except subprocess.TimeoutExpired:
        raise ValueError(f"reading it had not ended after {PATIENCE} s: it is damaged") from None
    if ended:
        why = f"needs more than {ROOM >> 30} GiB" if ended == 3 else f"ended its reader ({ended})"
        raise ValueError(f"reading it {why}: it is damaged, or no network for such images")


def read(path: str | Path, assumed: Assumed, *, image_shape: tuple[int, int], num_classes: int) -> Imported:
    """The network of a NIR file; ValueError, in one sentence, where it is none that this can run on such images."""
    try:
        _try(path)
        with h5py.File(path, "r") as file:
            content = nir.serialization.hdf2dict(file["node"])
        if unknown := {node["type"] for node in content["nodes"].values()} - KNOWN:
            raise ValueError(
                f"nodes of type {', '.join(sorted(unknown))} cannot be run, expected {sorted(KNOWN)}"
            )
        network = Imported(nir.dict2NIRNode(content | {"type_check": False}), assumed)
        _run_once(network, image_shape, num_classes)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist, expected a NIR file") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a NIR file ({type(error).__name__}: {error})") from None
    return network.eval()


def _run_once(network: Imported, image_shape: tuple[int, int], num_classes: int) -> None:
    """Ask of a black image. Where that cannot be run, a file's Flatten may count an axis for the batch."""
    if prod(network.input_shape) != prod(image_shape):
        raise ValueError(f"it takes {network.input_shape}, expected images of {image_shape}")
    black, decoder = torch.zeros(1, 1, prod(image_shape)), network.neuron.decoder
    try:
        spk, mem = network.run(black)
    except ValueError as error:
        for layer in network.nodes:
            if isinstance(layer, Flat):
                layer.counted = 1
        try:
            spk, mem = network.run(black)
        except ValueError:
            raise error from None
    if mem.shape[-1] != num_classes:
        raise ValueError(f"it gives {mem.shape[-1]} numbers, expected one for each of {num_classes} classes")
    if spk is None and not DECODERS[decoder](mem * torch.nan, torch.zeros_like(mem)).isfinite().all():
        raise ValueError(f"it ends in a layer without spikes: the decoder {decoder} cannot read it")


def write(model: SNN, path: str | Path, *, dt: float = Assumed.dt) -> Path:
    """An SNN of this book as a NIR file, in `snntorch.export_nir`'s terms: tau = dt / (1 - beta), r = tau / dt."""
    n, sizes = model.neuron, [model.hidden.in_features, model.hidden.out_features, model.output.out_features]
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input(np.array(sizes[:1]))}
    for name, layer in (("hidden", model.hidden), ("output", model.output)):
        one = np.ones(layer.out_features)
        tau = dt / (1 - n.beta) * one
        nodes[f"{name}_weights"] = nir.Affine(*(p.detach().cpu().numpy() for p in (layer.weight, layer.bias)))
        nodes[f"{name}_lif"] = nir.LIF(tau=tau, r=tau / dt, v_leak=0 * one, v_threshold=n.threshold * one)
    nodes["output"] = nir.Output(np.array(sizes[2:]))
    nir.write(path, nir.NIRGraph(nodes, [*zip(nodes, [*nodes][1:])]))
    return Path(path)
