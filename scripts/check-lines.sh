#!/usr/bin/env bash
# Lines of C, Python and shell beyond 120 characters. (Swift's are the formatter's and check-house.py's business.)
# usage: scripts/check-lines.sh
. "$(dirname "$0")/common.sh"
options "" "$@"
temporary_folder
{
  find Sources Tests scripts -name '*.[ch]' -o -name '*.py' -o -name '*.sh'
  find .ci -type f
} | sort > "$work/files"
while read -r file; do
  # Characters, not bytes, whatever the locale: what continues a character in UTF-8 is not counted.
  long="$(LC_ALL=C tr -d '\200-\277' < "$file" | LC_ALL=C awk -v file="$file" '
    length > 120 { print file ":" NR ": " length " characters" }')"
  [ -z "$long" ] || complain "${long//$'\n'/$'\n'FAIL $me: }"
done < "$work/files"
[ "$failures" -gt 0 ] || ok "$(wc -l < "$work/files" | tr -d ' ') files"
finished
