"""A user's own code: one Python file that registers encoders, decoders, noises, families, targets, data sets, metrics.

It registers by adding to the project's tables: `ENCODERS["mine"] = encode`, and so DECODERS (models.coding),
NOISES (attack.noises), FAMILIES (attack.players), TARGETS (models.targets), LOADERS (data), METRICS (measure.scores).
"""

import hashlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from snnmi.attack.noises import NOISES
from snnmi.attack.players import FAMILIES
from snnmi.data import LOADERS
from snnmi.files import given_file
from snnmi.measure.scores import METRICS
from snnmi.models.coding import DECODERS, ENCODERS
from snnmi.models.targets import TARGETS
from snnmi.own_data import plain

TABLES = (ENCODERS, DECODERS, NOISES, FAMILIES, TARGETS, LOADERS, METRICS)
OWN = tuple(dict(table) for table in TABLES)  # the project's
PREFIX = "snnmi_code_"  # and a digest: the name of a module that was made of such a file
_latest = [""]  # the module that was run last: what it registers stands in the tables


def load(path: str | Path | None) -> Path | None:
    """Run the file, unless it was the last one that was and has not changed; its absolute path.

    Only a file that was named is ever run. Raises ValueError where there is no such Python file, or where it fails.
    """
    if path is None:
        return None
    path = given_file(path).resolve()
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"code is {str(path)!r}, expected a Python file of yours")
    content = path.read_bytes()
    name = PREFIX + hashlib.sha256(content).hexdigest()[:10]
    if name != _latest[0]:
        sys.modules[name] = module = ModuleType(name)
        module.__file__ = str(path)
        try:  # not imported: Python would take an edit of the same second and size for the file as it was
            exec(compile(content, path, "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise ValueError(f"{path} fails where it is run: {type(error).__name__}: {error}") from error
        if odd := [key for table in TABLES for key in table if key != plain(key)]:
            raise ValueError(
                f"{path} registers {odd[0]!r}, which tables and figures would read as more than a name: "
                f"expected letters, digits and '_', '.', '+', '-' between them, such as {plain(odd[0])!r}"
            )
        _latest[0] = name
    return path


def function(named: str) -> Callable:
    """What `file.py:name` or `module:name` names; nothing but a file or module that was named is run."""
    where, _, name = named.rpartition(":")
    try:
        module = (
            sys.modules[_latest[0]]
            if where.endswith(".py") and load(where)
            else importlib.import_module(where)
        )
    except (ImportError, TypeError, ValueError) as error:
        raise ValueError(f"{named}: {error}, expected module:function or file.py:function") from None
    if not callable(found := getattr(module, name, None)):
        raise ValueError(f"{named}: {where} has no function {name!r}")
    return found


def only_here() -> list[str]:
    """Names that another process would not know: what was registered in this one and comes from no such file."""
    return [
        name
        for table, own in zip(TABLES, OWN)
        for name, thing in table.items()
        if thing is not own.get(name) and not loaded(getattr(thing, "score", thing))
    ]


def loaded(thing: object) -> str | None:
    """The digest of such a file as it was when it was run; None for what comes from elsewhere."""
    module = getattr(thing, "__module__", None) or ""
    return module.removeprefix(PREFIX) if module.startswith(PREFIX) else None
