"""A user's own code: one Python file that registers encoders, decoders, noises, families, targets, data sets, metrics,
attacks.

It registers by adding to the project's tables: `ENCODERS["mine"] = encode`, and so DECODERS (models.coding),
NOISES (attack.noises), FAMILIES (attack.players), TARGETS (models.targets), LOADERS (data), METRICS (measure.scores),
ATTACKS (study.attacks).
"""

import hashlib
import importlib
import inspect
import json
import operator
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from snnmi.attack.noises import NOISES
from snnmi.attack.players import FAMILIES
from snnmi.data import LOADERS
from snnmi.files import given_file
from snnmi.measure.scores import METRICS, Metric
from snnmi.models.coding import DECODERS, ENCODERS
from snnmi.models.targets import TARGETS
from snnmi.own_data import plain
from snnmi.study.attacks import ATTACKS, Attack

NAMED = {
    "encoder": ENCODERS, "decoder": DECODERS, "noise": NOISES, "family": FAMILIES, "target": TARGETS,
    "data set": LOADERS, "metric": METRICS, "attack": ATTACKS,
}  # fmt: skip
ENTRIES = {"metric": (Metric, "a Metric(name, function)"), "attack": (Attack, "an Attack(function)")}
OWN = {what: dict(table) for what, table in NAMED.items()}  # the project's
PREFIX = "snnmi_code_"  # and a digest: the name of a module that was made of such a file
_latest = [""]  # the module that was run last: what it registers stands in the tables
# Modules that it imported from beside it, with their files' content.
_beside: dict[str, tuple[Path, bytes]] = {}
_added: list[str] = []  # its folder, where the path that Python imports from lacked it
_digests: dict[str, str] = {}  # of such modules, with all that they imported from beside them


def load(path: str | Path | None) -> Path | None:
    """Run the file, unless it was the last one that was and has not changed; its absolute path.

    It may import modules that lie beside it: an edit of one is an edit of the file. Only a file that was named is ever
    run. Raises ValueError where there is no such Python file, or where it fails.
    """
    if path is None:
        return None
    path = given_file(path).resolve()
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"code is {str(path)!r}, expected a Python file of yours")
    content = path.read_bytes()
    name = PREFIX + hashlib.sha256(content).hexdigest()[:10]
    same = name == _latest[0] and sys.modules[name].__file__ == str(path)
    if not same or any(not file.is_file() or file.read_bytes() != held for file, held in _beside.values()):
        try:
            _run(name, path, content)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise ValueError(f"{path} fails where it is run: {type(error).__name__}: {error}") from error
        for what, key, thing in _registered():
            _look(path, what, key, thing)
        _latest[0] = name
    return path


def own(what: str, key: str | None) -> object | None:
    """A user's entry of a table; None where there is none, or it is the project's."""
    thing = NAMED[what].get(key)
    return None if thing is OWN[what].get(key) else thing


def _registered() -> Iterator[tuple[str, str, object]]:
    """What is not the project's: what it is, its name, and itself."""
    for what, table in NAMED.items():
        for key in table:
            if (thing := own(what, key)) is not None:
                yield what, key, thing


def piece(thing: object) -> object:
    """The function of an entry."""
    return getattr(thing, "score", getattr(thing, "invert", thing))


def _run(name: str, path: Path, content: bytes) -> None:
    """Run a file's content as a module, with its folder before all others from which it imports.

    Neither it nor what lies beside it is taken from Python's caches, which would take an edit of the same second and
    size for the file as it was.
    """
    others = {other: sys.modules.pop(other) for other in _lying_in(path.parent)}
    for other in _beside:
        sys.modules.pop(other, None)
    sys.path[:] = [folder for folder in sys.path if folder not in _added]
    sys.modules[name] = module = ModuleType(name)
    module.__file__ = str(path)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, folder := str(path.parent))
    importlib.invalidate_caches()
    try:
        exec(compile(content, path, "exec"), module.__dict__)
    finally:
        sys.dont_write_bytecode = written
        sys.path.remove(folder)
        _added[:] = [folder] * (folder not in sys.path)  # for what is imported when a function is called
        sys.path += _added
    _beside.clear()
    all_content = hashlib.sha256(content)
    for other in sorted(_lying_in(path.parent)):
        if file := getattr(sys.modules[other], "__file__", None):
            _beside[other] = Path(file), (held := Path(file).read_bytes())
            all_content.update(other.encode() + held)
    sys.modules.update({other: module for other, module in others.items() if other not in sys.modules})
    _digests[name] = all_content.hexdigest()[:10]


def _lying_in(folder: Path) -> list[str]:
    """Modules that were imported and are a folder's own, none of the project's; packages with all that is theirs."""
    tops = {__name__.partition(".")[0]: False}
    for name, module in [*sys.modules.items()]:
        top, file = name.partition(".")[0], getattr(module, "__file__", None)
        if file and top not in tops and Path(file).is_relative_to(folder):
            tops[top] = Path(file).relative_to(folder).parts[0].partition(".")[0] == top
    return [name for name in sys.modules if tops.get(name.partition(".")[0])]


def _look(path: Path, what: str, key: str, thing: object) -> None:
    """Raises ValueError where something is registered that no run could use, or under a name that pages would read."""
    if key != plain(key):
        raise ValueError(
            f"{path} registers {key!r}, which tables and figures would read as more than a name: "
            f"expected letters, digits and '_', '.', '+', '-' between them, such as {plain(key)!r}"
        )
    kind, expected = ENTRIES.get(what, (Callable, "a function"))
    if what != "data set" and not isinstance(thing, kind):
        raise ValueError(
            f"{path} registers the {what} {key!r} as a {type(thing).__name__}, expected {expected}"
        )
    if what == "attack":
        try:
            json.dumps(dict(thing.how))
            inspect.signature(thing.invert).bind(None, [0], (8, 8), seed=0, **thing.how)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{path}: the attack {key!r} cannot be called with its settings ({error}), expected a function "
                "(box, labels, image_shape, *, seed, ...) and numbers or texts as how"
            ) from None


def function(named: str) -> tuple[Callable, str]:
    """What `file.py:name` names, and the digest of the code it stands in; nothing but a file that was named is run."""
    where, _, name = named.rpartition(":")
    try:
        load(where)
        found = operator.attrgetter(name)(sys.modules[_latest[0]])
    except (ValueError, OSError) as error:
        raise ValueError(f"{named}: {error}, expected file.py:function") from None
    except AttributeError:
        raise ValueError(f"{named}: {where} has no function {name!r}") from None
    if not callable(found):
        method = f": did you mean {name}.predict_proba?" * hasattr(found, "predict_proba")
        raise ValueError(f"{named}: {name} is a {type(found).__name__}, expected a function{method}")
    return found, _digests[_latest[0]]


def only_here() -> list[str]:
    """Names that another process would not know: what was registered in this one and comes from no such file."""
    return [key for _, key, thing in _registered() if not loaded(piece(thing))]


def latest() -> str | None:
    """The digest of the file that was run last; None where none was."""
    return _digests.get(_latest[0])


def loaded(thing: object) -> str | None:
    """The digest of such a file as it was when it was run; None for what comes from elsewhere."""
    module = getattr(thing, "__module__", None) or ""
    return _digests.get(_latest[0] if module in _beside else module)
