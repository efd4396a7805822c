#!/usr/bin/env bash
# Builds everything in release (C at -O0 would be 16 times slower) and runs all tests.
# usage: scripts/test.sh [arguments of `swift test`, e.g. --filter PETSTests]
# MBRL_FIXTURES=DIR scripts/test.sh --filter Golden: the golden tests with the files of a folder that is laid out as
# Tests/Fixtures, of any sizes and seeds; files that it lacks are skipped.
if [ -n "${MBRL_FIXTURES:-}" ]; then
  MBRL_FIXTURES="$(cd "$MBRL_FIXTURES" && pwd)" || exit 1
  export MBRL_FIXTURES
fi
. "$(dirname "$0")/common.sh"
need_swift
swift build -c release --build-tests
swift test -c release --skip-build "$@"
