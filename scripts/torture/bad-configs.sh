#!/usr/bin/env bash
# Every bad configuration of Tests/Fixtures/configs, and one of 200 MB, shown to the release binary: exit 3, the golden
# message with all mistakes at once, nothing on standard output and nothing written.
# usage: bad-configs.sh [--accept]     --accept writes the present messages as the golden ones: read them before
. "$(dirname "$0")/common.sh"
folder="$PWD/Tests/Fixtures/configs"
accept=
options accept "$@"
cd "$work"
count=0
for file in "$folder"/*.json; do
  name="$(basename "$file")"
  cp "$file" "$name"
  code=0
  "$mbrl" train "$name" --out never > out 2> errors || code=$?
  [ $code = 3 ] || { cat errors; fail "$name: exit $code"; }
  [ ! -s out ] || fail "$name: something on standard output"
  [ ! -e never ] || fail "$name: something was written"
  sed '1s/^error: //' errors > found
  golden="${file%.json}.expected"
  if [ -n "$accept" ]; then
    sed -e 's/is not one of "[^;]*"/is not one of ⟨…⟩/' -e 's/expected one of .*, found/expected one of ⟨…⟩, found/' \
      -e 's/known here: .*/known here: ⟨…⟩/' -e 's/such as ".*"$/such as "⟨…⟩"/' found > "$golden"
  fi
  line=0
  [ "$(wc -l < found)" = "$(wc -l < "$golden")" ] || { cat found; fail "$name: other mistakes than in $golden"; }
  while IFS= read -r expected <&3 && IFS= read -r message <&4; do
    line=$((line + 1))
    pattern="$(printf '%s' "$expected" | sed 's/[][*?\\]/\\&/g; s/⟨…⟩/*/g')"
    # shellcheck disable=SC2053
    [[ $message == $pattern ]] || { cat found; fail "$name, line $line, should be: $expected"; }
  done 3< "$golden" 4< found
  # check says the same.
  code=0
  "$mbrl" config check "$name" > out 2> errors-of-check || code=$?
  [ $code = 3 ] && cmp -s errors errors-of-check || fail "$name: config check says something else"
  rm "$name"
  count=$((count + 1))
done
[ $count -ge 60 ] || fail "only $count files in $folder"
ok "$count bad configurations: exit 3, the golden message, nothing written"

{ printf '{"comment": "'; head -c 200000000 /dev/zero | tr '\0' x; printf '"}'; } > large.json
start=$(now)
expect 3 "larger than 16 MB" "$mbrl" train large.json --out never
took=$(($(now) - start))
[ $took -lt 3000 ] || fail "200 MB took $took ms"
[ ! -e never ] || fail "200 MB: something was written"
ok "a file of 200 MB: exit 3 after $took ms, unread"
mkdir folder.json
for odd in missing.json folder.json /dev/null; do
  code=0
  "$mbrl" train "$odd" --out never > out 2>&1 || code=$?
  [ $code = 3 ] || [ $code = 2 ] || { cat out; fail "$odd: exit $code"; }
done
ok "no file, a folder, no content: refused"
expect 2 "try: mbrl train" "$mbrl" trian
expect 2 "try: mbrl train" "$mbrl" train
expect 2 "--jobs" "$mbrl" train x.json --jobs 0
expect 2 "" "$mbrl" eval nowhere
ok "wrong arguments: exit 2 with the nearest right call"
finished
