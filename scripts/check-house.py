#!/usr/bin/env python3
"""House rules that no compiler sees, held against Sources/, the last against Tests/ too. Standard library only.

usage: scripts/check-house.py [SOURCES]      exit 1 with FILE:LINE for each place where a rule is broken

- No file is longer than 400 lines, nor any line than 120 characters.
- No circle between the folders of a folder: where a file in one names a type that another declares, none of the other's
  names one of the first's. What stands in a target's root or beside the folders is their front door, and left out.
- No cast to a protocol that is a capability of an environment, agent or model: capabilities are optional values.
- No memory of a buffer that a call has just returned: `f(makeBuffer().read)` frees it before `f` runs.
"""
import os
import re
import sys
from collections import defaultdict

LONGEST_FILE, LONGEST_LINE = 400, 120
# File under Sources: why it may be longer.
LONG_FILES = {}
CAPABILITIES = """
    Simulation Environment ValueEnvironment TracedEnvironment SnapshotEnvironment EnvironmentWrapper
    KnownDynamics KnownDynamicsParts TabularTask TabularEnvironment ChangingEnvironment
    Agent TabularAgent Policy RowPolicy
    DynamicsModel DifferentiableModel ImaginesPlans PlanScorer DifferentiablePlanScorer SearchModel
    """.split()

CAST = re.compile(
    r"\b(?:as[?!]|is|case\s+(?:let|var)\s+\w+\s+as)\s*\(?\s*(?:any\s+)?(" + "|".join(CAPABILITIES) + r")\b")
TEMPORARY = re.compile(r"\w\((?:[^()]|\([^()]*\))+\)\.(?:read|readOnly|rows|memory|base)\b(?!\()")
KINDS = r"(?:class|struct|enum|protocol|actor|typealias)\s+([A-Z]\w*)"
DECLARATION = re.compile(rf"\b{KINDS}|\bassociatedtype\s+([A-Z]\w*)")
TOP_DECLARATION = re.compile(rf"^((?:@?\w+(?:\([^)]*\))?\s+)*?){KINDS}", re.M)
NAME = re.compile(r"(?<![\w.])[A-Z]\w*")


def code_only(text):
    """The text with comments and strings blanked out, line by line; code inside an interpolation stays."""
    out, place, end = [], 0, len(text)
    # What surrounds the place: None for code, "(" for code inside an interpolation with its open parentheses, or the
    # string's delimiter.
    stack = [[None, 0]]
    while place < end:
        kind = stack[-1][0]
        if kind is None or kind == "(":
            if text.startswith("//", place):
                stop = text.find("\n", place)
                place = end if stop < 0 else stop
                continue
            if text.startswith("/*", place):
                depth, stop = 1, place + 2
                while depth and stop < end:
                    if text.startswith("/*", stop):
                        depth, stop = depth + 1, stop + 2
                    elif text.startswith("*/", stop):
                        depth, stop = depth - 1, stop + 2
                    else:
                        stop += 1
                out.append("\n" * text.count("\n", place, stop))
                place = stop
                continue
            quote = re.compile(r'(#*)("""|")').match(text, place)
            if quote:
                stack.append([quote.group(2) + quote.group(1), 0])
                place = quote.end()
                continue
            character = text[place]
            if kind == "(":
                stack[-1][1] += {"(": 1, ")": -1}.get(character, 0)
                if stack[-1][1] < 0:
                    stack.pop()
            out.append(character)
            place += 1
            continue
        hashes = "#" * kind.count("#")
        if text.startswith(kind, place):
            stack.pop()
            place += len(kind)
        elif text.startswith("\\" + hashes + "(", place):
            stack.append(["(", 0])
            place += 2 + len(hashes)
            out.append(" ")
        elif not hashes and text[place] == "\\":
            place += 2
        else:
            if text[place] == "\n":
                out.append("\n")
            place += 1
    return "".join(out)


def circles(edges):
    """Groups of nodes that reach each other."""
    def reached(start):
        seen, open_nodes = set(), [start]
        while open_nodes:
            for other in edges.get(open_nodes.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    open_nodes.append(other)
        return seen

    reach = {node: reached(node) for node in sorted(edges)}
    groups = {tuple(sorted(b for b in reach[a] if a in reach.get(b, ()))) for a in reach if a in reach[a]}
    return sorted(groups)


class Source:
    def __init__(self, root, path):
        self.path, self.shown = path, os.path.join(root, path)
        with open(self.shown, encoding="utf-8") as file:
            self.lines = file.read().splitlines()
        self.code = code_only("\n".join(self.lines)) if path.endswith(".swift") else ""
        # Types at the top of the file that others may name, and all that would hide another of the same name.
        self.declared = {
            name for modifiers, name in TOP_DECLARATION.findall(self.code) if "private" not in modifiers}
        self.hidden = {name for names in DECLARATION.findall(self.code) for name in names}

    def uses(self):
        """(name, line) of the types named here."""
        for number, line in enumerate(self.code.split("\n"), 1):
            for match in NAME.finditer(line):
                if match.group() not in self.hidden:
                    yield match.group(), number


def sizes(source):
    if len(source.lines) > LONGEST_FILE and source.path not in LONG_FILES:
        yield f"{source.shown}:{LONGEST_FILE + 1}: the file has {len(source.lines)} lines"
    for number, line in enumerate(source.lines, 1):
        if len(line) > LONGEST_LINE:
            yield f"{source.shown}:{number}: {len(line)} characters"


def casts(source):
    for number, line in enumerate(source.code.split("\n"), 1):
        for match in CAST.finditer(line):
            yield f"{source.shown}:{number}: a cast to the capability {match.group(1)}: `{match.group()}`"


def temporaries(source):
    for number, line in enumerate(source.code.split("\n"), 1):
        for match in TEMPORARY.finditer(line):
            yield f"{source.shown}:{number}: memory of a buffer that nobody keeps: `{match.group()}`"


def folder_circles(sources):
    """Every folder with several folders in it: circles among these."""
    folders = defaultdict(lambda: defaultdict(list))
    for source in sources:
        parts = source.path.split(os.sep)[:-1]
        for depth in range(1, len(parts)):
            folders[os.sep.join(parts[:depth])][parts[depth]].append(source)
    for parent, children in sorted(folders.items()):
        homes = defaultdict(set)
        for child, members in children.items():
            for source in members:
                for name in source.declared:
                    homes[name].add(child)
        edges, places = defaultdict(set), defaultdict(list)
        for child, members in sorted(children.items()):
            for source in members:
                for name, number in source.uses():
                    for home in homes.get(name, ()):
                        # A name that is declared at home too is that one.
                        if home != child and child not in homes[name]:
                            edges[child].add(home)
                            places[child, home].append((source.shown, number, name))
        for group in circles(edges):
            for child, home in sorted(places):
                if child in group and home in group:
                    (shown, number, name), more = places[child, home][0], len(places[child, home]) - 1
                    yield (f"{shown}:{number}: {child} names {name} of {home}, in the circle {' ⇄ '.join(group)} of "
                           f"{parent}" + (f" (and {more} more)" if more else ""))


def files_under(root, endings):
    return sorted(
        os.path.relpath(os.path.join(folder, file), root)
        for folder, _, files in os.walk(root) for file in files if file.endswith(endings))


def main(root):
    sources = [Source(root, path) for path in files_under(root, (".swift", ".c", ".h"))]
    findings = [finding for source in sources for rule in (sizes, casts, temporaries) for finding in rule(source)]
    findings += folder_circles(sources)
    tests = os.path.join(os.path.dirname(root), "Tests")
    findings += [finding for path in files_under(tests, ".swift") for finding in temporaries(Source(tests, path))]
    for path in sorted(LONG_FILES):
        if all(source.path != path or len(source.lines) <= LONGEST_FILE for source in sources):
            findings.append(f"{os.path.join(root, path)}:1: no longer needs its place in LONG_FILES of this script")
    if not sources:
        sys.exit(f"check-house: no sources under {root}")
    print("\n".join(findings) if findings else f"ok   check-house: {len(sources)} files")
    if findings:
        sys.exit(f"check-house: {len(findings)} places break a rule")


if __name__ == "__main__":
    default = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Sources")
    main(os.path.relpath(sys.argv[1] if len(sys.argv) > 1 else default))
