"""Where data sets lie: the folder that `SNNMI_DATA` names, then the cache, which downloads go to."""

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from snnmi import files
from snnmi.own_data import UNREADABLE, in_a_line

Fetched = TypeVar("Fetched")
# What systems leave about: Macs, NAS boxes, Windows; and what begins with a dot.
LITTER = {"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
AGAIN = re.compile(r" ?\(\d+\)(?=\.|$)")  # what a browser adds to the name of what it has downloaded before


def is_litter(name: str) -> bool:
    """Whether this lies where no person has put it."""
    return any(part in LITTER or part.startswith(".") and part.strip(".") for part in name.split("/"))


def cache() -> Path:
    """Raises FileNotFoundError where this user has no home directory."""
    if (found := files.cache()) is None:
        said = "this user has no home directory to keep data sets in: name a folder for them in SNNMI_DATA"
        raise FileNotFoundError(said)
    return found


def folders() -> list[Path]:
    """Where files are looked for, the first first."""
    if not (given := os.environ.get("SNNMI_DATA")):
        return [cache()]
    return [Path(os.path.expanduser(given)), *filter(None, [files.cache()])]


def find(
    names: Iterable[str], inside: Iterable[str] = ("",), test: Callable[[Path], bool] = Path.exists
) -> Path | None:
    """The first of these names, in whatever case, that is in one of the folders, or `inside` it; a browser's numbered
    copy where there is no other.
    """
    for folder in folders():
        for place in inside:
            paths = [path for path in sorted((folder / place).glob("*")) if test(path)]
            here = {AGAIN.sub("", path.name.lower()): path for path in reversed(paths)}
            here |= {path.name.lower(): path for path in paths}
            if found := [here[name] for name in names if name in here]:
                return found[0]
    return None


def missing(name: str, what: str) -> str:
    """Which files are wanted, and a folder that works."""
    folder, *others = folders()
    how = "or name in SNNMI_DATA the folder that holds it"
    if others:
        how = f"which SNNMI_DATA names{'' if folder.is_dir() else ' and which is not there'}"
    return (
        f"data set {name!r} is not on this machine, {what} missing: put what is missing into {folder}, {how}"
    )


def members(path: Path, ending: str, expected: str) -> dict[str, Callable[[], bytes]]:
    """The files of a folder or a zip whose names end so, in whatever case, each with what reads it; nothing is unpacked
    by its own path, and litter is left out.
    """
    if path.is_dir():
        inside = {
            p.relative_to(path).as_posix(): p.read_bytes for p in sorted(path.rglob("*")) if p.is_file()
        }
    else:
        try:
            archive = files.opened(path)
        except UNREADABLE as error:
            said = in_a_line(error)
            raise ValueError(f"{path} is not a readable zip ({said}), expected {expected}") from None
        inside = {  # as some on Windows write it
            name.replace("\\", "/"): partial(archive.read, name) for name in archive.namelist()
        }
    return {n: read for n, read in inside.items() if n.lower().endswith(ending) and not is_litter(n)}


def fetch(download: Callable[[Path], Fetched], absent: str) -> Fetched:
    """What `download` makes of a folder that it fills and finds right; only what it leaves there then is kept, in the
    cache. Raises FileNotFoundError, after what `missing` says, for a login page or half a file.
    """
    patience = socket.getdefaulttimeout()
    try:
        kept = cache()
        kept.mkdir(parents=True, exist_ok=True)
        socket.setdefaulttimeout(30)
        with TemporaryDirectory(dir=kept, prefix=".download-") as root:
            found = download(Path(root))
            shutil.copytree(root, kept, dirs_exist_ok=True, copy_function=os.replace)
        return found
    except UNREADABLE as error:
        raise FileNotFoundError(f"{absent} (download failed: {in_a_line(error)})") from None
    finally:
        socket.setdefaulttimeout(patience)
