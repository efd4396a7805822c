#!/usr/bin/env bash
# Builds everything in release (C at -O0 would be 16 times slower) and runs all tests.
# usage: scripts/test.sh [arguments of `swift test`, e.g. --filter PETSTests]
. "$(dirname "$0")/common.sh"
need_swift
swift build -c release --build-tests
swift test -c release --skip-build "$@"
