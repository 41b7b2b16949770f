"""Where, when and with what a number was made."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from snnmi import __version__

FURTHER: dict[str, str] = {}  # what the way of computing adds to provenance


def provenance() -> dict:
    """Where, when and with what a number was made.

    "spikes_on_cpu": how rate-coded networks were computed, by "events" or "PyTorch"; absent where there were none.

    "float32_matmul" names the library of float32 products; "bf16" in older records is PyTorch's name for the permission
    under which oneDNN was probed to compute in full float32 (cpu.py), not a precision that was used.
    """
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seeds": "by role",  # each has a stream of its own (chance.py)
        "snnmi": __version__,  # absent in records from before 1.0.0
        "commit": commit(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "numpy", "safetensors")},
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        **FURTHER,
        "float32_matmul": "oneDNN"
        if torch.backends.mkldnn.matmul.fp32_precision == "bf16"
        else "PyTorch's default",
    }


@cache
def commit() -> str:
    """The commit that is running: asked once, when the first run begins, as the files may change under a long one."""
    root = Path(__file__).parents[1]
    if (packed := root / "COMMIT").exists():  # an offline kit says where it was packed
        return packed.read_text().strip()
    if not (root / ".git").exists():  # unpacked, perhaps inside somebody's own repository
        return "unknown"

    def git(*question: str) -> str:
        command = ["git", "-C", str(root), *question]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", __file__)
        found = git("describe", "--always", "--abbrev=12")
        # records that are being written are no change of the code
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)results")
        return f"{found}-dirty" if changed else found
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cpuinfo() -> list[str]:
    """What Linux says of its first processor, a line each; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    return path.read_text().split("\n\n")[0].splitlines() if path.exists() else []


def _processor() -> str:
    named = [line.split(":", 1)[1].strip() for line in cpuinfo() if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
