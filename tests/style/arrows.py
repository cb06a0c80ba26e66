#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which room uses which, found in the sources: arrows.py [--write]

Prints the arrows there are, as tests/style/arrows.txt lists them. --write brings the list in docs/architecture.md to what
arrows.txt says. Run it in the project's folder.

A room is a folder with C sources. It uses another by #include "ROOM/..."; a meson.build uses another by the name of a
library that the other's meson.build declares ("link", from folder to folder)."""
import os
import re
import subprocess
import sys

LIST = "tests/style/arrows.txt"
DOCUMENT = "docs/architecture.md"
BEGIN, END = "<!-- arrows: as in tests/style/arrows.txt -->\n", "<!-- arrows end -->"
FREE = ("tests", "bench")  # may use everything, and nothing uses them


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def sources():
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], capture_output=True, text=True, check=True)
    for path in listed.stdout.split("\0"):
        if os.path.isfile(path) and not path.startswith(tuple(f"{room}/" for room in FREE)):
            yield path


def includes(paths):
    for path in paths:
        if not path.endswith((".c", ".h")) or "/vendor/" in path:
            continue
        room = os.path.dirname(path)
        for target in re.findall(r'^\s*#\s*include "([^"]+)/[^"/]+"', read(path), re.M):
            if target != room:
                yield room, target


def links(paths):
    builds = {os.path.dirname(path): read(path) for path in paths if path.endswith("/meson.build")}
    declared = {name: room for room, text in builds.items()
                for name in re.findall(r"^(\w+) = declare_dependency", text, re.M)}
    for room, text in builds.items():
        for names in re.findall(r"dependencies: *(\[[^]]*\]|\w+)", text):
            for name in re.findall(r"\w+", names):
                if declared.get(name, room) != room:
                    yield f"link {room}", f"link {declared[name]}"


def reached(arrows, start):
    seen, todo = set(), [start]
    while todo:
        for target in arrows.get(todo.pop(), ()):
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


def arrows_there_are():
    """{room: the rooms it uses}"""
    paths = list(sources())
    found = {}
    for room, target in [*includes(paths), *links(paths)]:
        found.setdefault(room, set()).add(target)
    return found


def described(arrows):
    """One line for each room."""
    for room in sorted(arrows):
        yield f"{room} -> {' '.join(target.removeprefix('link ') for target in sorted(arrows[room]))}"


def circles(arrows):
    """The arrows that are parts of circles: whoever follows one comes back to where it began."""
    for room in sorted(arrows):
        for target in sorted(arrows[room]):
            if room in reached(arrows, target):
                yield f"{room} -> {target}"


def allowed_lines():
    return [line for line in read(LIST).splitlines() if line and not line.startswith("#")]


def document_block():
    return BEGIN + "\n" + "".join(f"    {line}\n" for line in allowed_lines()) + "\n" + END


def problems():
    arrows = arrows_there_are()
    allowed, there = set(allowed_lines()), set(described(arrows))
    for arrow in circles(arrows):
        yield f"part of a circle of rooms: {arrow}"
    for line in sorted(there - allowed):
        yield f"{LIST} does not allow: {line}"
    for line in sorted(allowed - there):
        yield f"{LIST} allows what is not, or no longer, so: {line}"
    if document_block() not in read(DOCUMENT):
        yield f"{DOCUMENT} does not print the arrows of {LIST}: run tests/style/arrows.py --write"


def write():
    text = re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: document_block(), read(DOCUMENT), flags=re.S)
    with open(DOCUMENT, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        print("\n".join(described(arrows_there_are())))
