"""Files on disk: where a chapter's paths lie, and writing that a kill at any moment cannot spoil."""

import errno
import os
import secrets
import time
import zipfile
from contextlib import suppress
from pathlib import Path

HALF = ".half"  # ends the name of a file that is being written
ABANDONED = 3600.0  # seconds after which nobody writes it any more
LARGEST = 4 << 30  # bytes that an archive may unpack to


def cache() -> Path | None:
    """This user's folder for what can be had again; None without a home directory."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(given):
        given = ""
        if os.environ.get("HOME") != "":  # of an empty one Python makes the root
            with suppress(RuntimeError):
                given = str(Path.home() / ".cache")
    return Path(given, "snnmi") if os.path.isabs(given) else None


def place(path: str | Path) -> Path:
    """Where a relative path of a chapter's lies: in the project, if that holds the working directory (a notebook's
    kernel may start in book/), else in the working directory.
    """
    project, here = Path(__file__).parents[1], Path.cwd()
    return (project if here.is_relative_to(project) else here) / Path(path).expanduser()


def given_file(path: str | Path) -> Path:
    """A file of the user's: where `place` says, or in the working directory."""
    there, here = place(path), Path(path).expanduser().absolute()
    return here if here.exists() and not there.exists() else there


def opened(path: Path) -> zipfile.ZipFile:
    """A zip, from whomever; ValueError where it is no file (a pipe would be waited for), or where its files say that
    together they unpack to more than LARGEST (what they do not say is not unpacked).
    """
    if not path.is_file():
        raise ValueError("it is no file")
    archive = zipfile.ZipFile(path)
    if (size := sum(member.file_size for member in archive.infolist())) > LARGEST:
        archive.close()
        raise ValueError(f"it unpacks to {size / 2**30:.1f} GiB, expected at most {LARGEST / 2**30:.1f}")
    return archive


def atomic_write(path: Path, content: bytes) -> None:
    """Write so that a kill at any moment leaves the old file or the new one: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{HALF}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        error.filename = error.filename or str(path)  # which says what, and not always where
        raise
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:  # network drives and FUSE know no such thing
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(folder)


def sweep(folder: Path) -> None:
    """Remove what `atomic_write` left here when it was killed, once nobody can still be writing it."""
    for path in folder.glob(f".*{HALF}"):
        with suppress(FileNotFoundError):  # another process may sweep, too
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()
