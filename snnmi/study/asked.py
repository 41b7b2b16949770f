"""What PARAMS="-p noise strokes" asks for: `make book` hands it to the chapters that have it, before any of them runs;
`make grid` (`jobs`) makes jobs of it.
"""

import ast
import json
import os
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import papermill
import yaml

from snnmi import checks


def parameters(text: str) -> dict[str, object]:
    """Those of papermill's options -p and -y, the last of a name. Raises ValueError for anything else."""
    try:
        words = shlex.split(text)
    except ValueError as error:  # a quote that is not closed
        _refuse(str(error))
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-p", "--parameters", nargs=2, action="append", default=[])
    parser.add_argument("-y", "--parameters_yaml", action="append", default=[])
    parser.error = _refuse  # in a line, without how the program is used
    given = parser.parse_args(words)
    found: dict[str, object] = {}
    for text in given.parameters_yaml:
        try:
            found |= yaml.safe_load(text)
        except (yaml.YAMLError, TypeError, ValueError):
            _refuse(f"{text!r} is no mapping in YAML")
    return found | {name: _value(text) for name, text in given.parameters}


def _refuse(what: str) -> None:
    raise ValueError(f"PARAMS: {what}, expected such as -p noise strokes -p datasets mine.npz")


def _value(text: str) -> object:
    """As papermill reads it: numbers, True, False and None; else text."""
    with suppress(ValueError, SyntaxError, RecursionError):
        if isinstance(found := ast.literal_eval(text), (bool, int, float, type(None))):
            return found
    return text


def handed(given: Mapping[str, object], chapters: Sequence[Path]) -> dict[str, dict[str, object]]:
    """Of every chapter, by its name, what is given and a parameter of it; ValueError for one that none has."""
    known = {chapter.stem: {*papermill.inspect_notebook(str(chapter))} for chapter in chapters}
    checks.known("any chapter", given, set().union(*known.values()))
    return {name: {key: value for key, value in given.items() if key in own} for name, own in known.items()}


def main(folder: str, *words: str) -> None:
    """A file for papermill's -f for each chapter: of `words`, then of the environment's PARAMS."""
    given = parameters(shlex.join(words)) | parameters(os.environ.get("PARAMS", ""))
    for name, own in handed(given, sorted(Path("book").glob("*.ipynb"))).items():
        file = Path(folder) / f"{name}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(own, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
