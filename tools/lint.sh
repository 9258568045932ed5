#!/usr/bin/env bash
# Check formatting (clang-format) and run clang-tidy over the library, the program and lipcheck.
#
#   usage: lint.sh BUILD        BUILD holds compile_commands.json
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
for tool in git clang-format clang-tidy; do
    command -v "$tool" >/dev/null || {
        echo "lint: $tool is not there; on Debian: apt-get install $tool" >&2
        exit 1
    }
done
[ -e "$build/compile_commands.json" ] || {
    echo "lint: $build/compile_commands.json is not there; run 'make' first" >&2
    exit 1
}
mapfile -t all < <(git ls-files '*.c' '*.h')
clang-format --dry-run -Werror "${all[@]}"
# findings go to standard output; standard error only counts the warnings in system headers
log=$(mktemp)
trap 'rm -f "$log"' EXIT
git ls-files 'src/*.c' 'cli/*.c' 'check/*.c' | xargs -P 2 -n 6 clang-tidy --quiet -p "$build" 2>"$log" || {
    grep -v 'warnings\? generated\|Suppressed' "$log" >&2 || true
    exit 1
}
echo "lint: ${#all[@]} files formatted, no findings"
