#!/bin/bash
# ./run.sh bench: how fast the code is there.
# ./run.sh [MINUTES] [further options of "python -m snnmi.study.offline chain", as --device cpu]: one slice of the work.
# Call it again until it says that all is done; then take results.zip home. On a machine that starts bare each time,
# take the folder results (weights, checkpoints) too, and put it back here before the next slice.
set -eu
cd "$(dirname "$0")"
PYTHON="${PYTHON:-python3}"
export PIP_CONFIG_FILE=/dev/null
[ -d site ] || "$PYTHON" -m pip --isolated install --quiet --no-index --no-deps --no-compile --target site wheels/*.whl
export PYTHONPATH="$PWD:$PWD/site" SNNMI_DATA="$PWD/data"
[ "${1:-}" != bench ] || exec "$PYTHON" bench.py --device cuda "${@:2}"
ended=0
timeout "${1:-9}m" "$PYTHON" -m snnmi.study.offline chain "${@:2}" || ended=$?
"$PYTHON" -m snnmi.study.offline pack  # what is finished goes home, whatever became of the rest
case $ended in
    0) echo "All is done" ;;
    124) echo "Not all is done: run it again" ;;
    *) exit $ended ;;
esac
