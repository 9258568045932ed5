#!/usr/bin/env bash
# Install into a fresh prefix and use lipcert from there in every way a user may: pkg-config with the
# shared and the static library, find_package with both, the header from C++, a moved prefix, and the
# installed program.
#
#   usage: run.sh BUILD SOURCE VERSION [CC] [CXX]
set -euo pipefail
build=$1 source=$2 version=$3 cc=${4:-cc} cxx=${5:-c++}
here=$source/tests/install
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >"$work/log" || {
    cat "$work/log"
    exit 1
}
mv "$work/first" "$work/moved" # nothing may depend on where it was installed first
prefix=$work/moved
pc=$(find "$prefix" -name lipcert.pc)
libdir=$(cd "$(dirname "$pc")/.." && pwd)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion lipcert)" = "$version" ] ||
    { echo "lipcert.pc says version $(pkg-config --modversion lipcert), expected $version"; exit 1; }

flags=(-std=c11 -Wall -Wextra -Werror "-DEXPECTED_VERSION=\"$version\"")
read -ra cflags < <(pkg-config --cflags lipcert)
read -ra shared < <(pkg-config --libs lipcert)
read -ra static < <(pkg-config --static --libs lipcert | sed 's/-llipcert\b/-l:liblipcert.a/')
[[ " ${static[*]} " == *" -l:liblipcert.a "* ]] || { echo "no -llipcert in --static --libs"; exit 1; }

echo "pkg-config, shared"
"$cc" "${flags[@]}" "${cflags[@]}" "$here/user.c" -o "$work/shared" "${shared[@]}"
LD_LIBRARY_PATH=$libdir "$work/shared"
echo "pkg-config, static"
"$cc" "${flags[@]}" "${cflags[@]}" "$here/user.c" -o "$work/static" "${static[@]}"
"$work/static"
echo "the example in README.md"
awk '/^## /{here = $0 == "## From C"} here && sub(/^    /, "") {print; next} here && !NF' \
    "$source/README.md" >"$work/readme.c"
grep -q 'int main' "$work/readme.c" || { echo "README.md has no program below '## From C'"; exit 1; }
"$cc" "${flags[@]}" "${cflags[@]}" "$work/readme.c" -o "$work/readme" "${shared[@]}"
(cd "$source" && LD_LIBRARY_PATH=$libdir "$work/readme") | grep ' <= L <= '
echo "examples/bound.c, and its certificate"
"$cc" "${flags[@]}" "${cflags[@]}" "$source/examples/bound.c" -o "$work/bound" "${shared[@]}"
(cd "$source" && LD_LIBRARY_PATH=$libdir "$work/bound" "$work/digits.cert") | grep ' <= L <= '
"$prefix/bin/lipcert" check "$source/examples/digits.onnx" "$work/digits.cert" |
    grep -Fx 's VERIFIED'
if (cd "$work" && LD_LIBRARY_PATH=$libdir ./bound none.cert 2>log); then
    echo "expected examples/bound.c to fail in a folder without examples/"
    exit 1
fi
grep -F 'examples/digits.onnx: ' "$work/log"
if command -v "$cxx" >/dev/null; then
    echo "header from C++"
    printf '#include <lipcert.h>\nint main() { return lip_version()[0] == 0; }\n' >"$work/user.cpp"
    "$cxx" -Wall -Wextra -Werror "${cflags[@]}" "$work/user.cpp" -o "$work/cpp" "${shared[@]}"
    LD_LIBRARY_PATH=$libdir "$work/cpp"
fi

echo "find_package, shared and static"
mkdir "$work/user"
cp "$here/user.c" "$work/user/"
cp "$here/CMakeLists.user.txt" "$work/user/CMakeLists.txt"
{
    cmake -S "$work/user" -B "$work/user/build" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_COMPILER="$cc" -DEXPECTED_VERSION="$version"
    cmake --build "$work/user/build"
} >"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}
"$work/user/build/user_lipcert"
"$work/user/build/user_lipcert_static"

# DSDPError and DSDPFError: functions of DSDP that print, replaced by silent ones (src/solve/dsdp.c)
echo "only public names are exported"
extra=$(nm -D --defined-only "$libdir/liblipcert.so" | awk '$3 !~ /^(lip_.*|DSDPF?Error)$/ {print $3}')
[ -z "$extra" ] || { echo "liblipcert.so exports names that are not its own:"; echo "$extra"; exit 1; }

echo "the installed program"
"$prefix/bin/lipcert" version | grep -F "$version"
