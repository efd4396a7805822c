#!/usr/bin/env bash
# Coverage-guided fuzzing (libFuzzer) of the readers of JSON, overrides, safetensors and CSV, and seeded structured
# fuzzing of the configuration reader. Stops at a crash, at an input that takes 5 seconds, and at 1 GB of memory.
# usage: scripts/fuzz.sh [--executions N] [--readers "json overrides safetensors csv configuration"]
#
# The four readers are compiled by themselves with -sanitize=fuzzer, apart from the package's own build; the
# configuration reader runs in the test suite (`swift build -c release --build-tests` first).
. "$(dirname "$0")/common.sh"
executions=1000000 readers="json overrides safetensors csv configuration"
options "executions= readers=" "$@"
need_swift
need clang "it comes with the Swift toolchain, https://swift.org/install"
build="${FUZZ_BUILD:-.build/fuzz}"
mkdir -p "$build"
build="$(cd "$build" && pwd)"

compile() {
  local source sources=()
  while read -r source; do sources+=("$source"); done < <(find Sources/Support Tests/Fuzz -name '*.swift' | sort)
  for source in Sources/CKernels/*.c; do
    clang -O2 -ISources/CKernels/include -c "$source" -o "$build/$(basename "$source" .c).o"
  done
  echo "module CKernels { umbrella \"$PWD/Sources/CKernels/include\" export * }" > "$build/module.modulemap"
  swiftc -O -wmo -swift-version 6 -package-name mbrl -module-name Support -parse-as-library -D LIBFUZZER \
    -sanitize=fuzzer -I "$build" "${sources[@]}" "$build"/*.o -o "$build/fuzzer"
}

# What the readers are shown first.
examples() {
  mkdir -p "$build/corpus-$1"
  case "$1" in
    json)
      for file in configs/*.json configs/*/*.json Tests/Fixtures/configs/*.json; do
        if [ -f "$file" ] && [ "$(wc -c < "$file")" -le 4096 ]; then cp "$file" "$build/corpus-json/"; fi
      done ;;
    overrides)
      printf 'a.0=1\na[1].b=[1,2,{"x":null}]\nc.d="text"\nc={}\ne.f.g=bare word' > "$build/corpus-overrides/some" ;;
    safetensors)
      foreign_safetensors > "$build/corpus-safetensors/one"
      printf '\x08\0\0\0\0\0\0\0{}      ' > "$build/corpus-safetensors/none" ;;
    csv) printf 'a,b,"c ""d"""\n1,,x\r\n-1.5e3,nan,"line\nbreak"\n7,8' > "$build/corpus-csv/some" ;;
  esac
}

compiled=
for reader in $readers; do
  if [ "$reader" = configuration ]; then
    FUZZ_EXECUTIONS=$executions swift test -c release --skip-build --filter ConfigurationFuzzTests 2>&1 \
      | grep -E "executions|passed|failed|error" || fail configuration
    continue
  fi
  if [ -z "$compiled" ]; then compile; compiled=yes; fi
  examples "$reader"
  if FUZZ_READER=$reader "$build/fuzzer" -runs="$executions" -seed=1 -max_len=4096 -timeout=5 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="$build/$reader-" "$build/corpus-$reader" > "$build/$reader.log" 2>&1
  then
    figures="$(sed -n 's/stat::number_of_executed_units: */executions /p; s/stat::average_exec_per_sec: */per second /p
      s/stat::peak_rss_mb: */peak MB /p; s/stat::slowest_unit_time_sec: */slowest s /p' "$build/$reader.log")"
    ok "$reader: ${figures//$'\n'/ } $(grep -o 'cov: [0-9]*' "$build/$reader.log" | tail -1)"
  else
    tail -25 "$build/$reader.log"
    fail "$reader: the input is beside $build/$reader.log"
  fi
done
