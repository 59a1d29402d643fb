#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install_test.sh PART FOLDER ...: one test of what cmake --install writes, in a folder of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
part=$1 folder=$2
installed=$folder/installed
export CUDA_VISIBLE_DEVICES=  # as on a machine without a GPU
# The compilers are those of the build, in CC and CXX.

fail() { echo "$*" >&2; exit 1; }

# What server and plugin print where there is no GPU: FILE VERSION
require_server() { grep -q '^model: mma_s8:.* CTAs$' "$1" && grep -q '^there is no GPU 0' "$1" || fail "server printed: $(<"$1")"; }
require_plugin() { [ "$(head -n 1 "$1")" = "$2" ] && grep -q '^there is no GPU 0' "$1" || fail "plugin printed: $(<"$1")"; }

case $part in
  # Installed under one prefix, then moved: nothing may remember where it was.
  stage)
    build=$3
    rm -rf "$folder"
    DESTDIR=$folder/stage cmake --install "$build" --prefix /ditune --strip >/dev/null
    mv "$folder/stage/ditune" "$installed"
    "$installed/bin/ditune" --version >/dev/null
    ! grep -rnF -e "$folder" -e "$build" -e "$source" "$installed"/*/cmake "$installed"/*/pkgconfig || fail "an installed file names a folder of the build"
    ;;

  # Every public header is there and compiles alone, as do those that it includes.
  headers)
    compile() { echo "#include <ditune/$header>" | "$@" -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$installed/include" -; }
    for header in $(find "$source/include/ditune" "$installed/include/ditune" -regex '.*[.]\(h\|hpp\|cuh\)' -printf '%f\n' | sort -u); do
      echo "$header"
      compile "$CXX" -x c++ -std=c++20
    done
    header=ditune.h
    compile "$CC" -x c -std=c99
    ;;

  find_package)
    version=$3 generator=$4
    # README.md shows lines of the project.
    "$source/tests/cli/readme_blocks" "$source/README.md" 'cmake test=CMakeLists.txt' >"$folder/readme"
    [ -s "$folder/readme" ] || fail "README.md does not show how to find the package"
    ! grep -vFx -f "$here/project/CMakeLists.txt" "$folder/readme" || fail "README.md has a line that tests/install/project has not"
    rm -rf "$folder/build"
    cmake -S "$here/project" -B "$folder/build" -G "$generator" -DCMAKE_PREFIX_PATH="$installed" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
    grep -q "^ditune_DIR:PATH=$installed/" "$folder/build/CMakeCache.txt" || fail "another ditune was found"
    # The project's own options: ditune's warnings, for one, are not among them.
    ! grep -E -- '-W(all|extra|error)' "$folder/build/compile_commands.json" || fail "ditune's warnings are turned on for its users"
    cmake --build "$folder/build"
    "$folder/build/server" >"$folder/server.out"
    "$folder/build/plugin" >"$folder/plugin.out"
    require_server "$folder/server.out"
    require_plugin "$folder/plugin.out" "$version"
    ;;

  # A project of the C ABI alone, without what the C++ API needs.
  c_alone)
    version=$3 generator=$4
    configure() { # WORDS of find_package
      rm -rf "$folder/c_build"
      cmake -S "$here/c_project" -B "$folder/c_build" -G "$generator" -DCMAKE_PREFIX_PATH="$installed" -DDITUNE_ASKED="$1" >"$folder/c_alone.out" 2>&1
    }
    says() { tr -s ' \n' ' ' <"$folder/c_alone.out" | grep -qF -- "$1" || fail "no word of '$1': $(<"$folder/c_alone.out")"; }
    missing="the C++ API, needs packages that are not found: fmt, SQLite3"
    ! configure "COMPONENTS;cxx" || fail "the C++ API is found without what it needs"
    says "$missing"
    ! configure "COMPONENTS;c;fortran" || fail "a component that is none is found"
    says "ditune has no component fortran"
    for asked in "COMPONENTS;c" "COMPONENTS;c;OPTIONAL_COMPONENTS;cxx" ""; do
      configure "$asked" || fail "find_package(ditune $asked): $(<"$folder/c_alone.out")"
    done
    says "$missing"
    cmake --build "$folder/c_build"
    "$folder/c_build/plugin" >"$folder/c_plugin.out"
    require_plugin "$folder/c_plugin.out" "$version"
    ;;

  # The same project where ditune is fetched instead of installed: the names are the same. Configured, not built.
  fetch)
    generator=$3
    rm -rf "$folder/fetch"
    cmake -S "$here/project" -B "$folder/fetch" -G "$generator" -DCMAKE_PROJECT_ditune_user_INCLUDE="$here/fetch.cmake" -DDITUNE_SOURCE="$source"
    ;;

  pkg_config)
    version=$3
    export PKG_CONFIG_LIBDIR
    PKG_CONFIG_LIBDIR=$(dirname "$(find "$installed" -name ditune.pc)")
    [ "$(pkg-config --modversion ditune)" = "$version" ] || fail "ditune.pc is of version $(pkg-config --modversion ditune)"
    # shellcheck disable=SC2046,SC2086  # options, a word each
    $CC -std=c99 -pedantic -Wall -Wextra -Werror $(pkg-config --cflags ditune) "$here/project/plugin.c" -o "$folder/plugin" $(pkg-config --libs ditune)
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir ditune) "$folder/plugin" >"$folder/pkg_config.out"
    require_plugin "$folder/pkg_config.out" "$version"
    ;;

  *) fail "install_test.sh: no part '$part'" ;;
esac
