#!/usr/bin/env bash
# A disk that fills up: exit 1 with the file's name, the last checkpoint intact, and once there is space again the same
# command ends in the bytes of an undisturbed run.
# usage: full-disk.sh [--every N] [--seed N]   the disk is full from some call on, for every Nth call, beginning with a
# random one (default 1: all of them)
. "$(dirname "$0")/common.sh"
some_calls "$@"
STEPS=70 settings disk
command=("$mbrl" train "$work/disk.json" --quiet checkpoint.every=15 model.epochs=2 evaluation.episodes=1)
expect 0 "" "${command[@]}" --out "$work/plain"
plain="$(seed_of "$work/plain")"

again() {
  if compgen -G "$work/full/*/seed-0/checkpoints/latest/state.json" > /dev/null; then
    expect 0 "" "$mbrl" inspect "$(seed_of "$work/full")"
  fi
  expect 0 "" "${command[@]}" --out "$work/full"
  same_bytes "$plain" "$(seed_of "$work/full")" "$1"
}

if preload; then
  expect 0 "" env LD_PRELOAD="$work/faults.so" FAULT=count FAULT_COUNT="$work/count" \
    "${command[@]}" --out "$work/count-run"
  count="$(cat "$work/count")"
  for fault in nospace once; do
    failed=0 survived=0
    random "$every"
    for ((call = 1 + choice; call <= count; call += every)); do
      rm -rf "$work/full"
      code env LD_PRELOAD="$work/faults.so" FAULT=$fault:$call "${command[@]}" --out "$work/full"
      case $code in
        0) survived=$((survived + 1)) ;;
        1)
          failed=$((failed + 1))
          grep -q "No space left" "$work/out" || { cat "$work/out"; fail "$fault:$call says no reason"; } ;;
        *) cat "$work/out"; fail "$fault:$call of $count ended with $code" ;;
      esac
      again "$fault at call $call of $count"
    done
    ok "$fault: full at $((failed + survived)) of $count calls: $failed failed with the reason, $survived went on" \
      "(log or last status only); all resumed to the same bytes"
  done
else
  skip "no preloading or no C compiler here: the disk is not filled call by call"
fi

# A limit on the size of a file, which sends SIGXFSZ to programs that do not expect it.
for blocks in 1 4 8 16; do
  rm -rf "$work/full"
  code=0
  (ulimit -f $blocks; exec "${command[@]}" --out "$work/full") > "$work/out" 2>&1 || code=$?
  [ $code = 1 ] || [ $code = 0 ] || { cat "$work/out"; fail "ulimit -f $blocks ended with $code"; }
  [ $code = 0 ] || grep -q "File too large" "$work/out" || { cat "$work/out"; fail "ulimit -f $blocks says no reason"; }
  first=$code
  again "ulimit -f $blocks"
  ok "files of at most $blocks blocks: exit $first, resumed to the same bytes"
done

# A real file system that is full, where one may be mounted.
mkdir "$work/small"
for kilobytes in 40 80 160 320; do
  if ! mount -t tmpfs -o size=${kilobytes}k none "$work/small" 2> /dev/null; then
    skip "no right to mount a small tmpfs"
    break
  fi
  trap 'umount "$work/small" 2> /dev/null || true; cleanup' EXIT
  code "${command[@]}" --out "$work/small/runs"
  [ $code = 1 ] || [ $code = 0 ] || { cat "$work/out"; fail "tmpfs of $kilobytes KB ended with $code"; }
  [ $code = 0 ] || grep -q "No space left" "$work/out" \
    || { cat "$work/out"; fail "tmpfs of $kilobytes KB says no reason"; }
  rm -rf "$work/full"
  mkdir "$work/full"
  first=$code
  [ ! -d "$work/small/runs" ] || cp -r "$work/small/runs/." "$work/full/"
  umount "$work/small"
  again "tmpfs of $kilobytes KB"
  ok "tmpfs of $kilobytes KB: exit $first, resumed elsewhere to the same bytes"
done
finished
