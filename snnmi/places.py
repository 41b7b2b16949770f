"""Where data sets lie: the folder that `SNNMI_DATA` names, then the cache, which downloads go to."""

import http.client
import os
import re
import urllib.request
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from snnmi import files
from snnmi.own_data import UNREADABLE, in_a_line

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
    try:
        return [Path(os.path.expanduser(given)), cache()]
    except FileNotFoundError:
        return [Path(os.path.expanduser(given))]


def _is_file_or_folder(path: Path) -> bool:
    return path.is_file() or path.is_dir()


def find(
    names: Iterable[str], inside: Iterable[str] = ("",), test: Callable[[Path], bool] = _is_file_or_folder
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


def members(path: Path, ending: str, most: int, expected: str) -> dict[str, Callable[[], bytes]]:
    """The files of a folder or a zip whose names end so, in whatever case, each with what reads at most so many of its
    bytes; nothing is unpacked by its own path, and litter is left out.
    """
    if path.is_dir():
        inside = {p.relative_to(path).as_posix(): p for p in sorted(path.rglob("*")) if p.is_file()}
        found = {name: partial(_read, p.open, "rb", most) for name, p in inside.items()}
    else:
        try:
            archive = zipfile.ZipFile(path)
        except UNREADABLE as error:
            said = in_a_line(error)
            raise ValueError(f"{path} is not a readable zip ({said}), expected {expected}") from None
        inside = {
            one.filename.replace("\\", "/"): one for one in archive.infolist()
        }  # as some on Windows write it
        found = {name: partial(_read, partial(archive.open, one), "r", most) for name, one in inside.items()}
    return {
        n: read
        for n, read in found.items()
        if n.lower().endswith(ending) and n[-1] != "/" and not is_litter(n)
    }


def _read(begin: Callable, mode: str, most: int) -> bytes:
    with begin(mode) as file:
        return file.read(most)


def fetch(url: str, name: str, absent: str, *, check: Callable[[Path], object]) -> Path:
    """Download into the cache what `check` finds right; a login page or half a file is said, after what `missing` says,
    and not kept.
    """
    path, found = cache() / name, ""
    part = files.unique(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=30) as response:
            part.write_bytes(response.read())
        check(part)
        part.replace(path)
    except ValueError as error:
        found = f"what came from {url} is something else: {in_a_line(error)}"
    except (OSError, http.client.HTTPException) as error:
        found = f"download from {url} failed: {in_a_line(error)}"
    finally:
        if part.is_file():
            part.unlink()
    if found:
        raise FileNotFoundError(f"{absent} ({found})")
    return path
