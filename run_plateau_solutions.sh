#!/bin/sh
# Race all remedies for a phase that no longer improves (docs/solving.md). The same command continues after a stop.
#   ./run_plateau_solutions.sh                        the last phase of pipeline.yaml
#   ./run_plateau_solutions.sh phase2 --steps 600     another one; further options go to xtts-finetune solve
set -eu
cd "$(dirname "$0")"

python=.venv/bin/python
[ -x "$python" ] || python=$(command -v python3) || { echo "There is no .venv and no python3: make install first." >&2; exit 2; }

# Without a phase among the arguments, the last one in pipeline.yaml.
case "${1-}" in
    "" | -*) set -- "$("$python" -m xtts_finetune.cli.last_phase "$@")" "$@" && [ -n "$1" ] || exit 2 ;;
esac
exec "$python" -m xtts_finetune.cli.main solve "$@" --race
