#!/usr/bin/env bash
# The test suite and the C kernels under sanitizers, each in a build folder of its own.
# usage: scripts/sanitize.sh [kernels] [address] [thread]     default: all of them
#
# kernels  C kernels alone, unoptimised: address and undefined-behaviour sanitizers at once, then the thread sanitizer
# address  all tests, Swift and C, under the address sanitizer (leaks apart: Swift's runtime keeps some memory for good),
#          the C kernels under the undefined-behaviour sanitizer as well; for Swift its own checks of bounds, overflow and
#          exclusive access stand, which an optimised build has too
# thread   all tests under the thread sanitizer
#
# The tests are built optimised: without, the learning tests would take hours.
# Not possible: the memory sanitizer (the Swift runtime is not built for it).
set -euo pipefail
cd "$(dirname "$0")/.."
base="${SANITIZE_BUILD:-.build}"
failed=()

run() { # NAME FLAGS …
  local name="$1"
  shift
  local start=$SECONDS scratch="$base/sanitize-$name"
  if ! swift build -c release --build-tests --scratch-path "$scratch" "$@" > "$base/sanitize-$name.log" 2>&1; then
    tail -20 "$base/sanitize-$name.log"
    echo "FAIL sanitize $name: it does not build"
    failed+=("$name")
    return
  fi
  if swift test -c release --skip-build --scratch-path "$scratch" "$@" >> "$base/sanitize-$name.log" 2>&1 \
    && ! grep -qE "ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:" "$base/sanitize-$name.log"
  then
    echo "ok   sanitize $name: $(grep -oE "Test run with [0-9]+ tests.*" "$base/sanitize-$name.log" | tail -1) ($((SECONDS - start)) s)"
  else
    grep -nE "ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:|recorded an issue|error:" "$base/sanitize-$name.log" | head -20
    echo "FAIL sanitize $name: see $base/sanitize-$name.log"
    failed+=("$name")
  fi
}

kernels() {
  local folder="$base/sanitize-kernels" start=$SECONDS
  mkdir -p "$folder"
  local set kind source flags runtime
  runtime="$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/swift/linux"
  for kind in address,undefined thread; do
    rm -f "$folder"/*.o
    : > "$folder/log"
    for source in scripts/sanitize-kernels.c Sources/CKernels/*.c; do
      flags="-O0 -fsanitize=$kind -fno-sanitize-recover=all -fno-omit-frame-pointer"
      # The variants hold no threads; watching each of their accesses would take minutes to compile.
      case "$kind $source" in "thread "*/variant_*) flags=-O2 ;; esac
      # shellcheck disable=SC2086
      clang -g $flags -ISources/CKernels/include -c "$source" -o "$folder/$(basename "$source" .c).o" >> "$folder/log" 2>&1 &
    done
    wait
    # The toolchain's thread sanitizer knows Dispatch and wants it linked.
    flags="-lm -lpthread"
    [ $kind != thread ] || [ ! -d "$runtime" ] || flags+=" -L$runtime -Wl,-rpath,$runtime -ldispatch -lBlocksRuntime"
    # shellcheck disable=SC2086
    clang -fsanitize=$kind "$folder"/*.o $flags -o "$folder/kernels" >> "$folder/log" 2>&1 \
      || { cat "$folder/log"; failed+=(kernels); return; }
    for set in avx2 avx512 portable; do
      if MBRL_ISA=$set TSAN_OPTIONS=halt_on_error=1 "$folder/kernels" > "$folder/log" 2>&1; then
        echo "ok   sanitize kernels, $kind, $set: $(tail -1 "$folder/log") ($((SECONDS - start)) s)"
      else
        head -40 "$folder/log"
        echo "FAIL sanitize kernels, $kind, $set"
        failed+=(kernels)
      fi
    done
  done
}

mkdir -p "$base"
[ $# -gt 0 ] || set -- kernels address thread
# All findings at once.
export ASAN_OPTIONS="detect_leaks=0:halt_on_error=0:${ASAN_OPTIONS:-}"
for name in "$@"; do
  case "$name" in
    kernels) kernels ;;
    address) run address --sanitize=address -Xswiftc -sanitize-recover=address -Xcc -fsanitize=undefined -Xcc -fno-sanitize-recover=undefined ;;
    thread) run thread --sanitize=thread ;;
    *) echo "usage: scripts/sanitize.sh [kernels] [address] [thread]" >&2; exit 2 ;;
  esac
done
if [ ${#failed[@]} -gt 0 ]; then echo "sanitize: FAILED: ${failed[*]}"; exit 1; fi
echo "sanitize: no findings"
