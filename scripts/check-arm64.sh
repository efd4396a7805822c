#!/usr/bin/env bash
# The C kernels compiled for arm64 and run in an emulator, against every variant of x86-64 that this machine has: a hash
# of all that each kernel computes has to be the same. Some minutes of one core.
# usage: scripts/check-arm64.sh [--install]     --install: fetches what is missing with apt-get
#
# Needs the Swift toolchain's clang and lld, an emulator (qemu-user), and arm64's C library and libgcc. Without them it
# says so and passes.
. "$(dirname "$0")/common.sh"
install=
options install "$@"
packages="qemu-user libc6-dev-arm64-cross libgcc-12-dev-arm64-cross"
target=(--target=aarch64-linux-gnu)

if [ -n "$install" ]; then
  need apt-get "this works on Debian and its children only"
  # The number in libgcc's package is that of the distribution's compiler.
  apt-get update -qq
  libgcc="$(apt-cache pkgnames libgcc- | grep -E '^libgcc-[0-9]+-dev-arm64-cross$' | sort -V | tail -1)"
  read -ra list <<< "${packages/libgcc-12-dev-arm64-cross/$libgcc}"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${list[@]}" > /dev/null
fi

if [ "$(uname -sm)" != "Linux x86_64" ]; then
  skip "arm64 is compared with x86-64 on Linux, and this is $(uname -sm)"
  exit 0
fi
need clang "it comes with the Swift toolchain, https://swift.org/install"
emulator=
for name in qemu-aarch64 qemu-aarch64-static; do
  if command -v $name > /dev/null; then emulator=$name; fi
done
temporary_folder
echo 'int main(void) { return 0; }' > "$work/empty.c"
if [ -z "$emulator" ] || ! clang "${target[@]}" -fuse-ld=lld -static "$work/empty.c" -o "$work/empty" 2> "$work/log" \
  || ! "$emulator" "$work/empty"
then
  skip "no emulator or no C library of arm64, install with: apt-get install $packages (or $me.sh --install)"
  exit 0
fi

# Every function of the public header has to occur, but for those that compute nothing.
grep -ohE '\bck_[a-z0-9_]+\(' Sources/CKernels/include/*.h | tr -d '(' | sort -u \
  | grep -vE '^ck_(isa_(best|available|current|select|name)|pool_threads|tile_width|bfloat16_(is_native|peak))$' \
  > "$work/names"
while read -r name; do
  grep -q "\b$name(" scripts/kernel-hash.c || complain "scripts/kernel-hash.c does not run $name"
done < "$work/names"

# build FOLDER FLAG …
build() {
  local folder="$work/$1" source job jobs=()
  shift
  mkdir "$folder"
  for source in scripts/kernel-hash.c Sources/CKernels/*.c; do
    clang "$@" -O2 -ISources/CKernels/include -c "$source" -o "$folder/$(basename "$source" .c).o" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || fail "the kernels do not compile for $(basename "$folder")"; done
  clang "$@" -fuse-ld=lld "$folder"/*.o -lm -lpthread -o "$folder/kernel-hash"
}
build x86-64
build arm64 "${target[@]}" -static
"$emulator" "$work/arm64/kernel-hash" > "$work/arm64.hashes" || fail "arm64 ended with $?"
for variant in portable avx2 avx512; do
  code=0
  MBRL_ISA=$variant "$work/x86-64/kernel-hash" > "$work/hashes" 2> "$work/log" || code=$?
  if [ $code = 2 ]; then skip "this machine has no $variant"; continue; fi
  [ $code = 0 ] || { cat "$work/log"; fail "x86-64 $variant ended with $code"; }
  different="$(sort "$work/hashes" "$work/arm64.hashes" | uniq -u | cut -d ' ' -f 1 | sort -u | tr '\n' ' ')"
  if [ -z "$different" ]; then ok "x86-64 $variant and arm64: $(wc -l < "$work/hashes") kernels, the same bytes"
  else complain "x86-64 $variant and arm64 differ in: $different"
  fi
done
finished
