"""A user's own code: one Python file that registers encoders, decoders, noises, families, targets, data sets, metrics.

It registers by adding to the project's tables: `ENCODERS["latency"] = latency`, and so DECODERS (models.coding),
NOISES and FAMILIES (attack.players), TARGETS (models.targets), LOADERS (data), METRICS (measure.scores).
"""

import hashlib
import importlib.util
import sys
from pathlib import Path


def load(path: str | Path | None) -> Path | None:
    """Run the file, once a process and content; its absolute path. Only a file that was named is ever run.

    Raises ValueError where there is no such Python file, or where it fails.
    """
    if path is None:
        return None
    path = Path(path).expanduser().resolve()
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"code is {str(path)!r}, expected a Python file of yours")
    name = f"snnmi_code_{hashlib.sha256(path.read_bytes()).hexdigest()[:10]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            raise ValueError(f"{path} fails where it is run: {type(error).__name__}: {error}") from error
    return path
