"""The project's own virtual environment: nobody's settings change what pip puts there, or where; and it may be moved.

python -I own_venv.py install ...   # pip, told of the user's settings only how to reach packages
python -I own_venv.py settle        # after the project was moved or copied: packages stay, paths are put right
"""

import ast
import os
import re
import site
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PIP = [sys.executable, "-I", "-m", "pip"]
REACH = """cache-dir cert client-cert default-timeout extra-index-url find-links index-url keyring-provider no-cache-dir
    no-index proxy retries timeout trusted-host use-deprecated use-feature""".split()
SETTING = re.compile(r"(global|install|:env:)\.([\w-]+)=(.*)")
HEADER = re.compile(
    rb"#!(?:/bin/sh\n'''exec' .*\n' '''|.*python[\d.]*)\n"
)  # of a script that pip has written


def pip(*words: str) -> int:
    """Its exit status."""
    asked = os.environ | {"PIP_USER": "0"}  # with it the list is of one file
    said = subprocess.run([*PIP, "config", "list"], env=asked, capture_output=True, text=True).stdout
    found = [match.groups() for line in said.splitlines() if (match := SETTING.fullmatch(line))]
    found.sort(key=lambda one: ["global", "install", ":env:"].index(one[0]))  # the last counts
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    for _, name, value in found:
        if name in REACH:
            env[f"PIP_{name.upper().replace('-', '_')}"] = ast.literal_eval(value)
    return subprocess.run([*PIP, *words], env=env | {"PIP_CONFIG_FILE": os.devnull}).returncode


def settle() -> None:
    """Scripts begin with this folder's Python, which finds this folder's module wherever it starts."""
    python = os.fsencode(sys.executable)
    for script in Path(sys.executable).parent.iterdir():
        content = script.read_bytes() if script.is_file() and not script.is_symlink() else b""
        header = HEADER.match(content)
        if header and python not in header[0]:
            content = content[header.end() :]
            script.write_bytes(b"#!/bin/sh\n'''exec' \"%s\" \"$0\" \"$@\"\n' '''\n" % python + content)
    here = f"import sys; sys.path.append({ascii(str(ROOT))})\n"  # ASCII: read in whatever encoding
    Path(site.getsitepackages()[0], "snnmi.pth").write_text(here)


if __name__ == "__main__":
    sys.exit(settle() if sys.argv[1:] == ["settle"] else pip(*sys.argv[1:]))
