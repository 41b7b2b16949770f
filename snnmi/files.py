"""Files on disk: where a chapter's paths lie, and writing that a kill at any moment cannot spoil."""

import errno
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

ABANDONED = 600.0  # seconds
DAY = 86_400.0  # after which nobody writes any more, whose process number whoever may have by now


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


def unique(path: Path) -> Path:
    """A hidden name beside `path`, of this process alone: two containers may count the same process numbers."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{os.getpid()}")


def atomic_write(path: Path, content: bytes) -> None:
    """Write so that a kill at any moment leaves the old file or the new one: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unique(path)
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
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
    """Remove what `atomic_write` left here when it was killed: of no process that runs, and untouched for a while (the
    folder may be shared with another machine's).
    """
    for path in folder.glob(".*.*"):
        pid = path.name.rpartition(".")[2]
        with suppress(FileNotFoundError):  # another process may sweep, too
            age = time.time() - path.stat().st_mtime
            if pid.isdigit() and (age > DAY or age > ABANDONED and not _runs(int(pid))):
                path.unlink()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True
