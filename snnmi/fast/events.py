"""A rate-coded network on a CPU, computed as events: what an image's spikes change at a step (events.c).

The C is compiled at first use, as plain C by the system's compiler, and called through ctypes: that takes
about a second, where PyTorch's own `torch.utils.cpp_extension` takes 18 for its headers and needs ninja.
Results depend neither on the number of threads nor on how a call is cut into blocks.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from snnmi import files, provenance

SOURCE = Path(__file__).with_name("events.c")
ALWAYS = "-O3 -ffp-contract=off -shared -fPIC"  # every product is rounded: all processors agree
FLAGS = "-march=native -fopenmp", "-fopenmp", ""  # tried in this order: not every compiler takes them
ELSEWHERE = "name in XDG_CACHE_HOME a folder whose files may be executed"
WORTH = "without that an SNN's queries take five to ten times as long, its training about ten"
DIGEST = hashlib.sha256().digest_size
SAID = {"capture_output": True, "text": True, "errors": "replace"}  # a compiler speaks its user's language

BLOCK = 64  # neurons whose currents stay in registers, as in events.c
PIECE = 1024  # pixels at once, at most: their weights to a block of neurons fill 256 kB of an L2 cache
ROWS = 1024  # rows at once of the gradient of a block's currents: as much
AT_ONCE = 6400  # images x steps of a query at once, for the memory that their events take

# Flips a pixel and step above which sums that are looked up are faster than events: the hidden layer of 256 images of
# 784-3000-10 takes them 0.11 s at any rate, events 0.10 at a rate of 0.1 and 0.62 at 0.5, a dense product 0.52 (Zen 3,
# one thread).
MANY = 0.12


# --- the library


def available() -> bool:
    """Whether events can be computed here; the first call compiles, and warns where that fails."""
    return library() is not None


@cache
def library() -> ctypes.CDLL | None:
    """The compiled C, from the user's cache or made anew; None, with a warning, where it cannot be made."""
    provenance.FURTHER["spikes_on_cpu"] = "PyTorch"
    given, refused = os.environ.get("CC", "").strip(), ""
    try:
        for path in _built(given or "cc"):
            try:
                found = ctypes.CDLL(str(path))
            except OSError as error:  # as on a file system that forbids execution
                refused = f"nothing in {path.parent} can be loaded as a library ({error})"
                continue
            if philox(found, [0] * 4, [0] * 2) != [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]:
                raise OSError("what was compiled draws wrong numbers")
            if refused:
                warnings.warn(f"{refused}: compiled again, for this process alone; {ELSEWHERE}", stacklevel=2)
            provenance.FURTHER["spikes_on_cpu"] = "events"
            return found
        said = f"{refused or 'no folder can be written to'}; {ELSEWHERE}"
    except (OSError, AttributeError, ValueError, subprocess.SubprocessError) as error:
        why = str(getattr(error, "stderr", None) or error).strip().splitlines()[-1]
        said = (
            f"CC is {given!r}: name a C compiler" if given else "install a C compiler, such as Debian's gcc"
        )
        said += f" ({why})"
    warnings.warn(f"{said}: {WORTH}", stacklevel=2)
    return None


def _built(compiler_said: str) -> Iterator[Path]:
    """The library's file, with its SHA-256 at the end, in the user's cache; then, where that does not do, in a folder
    that is gone afterwards.
    """
    compiler = shlex.split(compiler_said)
    version = subprocess.run([*compiler, "--version"], check=True, **SAID).stdout
    made_of = "\n".join([SOURCE.read_text(), ALWAYS, *FLAGS, *compiler, version, _processor()])
    name = f"events-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.so"
    with tempfile.TemporaryDirectory(prefix="snnmi-") as last:
        for folder in filter(None, [files.cache(), Path(last)]):
            with suppress(OSError):
                if not _is_whole(folder / name):
                    content = _compiled(compiler)  # and whoever loads the library ignores what follows it
                    files.atomic_write(folder / name, content + hashlib.sha256(content).digest())
                yield folder / name


def _is_whole(path: Path) -> bool:
    content = path.read_bytes() if path.exists() else b""
    return hashlib.sha256(content[:-DIGEST]).digest() == content[-DIGEST:]


def _compiled(compiler: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "events.so"
        for flags in FLAGS:
            command = [*compiler, *ALWAYS.split(), *flags.split(), str(SOURCE), "-o", str(out), "-lm"]
            done = subprocess.run(command, **SAID)
            if done.returncode == 0 and out.exists():
                return out.read_bytes()
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)


def _processor() -> str:
    """What -march=native depends on."""
    lines = [s for s in provenance.cpuinfo() if s.startswith(("model", "flags", "CPU", "Features"))]
    return "\n".join(lines) or f"{platform.machine()} {platform.processor()}"


def call(name: str, *args: Tensor | int | float | None) -> None:
    """A function of events.c; tensors must be contiguous, integers are int64_t and threads come last."""

    def c(arg):
        if isinstance(arg, float):
            return ctypes.c_float(arg)
        if isinstance(arg, int):
            return ctypes.c_int64(arg)
        if arg is not None and not (arg.is_contiguous() and arg.is_cpu and arg.dtype != torch.float64):
            raise TypeError(f"{arg.dtype} on {arg.device}, expected contiguous float32 on the CPU")
        return ctypes.c_void_p(None if arg is None else arg.data_ptr())

    getattr(library(), name)(*map(c, args), ctypes.c_int64(torch.get_num_threads()))


def philox(found: ctypes.CDLL, counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10's four words at this counter, as published (Salmon et al., SC 2011)."""
    lanes = 16
    words = (ctypes.c_uint32 * (4 * lanes))(*(word for word in counter for _ in range(lanes)))
    found.philox(words, *map(ctypes.c_uint32, key))
    return words[::lanes]


# --- events

Images = Float[Tensor, " batch pixels"]
Chance = int | Tensor  # the key of this call's draws, or the draws themselves, " time pixels", for all images


def key(generator: torch.Generator) -> int:
    """64 bits of the run's chance: what a call's draws depend on, besides image, pixel and step."""
    return int(torch.randint(-(2**63), 2**63 - 1, (), generator=generator))


class Events(NamedTuple):
    """What `draw` of events.c finds: pixels that round to 1, and flips from that at each step."""

    pixel: Tensor
    start: Tensor
    size: tuple[int, int, int, int]  # images, pixels, steps, pixels of a piece
    many: bool = False  # so many that sums that are looked up are faster


def draw(x: Images, num_steps: int, chance: Chance, index: Int[Tensor, " batch"] | None = None) -> Events:
    """Bernoulli spike trains of rate x as events; `index` is an image's number in the call, if not its place.

    A pixel spikes where 32 random bits lie below x 2^32, so its rate is x, rounded up to a multiple of 2^-32.
    """
    (n, pixels), fixed = x.shape, None
    if isinstance(chance, Tensor):
        fixed, chance = (chance.double() * 2**32).to(torch.int64).to(torch.uint32).contiguous(), 0
    x, index = x.contiguous(), torch.arange(n) if index is None else index.contiguous()
    events = _room(n, pixels, num_steps)
    call("draw", x, index, *events.size, chance, fixed, events.pixel, events.start)
    return events


def find(spikes: Float[Tensor, " time batch pixels"]) -> Events:
    """The events of spikes that are written out, 0 or 1, whatever code made them."""
    num_steps, n, pixels = spikes.shape
    events = _room(n, pixels, num_steps)
    call("find", spikes.contiguous(), *events.size, events.pixel, events.start)
    return events._replace(many=bool(spikes.mean() > MANY))


def _room(n: int, pixels: int, num_steps: int) -> Events:
    if num_steps >= 2**16:
        raise ValueError(f"num_steps is {num_steps}, expected less than {2**16}")
    pieces = -(-pixels // PIECE)
    piece = -(-pixels // pieces)
    pixel = torch.empty(n * pieces * piece * (num_steps + 1) + 4, dtype=torch.uint16)
    start = torch.empty(n * pieces, 2 * num_steps + 2, dtype=torch.int32)
    return Events(pixel, start, (n, pixels, num_steps, piece))


def spikes(events: Events) -> Float[Tensor, " time batch pixels"]:
    """The same spikes, written out."""
    n, pixels, num_steps, _ = events.size
    out = torch.empty(num_steps, n, pixels)
    call("spikes", events.pixel, events.start, *events.size, out)
    return out


def grey(x: Images) -> Bool[Tensor, " batch"]:
    """Of which of these images many pixels flip."""
    return torch.minimum(x, 1 - x).clamp_min(0).mean(1) > MANY


# --- networks


Output = Float[Tensor, " time batch classes"]


class Neuron(NamedTuple):
    beta: float
    threshold: float
    height: float  # by how much a spike lowers the next membrane: threshold, or beta x threshold; infinite: to zero
    slope: float = 40.0  # of the fast-sigmoid surrogate gradient


Layers = list[tuple[nn.Linear, Neuron]]


def snn(events: Events, layers: Layers) -> tuple[Output, Output]:
    """Spikes and membranes of the last of these layers behind these spikes.

    Differentiable, of two layers alike, in the weights, as snnTorch's are; their images get no gradient.
    """
    *hidden, (last, neuron) = layers
    if torch.is_grad_enabled():
        ((first, _),) = hidden
        return _SNN.apply(first.weight, first.bias, last.weight, last.bias, events, neuron)
    for i, (linear, own) in enumerate(hidden):
        words, _ = _hidden(events, linear.weight, linear.bias, own)
        if i + 1 < len(hidden):
            events = find(written(words, linear.out_features))
    return _output(events, words, last.weight, last.bias, neuron)


def rate_snn(x: Images, layers: Layers, *, num_steps: int, chance: Chance) -> tuple[Output, Output]:
    """The same behind Bernoulli spikes of rate x."""
    at_once = len(x) * num_steps if torch.is_grad_enabled() else AT_ONCE
    order, blocks = _in_blocks(x, num_steps, chance, at_once)
    spk, mem = zip(*(snn(events, layers) for events in blocks))
    return torch.cat(spk, 1)[:, order], torch.cat(mem, 1)[:, order]


@torch.no_grad()
def rate_ann(
    x: Images, hidden: nn.Linear, output: nn.Linear, *, num_steps: int, chance: Chance
) -> Float[Tensor, " batch classes"]:
    """Confidences of Linear, sigmoid, Linear, softmax behind Bernoulli spikes of rate x: the mean over the steps."""
    spare = -hidden.out_features % BLOCK
    weight = F.pad(output.weight, (0, spare)).unflatten(1, (-1, BLOCK)).permute(1, 2, 0)  # block neuron class
    order, blocks = _in_blocks(x, num_steps, chance, AT_ONCE // 8)  # fewer, for the currents are kept
    found = []
    for events in blocks:
        _, kept = _hidden(events, hidden.weight, hidden.bias, INTEGRATOR, keep=True)
        logits = (kept.sigmoid_().flatten(1, 2) @ weight).sum(0) + output.bias
        found.append(logits.unflatten(0, (-1, num_steps)).softmax(-1).mean(1))
    return torch.cat(found)[order]


def _in_blocks(
    x: Tensor, num_steps: int, chance: Chance, at_once: int
) -> tuple[Int[Tensor, " batch"], Iterator[Events]]:
    """The images as events, the grey ones apart, and where each is to be found in what comes of them."""
    many, size = grey(x), max(1, at_once // num_steps)
    apart = [(index, way) for way in (True, False) for index in (many == way).nonzero()[:, 0].split(size)]
    blocks = (draw(x[i], num_steps, chance, i)._replace(many=way) for i, way in apart if len(i) or not len(x))
    return torch.cat([index for index, _ in apart]).argsort(), blocks


INTEGRATOR = Neuron(beta=0.0, threshold=float("inf"), height=0.0)  # its membrane is its input current


def _hidden(events, weight, bias, neuron, keep=False) -> tuple[Tensor, Tensor | None]:
    """Spikes of the hidden layer, a bit each, and its membranes if they are to be kept: both " block batch time"."""
    (n, _, num_steps, _), how = events.size, "tabled" if events.many else "hidden"
    blocks = -(-len(weight) // BLOCK)
    words = torch.empty(blocks, n, num_steps, dtype=torch.int64)
    kept = torch.empty(blocks, n, num_steps, BLOCK) if keep else None
    call(how, events.pixel, events.start, *events.size, weight.contiguous(), bias, len(weight),
         *map(float, neuron[:3]), words, kept)  # fmt: skip
    return words, kept


def written(words: Int[Tensor, " block batch time"], width: int) -> Float[Tensor, " time batch neuron"]:
    """The spikes of so many neurons, written out; a byte of a word holds every eighth of its block."""
    bits = words[..., None] >> torch.arange(BLOCK).view(8, 8).T.flatten() & 1
    return bits.permute(2, 1, 0, 3).flatten(2)[..., :width].float()


def _output(events, words, weight, bias, neuron) -> tuple[Tensor, Tensor]:
    n, _, num_steps, _ = events.size
    spk, mem = torch.empty(2, num_steps, n, len(weight))
    call("output", words, n, num_steps, weight.shape[1], len(weight), weight.contiguous(), bias,
         *map(float, neuron[:3]), spk, mem)  # fmt: skip
    return spk, mem


class _SNN(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight1, bias1, weight2, bias2, events, neuron):
        words, kept = _hidden(events, weight1, bias1, neuron, keep=True)
        spk, mem = _output(events, words, weight2, bias2, neuron)
        ctx.save_for_backward(weight2, words, kept, mem)
        ctx.events, ctx.neuron = events, neuron
        ctx.set_materialize_grads(False)
        return spk, mem

    @staticmethod
    def backward(ctx, grad_spk, grad_mem):
        (weight2, words, kept, mem), (pixel, start, size, _) = ctx.saved_tensors, ctx.events
        n, pixels, num_steps, piece = size
        (classes, width), group = weight2.shape, max(1, ROWS // (num_steps + 1))
        plan = torch.empty(len(pixel) // n * (-(-n // group) * group), dtype=torch.uint16)
        place = torch.empty(-(-n // group) * -(-pixels // piece), 2 * piece + 2, dtype=torch.int32)
        grads = [torch.empty(shape) for shape in ((width, pixels), (width,), (classes, width), (classes,))]
        arrived = [None if g is None else g.contiguous() for g in (grad_spk, grad_mem)]
        beta, threshold, _, slope = map(float, ctx.neuron)
        call("backward", pixel, start, plan, place, *size, group, words, kept, width, classes,
             weight2.contiguous(), mem, *arrived, beta, threshold, slope, *grads)  # fmt: skip
        return *grads, None, None
