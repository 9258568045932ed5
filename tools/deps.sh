#!/usr/bin/env bash
# Install what lipcert needs on Debian 12 or newer, and only what is missing.
#
#   tools/deps.sh            to build the library and the program
#   tools/deps.sh --tests    also to run the tests; HiGHS too, where it can be had
#   tools/deps.sh --highs    also HiGHS, which linear programs need: the Debian package where there is
#                            one, else the PyPI package highsbox, unpacked into build/deps/highs
#                            (LIPCERT_DEPS: another folder than build/deps); no Python installation is
#                            touched; lipcert is complete without it
#   tools/deps.sh --dry-run  say what is missing, change nothing; exit status 1 if something is
#
# When nothing is missing nothing is run, so no root is needed.  The network is used only to install.
set -eu

build_packages="build-essential cmake pkg-config libopenblas-dev liblapacke-dev libprotobuf-c-dev
    protobuf-c-compiler libzip-dev zlib1g-dev libmd-dev libjansson-dev
    libdsdp-dev"
test_packages="coinor-csdp dsdp libcmocka-dev libmpfr-dev python3 python3-numpy python3-scipy python3-onnx
    libonnx-testdata valgrind openmpi-bin python3-venv python3-sklearn"

say() { printf 'deps: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; }

# Those of "$@" that are not installed.
missing() {
    local package
    for package in "$@"; do
        installed "$package" || printf '%s ' "$package"
    done
}

installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Run a command as root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

updated=no
update_lists() {
    [ "$updated" = no ] || return 0
    updated=yes
    say "apt-get update"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        say "apt-get update failed; trying with the package lists that are there"
}

# Debian with apt, and root or sudo; otherwise one sentence that says what to install by hand.
need_apt() {
    command -v apt-get >/dev/null ||
        die "this is not Debian (no apt-get): install the equivalents of: $*"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "not root and no sudo: ask an administrator for: apt-get install $*"
}

install_packages() {
    need_apt "$@"
    update_lists
    say "apt-get install $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        </dev/null >&2 || die "apt-get could not install: $*"
}

# Debian 13 and newer package HiGHS; on Debian 12 take the binary distribution from PyPI.
install_highs() {
    installed libhighs-dev && return 0
    [ -e "$deps/highs/include/highs/interfaces/highs_c_api.h" ] && return 0
    if [ "$dry_run" = yes ]; then
        say "missing: HiGHS"
        status=1
        return 0
    fi
    if command -v apt-cache >/dev/null; then
        need_apt libhighs-dev
        update_lists
        if apt-cache policy libhighs-dev | grep -q 'Candidate: [0-9]'; then
            install_packages libhighs-dev
            return 0
        fi
    fi
    install_highsbox
}

# highsbox is a wheel that holds highsbox/highs_dist/{include,lib,bin}; pip only fetches and unpacks.
install_highsbox() {
    local python=/usr/bin/python3 stage="$deps/highs.part"
    [ -x "$python" ] || install_packages python3
    "$python" -m pip --version >/dev/null 2>&1 || install_packages python3-pip
    say "highsbox (HiGHS from PyPI) into $deps/highs"
    rm -rf "$stage"
    mkdir -p "$stage"
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
        --retries 1 --no-deps --no-compile --only-binary :all: --target "$stage" 'highsbox>=1.7,<2' >&2 ||
        die "pip could not fetch highsbox; install libhighs-dev or put HiGHS into $deps/highs"
    [ -e "$stage/highsbox/highs_dist/include/highs/interfaces/highs_c_api.h" ] ||
        die "highsbox is not laid out as expected: no highs_dist/include/highs/interfaces/highs_c_api.h"
    rm -rf "$deps/highs"
    mv "$stage/highsbox/highs_dist" "$deps/highs"
    rm -rf "$stage"
}

tests=no highs=no dry_run=no
for option in "$@"; do
    case $option in
    --tests) tests=yes ;;
    --highs) highs=yes ;;
    --dry-run) dry_run=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) die "unknown option '$option'; expected --tests, --highs, --dry-run or --help" ;;
    esac
done

root=$(cd "$(dirname "$0")/.." && pwd)
deps=${LIPCERT_DEPS:-$root/build/deps}
status=0
wanted=$build_packages
[ "$tests" = no ] || wanted="$wanted $test_packages"

# shellcheck disable=SC2086,SC2116  # package lists are split into words on purpose
command -v dpkg-query >/dev/null ||
    die "this is not Debian (no dpkg-query): install the equivalents of: $(echo $wanted)"
# shellcheck disable=SC2086
lacking=$(missing $wanted)
if [ -n "$lacking" ] && [ "$dry_run" = yes ]; then
    say "missing: $lacking"
    status=1
elif [ -n "$lacking" ]; then
    # shellcheck disable=SC2086
    install_packages $lacking
fi
if [ "$highs" = yes ]; then
    install_highs
elif [ "$tests" = yes ] && [ "$dry_run" = no ]; then
    (install_highs) || say "going on without HiGHS: tests of linear programs will be skipped"
fi
exit $status
