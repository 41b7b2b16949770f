"""Files on disk: where a chapter's paths lie, and writing that a kill at any moment cannot spoil."""

import errno
import os
import time
from pathlib import Path

ABANDONED = 600.0  # seconds


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


def atomic_write(path: Path, content: bytes) -> None:
    """Write so that a kill at any moment leaves the old file or the new one: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
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
        if pid.isdigit() and not _runs(int(pid)) and time.time() - path.stat().st_mtime > ABANDONED:
            path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True
