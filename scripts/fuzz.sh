#!/usr/bin/env bash
# Coverage-guided fuzzing (libFuzzer) of the readers of JSON, overrides, safetensors and CSV, and seeded structured fuzzing
# of the configuration reader. Stops at a crash, at an input that takes 5 seconds, and at 1 GB of memory.
# usage: scripts/fuzz.sh [--executions N] [--readers "json overrides safetensors csv configuration"]
#
# The four readers are compiled by themselves with -sanitize=fuzzer, apart from the package's own build; the
# configuration reader runs in the test suite (`swift build -c release --build-tests` first).
set -euo pipefail
cd "$(dirname "$0")/.."
executions=1000000 readers="json overrides safetensors csv configuration"
while [ $# -gt 0 ]; do
  case "$1" in
    --executions) executions="$2" ;; --readers) readers="$2" ;;
    *) echo "usage: scripts/fuzz.sh [--executions N] [--readers LIST]" >&2; exit 2 ;;
  esac
  shift 2
done
build="${FUZZ_BUILD:-.build/fuzz}"
mkdir -p "$build"
build="$(cd "$build" && pwd)"

compile() {
  local source
  for source in Sources/CKernels/*.c; do
    clang -O2 -ISources/CKernels/include -c "$source" -o "$build/$(basename "$source" .c).o"
  done
  echo "module CKernels { umbrella \"$PWD/Sources/CKernels/include\" export * }" > "$build/module.modulemap"
  swiftc -O -wmo -swift-version 6 -package-name mbrl -module-name Support -parse-as-library -D LIBFUZZER \
    -sanitize=fuzzer -I "$build" Sources/Support/*.swift Tests/Fuzz/*.swift "$build"/*.o -o "$build/fuzzer"
}

# What the readers are shown first.
examples() {
  mkdir -p "$build/corpus-$1"
  case "$1" in
    json) for file in configs/*.json configs/*/*.json Tests/Fixtures/configs/*.json; do
      [ ! -f "$file" ] || [ "$(wc -c < "$file")" -gt 4096 ] || cp "$file" "$build/corpus-json/$(basename "$file")"; done ;;
    overrides) printf 'a.0=1\na[1].b=[1,2,{"x":null}]\nc.d="text"\nc={}\ne.f.g=bare word' > "$build/corpus-overrides/some" ;;
    safetensors)
      printf '\x60\0\0\0\0\0\0\0{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}        12345678' \
        > "$build/corpus-safetensors/one"
      printf '\x08\0\0\0\0\0\0\0{}      ' > "$build/corpus-safetensors/none" ;;
    csv) printf 'a,b,"c ""d"""\n1,,x\r\n-1.5e3,nan,"line\nbreak"\n7,8' > "$build/corpus-csv/some" ;;
  esac
}

compiled=
for reader in $readers; do
  if [ "$reader" = configuration ]; then
    FUZZ_EXECUTIONS=$executions swift test -c release --skip-build --filter ConfigurationFuzzTests 2>&1 \
      | grep -E "executions|passed|failed|error" || { echo "FAIL fuzz configuration" >&2; exit 1; }
    [ "${PIPESTATUS[0]}" = 0 ] || { echo "FAIL fuzz configuration" >&2; exit 1; }
    continue
  fi
  if [ -z "$compiled" ]; then compile; compiled=yes; fi
  examples "$reader"
  if FUZZ_READER=$reader "$build/fuzzer" -runs="$executions" -seed=1 -max_len=4096 -timeout=5 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="$build/$reader-" "$build/corpus-$reader" > "$build/$reader.log" 2>&1
  then
    echo "ok   fuzz $reader: $(sed -n 's/stat::number_of_executed_units: */executions /p; s/stat::average_exec_per_sec: */per second /p; s/stat::peak_rss_mb: */peak MB /p; s/stat::slowest_unit_time_sec: */slowest s /p' "$build/$reader.log" | tr '\n' ' ')$(grep -o 'cov: [0-9]*' "$build/$reader.log" | tail -1)"
  else
    tail -25 "$build/$reader.log"
    echo "FAIL fuzz $reader: the input is beside $build/$reader.log"
    exit 1
  fi
done
