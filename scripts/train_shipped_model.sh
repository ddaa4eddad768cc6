#!/usr/bin/env bash
# Trains the shipped model anew: two runs that judge every word, the n-grams, a run that reads both ways, the bundle. Explained in docs/experiments.md.
set -euo pipefail

usage() {
  cat <<'END'
Usage: scripts/train_shipped_model.sh [ENCODER] [OUTPUT]

  ENCODER  folder of the pretrained encoder, or its name on the hub   [encoders/e5ru]
  OUTPUT   folder of the bundle                                       [my-model]

Reads the files that configs/data/shared.yaml names. Environment:
  MINUTES  of the three runs                 ["70 100 82"]
  THREADS  of torch                          [2]
  PYTHON   an environment with the extra cpu [python]
  DATA     choice of configs/data            [shared]
  RUN      name of the runs                  [shipped]

Two cores and 10 GB of memory for four and a half hours, as it stands. A run that was interrupted goes on from its last checkpoint.
END
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
esac
readonly ENCODER=${1:-encoders/e5ru} OUTPUT=${2:-my-model}
readonly PYTHON=${PYTHON:-python} THREADS=${THREADS:-2} DATA=${DATA:-shared}
read -r FIRST SECOND THIRD <<<"${MINUTES:-70 100 82}"
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

bundle() {
  # All held-out replies, so that the scale of the answers and the weight of the n-grams do not hang on a few thousand of them.
  "$PYTHON" -m turn_detection.commands export_onnx "checkpoints/$1/best.ckpt" --output "$2" --name turn-detection-ru --no-plain \
    --model.history_turns=1 "--export.ngrams=checkpoints/$RUN-2/ngrams.npz" --data.max_validation_replies=40000 \
    --export.max_validation_samples=80000
}

train "$RUN-1" "--train.max_minutes=$FIRST"
# A warm restart at a lower rate, with more made speech: the curve still rises.
train "$RUN-2" "--model.checkpoint=checkpoints/$RUN-1/best.ckpt" "--train.max_minutes=$SECOND" --train.learning_rate=1.5e-4 \
  --data.spoken_samples=360000
[[ -f checkpoints/$RUN-2/ngrams.npz ]] ||
  "$PYTHON" -m turn_detection.commands fit_ngrams "checkpoints/$RUN-2/best.ckpt" --output "checkpoints/$RUN-2/ngrams.npz"
bundle "$RUN-2" "checkpoints/$RUN-2/bundle"
# The encoder was pretrained to read both ways, and the last word is all that is asked for. What has been learned so far teaches, n-grams
# included.
train "$RUN-3" "--model.checkpoint=checkpoints/$RUN-2/best.ckpt" --model.attention=full --train.cuts=random \
  "--train.teachers=[checkpoints/$RUN-2/bundle]" --train.teacher_share=0.4 "--train.max_minutes=$THIRD" \
  --train.learning_rate=1.2e-4 --train.head_learning_rate=5e-4 --data.spoken_samples=400000
bundle "$RUN-3" "$OUTPUT"
