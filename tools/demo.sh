#!/usr/bin/env bash
# What `make demo` shows: bounds for the two example networks, each command printed before it runs.
#
#   usage: demo.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/.."
program=${1:-build}/cli/lipcert
[ -x "$program" ] || {
    echo "demo: $program is not there; run 'make' first" >&2
    exit 1
}

certificates=${1:-build}/demo
mkdir -p "$certificates"

title() { printf '\n### %s\n' "$*"; }
run() {
    printf '\n$ lipcert'
    printf ' %s' "$@"
    printf '\n'
    "$program" "$@"
}

title "A digits classifier, 64-32-32-10, and what is in the file"
run info examples/digits.onnx

title "Everywhere: all ten scores together, Euclidean norms"
run bound examples/digits.onnx --all --norm 2 --time 20 --certificate "$certificates/digits.cert"

title "Near one image (the digit 3), every pixel +-0.05: how fast can 'it is a 3' turn into 'it is an 8'?"
run bound examples/digits.onnx --margin 3,8 --norm inf --box examples/digits.csv 0.05 --row 3 \
    --scale 0.0625 --clip 0,1 --time 20

title "Its scores.  If score 3 - score 8 > upper * 0.05, no image in the box is more an 8 than a 3"
run eval examples/digits.onnx --input examples/digits.csv --row 3 --scale 0.0625

title "A pendulum controller, 2-10-10-1: torque per unit of state error, everywhere"
run bound examples/controller.onnx --norm inf --time 20

title "The same for small angles and velocities only"
run bound examples/controller.onnx --norm inf --box 0 0.1 --time 20 --certificate "$certificates/controller.cert"

title "Believe nobody: lipcheck shares no code with lipcert, and proves the bounds again from the certificates"
run check examples/controller.onnx "$certificates/controller.cert"
run check examples/digits.onnx "$certificates/digits.cert"
