#!/usr/bin/env bash
# Line coverage of check/ by the certificates of tests/certificates.
#
#   usage: coverage.sh [FOLDER] [PERCENT]     build in FOLDER (default build-coverage), lines that have
#                                             to be covered in percent (default 95)
#
# Prints the figure of every file and the lines that were not reached; tests/certificates/README.md says
# why those are left.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
folder=${1:-build-coverage}
least=${2:-95}
for tool in gcc gcov; do
    command -v "$tool" >/dev/null || {
        echo "coverage: $tool is not there; on Debian: apt-get install gcc" >&2
        exit 1
    }
done
mkdir -p "$folder"
cd "$folder"
rm -f ./*.gcda ./*.gcno ./*.gcov
gcc -std=c11 -O0 -g --coverage -ffp-contract=off -D_XOPEN_SOURCE=700 -DLIPCHECK_VERSION='"coverage"' \
    "$root"/check/*.c -o lipcheck -lm
# a failing test is still coverage, but is said
for test in test_certificates.py "test_mutations.py 500"; do
    set -- $test
    program=$1
    shift
    /usr/bin/python3 -B "$root/tests/certificates/$program" "$PWD/lipcheck" "$@" ||
        echo "coverage: $program failed" >&2
done
gcov -r -s "$root" ./*.gcda >/dev/null 2>&1
awk -v least="$least" '
    { count = $1; sub(/:$/, "", count); split($0, part, ":"); line = part[2] + 0 }
    line == 0 || count == "-" { next }
    { file = FILENAME; sub(/.*#/, "", file); sub(/\.gcov$/, "", file); all[file]++; total++ }
    count ~ /^[#=]/ { missed[file]++; misses++; text = $0; sub(/^[^:]*:[^:]*:/, "", text)
                      list = list sprintf("  %s:%d:%s\n", file, line, text) }
    END {
        for (file in all)
            printf "%-16s %5.1f %% of %d lines\n", file, 100 * (1 - missed[file] / all[file]), all[file]
        covered = total ? 100 * (1 - misses / total) : 0
        printf "not reached:\n%s", list
        printf "%.2f %% of %d lines in check/\n", covered, total
        exit covered < least
    }' ./*.c.gcov
