#!/usr/bin/env bash
# The test suite and the C kernels under sanitizers, each in a build folder of its own.
# usage: scripts/sanitize.sh [kernels] [address] [thread]     default: all of them
#
# kernels  C kernels alone, unoptimised: address and undefined-behaviour sanitizers at once, then the thread sanitizer
# address  all tests, Swift and C, under the address sanitizer (leaks apart: Swift's runtime keeps some memory for
#          good), the C kernels under the undefined-behaviour sanitizer as well; for Swift its own checks of bounds,
#          overflow and exclusive access stand, which an optimised build has too
# thread   all tests under the thread sanitizer
#
# The tests are built optimised: without, the learning tests would take hours.
# Not possible: the memory sanitizer (the Swift runtime is not built for it).
. "$(dirname "$0")/common.sh"
options ARGUMENTS "$@"
[ ${#arguments[@]} -gt 0 ] || arguments=(kernels address thread)
for name in "${arguments[@]}"; do [[ $name =~ ^(kernels|address|thread)$ ]] || usage; done
need_swift
need clang "it comes with the Swift toolchain, https://swift.org/install"
base="${SANITIZE_BUILD:-.build}"
findings="ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:"

run() { # NAME FLAGS …
  local name="$1" start=$SECONDS scratch="$base/sanitize-$1" log="$base/sanitize-$1.log"
  shift
  if ! swift build -c release --build-tests --scratch-path "$scratch" "$@" > "$log" 2>&1; then
    tail -20 "$log"
    complain "$name: it does not build"
  elif swift test -c release --skip-build --scratch-path "$scratch" "$@" >> "$log" 2>&1 && ! grep -qE "$findings" "$log"
  then
    ok "$name: $(grep -oE "Test run with [0-9]+ tests.*" "$log" | tail -1) ($((SECONDS - start)) s)"
  else
    grep -nE "$findings|recorded an issue|error:" "$log" | head -20
    complain "$name: see $log"
  fi
}

kernels() {
  local folder="$base/sanitize-kernels" log="$base/sanitize-kernels/log" start=$SECONDS
  mkdir -p "$folder"
  local set kind source flags runtime
  runtime="$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/swift/linux"
  for kind in address,undefined thread; do
    rm -f "$folder"/*.o
    : > "$log"
    for source in scripts/sanitize-kernels.c Sources/CKernels/*.c; do
      flags="-O0 -fsanitize=$kind -fno-sanitize-recover=all -fno-omit-frame-pointer"
      # The variants hold no threads; watching each of their accesses would take minutes to compile.
      case "$kind $source" in "thread "*/variant_*) flags=-O2 ;; esac
      # shellcheck disable=SC2086
      clang -g $flags -ISources/CKernels/include -c "$source" -o "$folder/$(basename "$source" .c).o" >> "$log" 2>&1 &
    done
    wait
    # The toolchain's thread sanitizer knows Dispatch and wants it linked.
    flags="-lm -lpthread"
    [ $kind != thread ] || [ ! -d "$runtime" ] || flags+=" -L$runtime -Wl,-rpath,$runtime -ldispatch -lBlocksRuntime"
    # shellcheck disable=SC2086
    clang -fsanitize=$kind "$folder"/*.o $flags -o "$folder/kernels" >> "$log" 2>&1 \
      || { cat "$log"; complain "kernels, $kind: they do not build"; return; }
    for set in avx2 avx512 portable; do
      if MBRL_ISA=$set TSAN_OPTIONS=halt_on_error=1 "$folder/kernels" > "$log" 2>&1; then
        ok "kernels, $kind, $set: $(tail -1 "$log") ($((SECONDS - start)) s)"
      else
        head -40 "$log"
        complain "kernels, $kind, $set"
      fi
    done
  done
}

mkdir -p "$base"
# All findings at once.
export ASAN_OPTIONS="detect_leaks=0:halt_on_error=0:${ASAN_OPTIONS:-}"
for name in "${arguments[@]}"; do
  case "$name" in
    kernels) kernels ;;
    address)
      run address --sanitize=address -Xswiftc -sanitize-recover=address -Xcc -fsanitize=undefined \
        -Xcc -fno-sanitize-recover=undefined ;;
    thread) run thread --sanitize=thread ;;
  esac
done
finished
