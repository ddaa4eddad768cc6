#!/usr/bin/env bash
# Trains the shipped model anew: two runs of the recipe, the n-grams, the bundle. Explained in docs/experiments.md.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/train_shipped_model.sh [ENCODER] [OUTPUT]

  ENCODER  folder of the pretrained encoder, or its name on the hub   [encoders/e5ru]
  OUTPUT   folder of the bundle                                       [my-model]

Reads the files that configs/data/shared.yaml names. Environment:
  MINUTES  of the first and the second run   ["70 100"]
  THREADS  of torch                          [2]
  PYTHON   an environment with the extra cpu [python]
  DATA     choice of configs/data            [shared]
  RUN      name of the runs                  [shipped]

Two cores and 10 GB of memory for three hours, as it stands. A run that was interrupted goes on from its last checkpoint.
END
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
esac
readonly ENCODER=${1:-encoders/e5ru} OUTPUT=${2:-my-model}
readonly PYTHON=${PYTHON:-python} THREADS=${THREADS:-2} DATA=${DATA:-shared}
read -r FIRST SECOND <<<"${MINUTES:-70 100}"
readonly RUN=${RUN:-shipped}

train() {
  local name=$1
  shift
  [[ -f checkpoints/$name/done ]] && return
  local resume=()
  [[ -f checkpoints/$name/last.ckpt ]] && resume=(--resume "checkpoints/$name/last.ckpt")
  "$PYTHON" -m turn_detection.commands train --experiment e5ru "--data=$DATA" "--model.encoder=$ENCODER" "--run_name=$name" \
    "--train.n_threads=$THREADS" "${resume[@]}" "$@"
  touch "checkpoints/$name/done"
}

train "$RUN-1" "--train.max_minutes=$FIRST"
# A warm restart at a lower rate, with more made speech: the curve still rises.
train "$RUN-2" "--model.checkpoint=checkpoints/$RUN-1/best.ckpt" "--train.max_minutes=$SECOND" --train.learning_rate=1.5e-4 \
  --data.spoken_samples=360000
"$PYTHON" -m turn_detection.commands fit_ngrams "checkpoints/$RUN-2/best.ckpt" --output "checkpoints/$RUN-2/ngrams.npz"
"$PYTHON" -m turn_detection.commands export_onnx "checkpoints/$RUN-2/best.ckpt" --output "$OUTPUT" --name turn-detection-ru --no-plain \
  --model.history_turns=1 "--export.ngrams=checkpoints/$RUN-2/ngrams.npz"
