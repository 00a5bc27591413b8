#!/bin/sh
# Train a phase that no longer improves with the preset plateau_breaker (docs/presets.md).
#   ./breakthrough_training.sh                        the last phase of pipeline.yaml
#   ./breakthrough_training.sh phase2 --plan          another one; further options go to run_pipeline
#   BATCH_SIZE=12 EPOCHS=80 ./breakthrough_training.sh
set -eu
cd "$(dirname "$0")"

python=.venv/bin/python
[ -x "$python" ] || python=$(command -v python3) || { echo "There is no .venv and no python3: make install first." >&2; exit 2; }

# Without a phase among the arguments, the last one in pipeline.yaml.
case "${1-}" in
    "" | -*) set -- "$("$python" -m xtts_finetune.cli.last_phase "$@")" "$@" && [ -n "$1" ] || exit 2 ;;
esac
exec "$python" -m xtts_finetune.cli.run_pipeline \
    --optimization-level plateau_breaker --batch-size "${BATCH_SIZE:-24}" --epochs "${EPOCHS:-150}" "$@"
