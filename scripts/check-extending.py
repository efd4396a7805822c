#!/usr/bin/env python3
"""Writes the files that a page shows into a copy of the tree, and applies its diffs.

usage: scripts/check-extending.py PAGE TREE      (see check-extending.sh)

A file: a line that is its path in backquotes and a colon, and the Swift block after it. A diff: as `diff -u` writes it,
without line numbers.
"""
import os
import re
import sys


def main(page, tree):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    files = re.findall(r"^`(Sources/\S+\.swift)`:\n+```swift\n(.*?)^```$", text, re.M | re.S)
    diffs = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    if len(files) != 4 or len(diffs) != 4:
        sys.exit(f"check-extending: {len(files)} files and {len(diffs)} diffs instead of four")
    for path, source in files:
        shown = os.path.join(tree, path)
        if os.path.exists(shown):
            sys.exit(f"check-extending: {path} is there already")
        with open(shown, "w", encoding="utf-8") as file:
            file.write(source)
    for diff in diffs:
        lines = diff.splitlines()
        path = next(line[len("+++ b/"):] for line in lines if line.startswith("+++ b/"))
        hunk = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
        old = "\n".join(line[1:] for line in hunk if not line.startswith("+")) + "\n"
        new = "\n".join(line[1:] for line in hunk if not line.startswith("-")) + "\n"
        shown = os.path.join(tree, path)
        with open(shown, encoding="utf-8") as file:
            source = file.read()
        if source.count(old) != 1:
            sys.exit(f"check-extending: the diff of {path} fits {source.count(old)} places")
        with open(shown, "w", encoding="utf-8") as file:
            file.write(source.replace(old, new))


if __name__ == "__main__":
    main(*sys.argv[1:])
