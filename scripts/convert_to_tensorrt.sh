#!/usr/bin/env bash
# A plain ONNX graph to a TensorRT plan for Triton. Explained in docs/tensorrt.md.
set -euo pipefail

# Only the TensorRT that built a plan can load it: the tag is the one of the Triton image in docker-compose.yml.
readonly IMAGE="${TENSORRT_IMAGE:-nvcr.io/nvidia/tensorrt:25.06-py3}"

usage() {
  cat <<'END'
Usage: scripts/convert_to_tensorrt.sh [ONNX] [OUTPUT_DIR] [-- TRTEXEC_OPTION...]

Builds OUTPUT_DIR/model.plan for the GPU of this machine, whole or not at all.

  ONNX        plain fp32 or fp16 graph of a bundle, never the int8 one   [plain/model.onnx]
  OUTPUT_DIR  version folder of a Triton model                           [models/turn_detection/1]

The shapes come from the config.pbtxt beside OUTPUT_DIR, which
'turn-detection export_triton BUNDLE --kind tensorrt' writes. The precision is that of the graph.

Runs trtexec if this machine has it, otherwise the container of NVIDIA through docker.
  TRTEXEC         path of a trtexec to use
  TENSORRT_IMAGE  container image to use

Exit codes: 0 built, 1 the build failed, 2 wrong arguments or files, 3 neither trtexec nor docker.
END
}

fail() {
  local code=$1
  shift
  printf 'error: %s\n' "$*" >&2
  exit "$code"
}

check_graph() {
  local graph=$1
  [[ -f $graph ]] ||
    fail 2 "no such graph: $graph; 'turn-detection export_onnx CKPT' writes plain/model.onnx beside the bundle"
  # Names of operators, inputs and outputs stand in the file as they are.
  if LC_ALL=C grep -aqE 'uantizeLinear|MatMulInteger|ConvInteger|QLinear' -- "$graph"; then
    fail 2 "$graph is an int8 graph, which TensorRT does not take; give plain/model.onnx or plain/model.fp16.onnx of the bundle"
  fi
  local name
  for name in input_ids attention_mask logits; do
    LC_ALL=C grep -aqF -- "$name" "$graph" || fail 2 "$graph is no graph of this project: it has no $name"
  done
}

# Prints the shapes of both inputs: input_ids:1x16,attention_mask:1x16
shapes() {
  local config=$1 key=$2 found
  found=$(sed -n "s/.*key: \"profile_$key\" value: { string_value: \"\([^\"]*\)\" }.*/\1/p" "$config")
  [[ $found =~ ^input_ids:[0-9]+x[0-9]+,attention_mask:[0-9]+x[0-9]+$ ]] ||
    fail 2 "$config has no shapes for TensorRT; write it with 'turn-detection export_triton BUNDLE --kind tensorrt'"
  printf '%s' "$found"
}

trtexec_here() {
  if [[ -n ${TRTEXEC:-} ]]; then
    [[ -x $TRTEXEC ]] || fail 2 "TRTEXEC names no program: $TRTEXEC"
    printf '%s' "$TRTEXEC"
  else
    command -v trtexec || true
  fi
}

positional=()
while (($#)); do
  case $1 in
  -h | --help)
    usage
    exit 0
    ;;
  --)
    shift
    break
    ;;
  -*) fail 2 "unknown option $1; options of trtexec come after --, see --help" ;;
  *) positional+=("$1") ;;
  esac
  shift
done
((${#positional[@]} <= 2)) || fail 2 "too many arguments; see --help"

graph=${positional[0]:-plain/model.onnx}
output=$(realpath --canonicalize-missing -- "${positional[1]:-models/turn_detection/1}")
config=$(dirname -- "$output")/config.pbtxt

check_graph "$graph"
graph=$(realpath -- "$graph")
[[ -f $config ]] ||
  fail 2 "no $config; write it with 'turn-detection export_triton BUNDLE --kind tensorrt --output REPOSITORY'"
least=$(shapes "$config" min)
usual=$(shapes "$config" opt)
most=$(shapes "$config" max)
program=$(trtexec_here)
[[ -n $program ]] || command -v docker >/dev/null ||
  fail 3 "neither trtexec nor docker is here; run this on a machine with the GPU that will serve"

mkdir -p -- "$output" || fail 2 "cannot make $output"
work=$(mktemp -d -- "$output/.plan.XXXXXX") || fail 2 "cannot write in $output"
trap 'rm -rf -- "$work"' EXIT

# --stronglyTyped: precision is what the graph says. TensorRT 10 needs to be told, TensorRT 11 knows nothing else and ignores it.
arguments=(--stronglyTyped "--minShapes=$least" "--optShapes=$usual" "--maxShapes=$most" --skipInference "$@")
if [[ -n $program ]]; then
  command=("$program" "--onnx=$graph" "--saveEngine=$work/model.plan" "${arguments[@]}")
else
  command=(
    docker run --rm --gpus all --user "$(id -u):$(id -g)"
    --mount "type=bind,source=$(dirname -- "$graph"),target=/graph,readonly"
    --mount "type=bind,source=$work,target=/plan"
    "$IMAGE" trtexec "--onnx=/graph/$(basename -- "$graph")" --saveEngine=/plan/model.plan "${arguments[@]}"
  )
fi

SECONDS=0
"${command[@]}" || fail 1 "the build failed, its messages are above; $output was not changed"
[[ -s $work/model.plan ]] || fail 1 "the build left no plan; $output was not changed"
chmod a+r -- "$work/model.plan"
sync -- "$work/model.plan"
mv -f -- "$work/model.plan" "$output/model.plan"
printf 'built %s (%d bytes) in %d s\n' "$output/model.plan" "$(stat --format=%s -- "$output/model.plan")" "$SECONDS"
