#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a program's completion for a shell: generate.py bash|zsh|fish BASH-COMPLETION OUTPUT PROGRAM

The options, and what they are for, are what PROGRAM says at --help. The words that an option takes are those of its
completion for bash; where that is a template (*.in), PROGRAM prints its table of options, and the completion for bash is
made of it, too."""
import json
import os
import re
import subprocess
import sys

FOLDERS = ("--output", "--resume")
LICENCE = "# SPDX-License-Identifier: GPL-2.0-or-later"


class Option:
    def __init__(self, short, name, value, text):
        self.short, self.name, self.value = short, name, value
        self.help = text
        self.words = []
        self.is_list = False

    def text(self):
        """The beginning of its help, as far as it makes sense alone, without what shells would take for their own."""
        text = re.sub(r" \([^)]*\)", "", self.help)
        first = re.split(r"[;:]|, (?:see|such)", text)[0].strip()
        return re.sub(r"[\[\]\\]", "", first.replace("'", "’"))

    def takes_file(self):
        return self.value == "FILE"

    def takes_folder(self):
        return self.value == "DIR" or self.name in FOLDERS


def options_of(program):
    """From the lines "  -s, --name=VALUE   text", with the text going on in lines that are indented further."""
    single = os.path.basename(program) in ("kernels", "mandelbrot", "noise")
    helped = subprocess.run([program, "-help" if single else "--help"], capture_output=True, text=True, check=True).stdout
    head = r"^ +(?:(-\S), )?(--?[a-z][\w-]*)(?:\[?[= ]([A-Z][A-Z/]*)(?:[=[]\S*)?\]?)?(?: {2,}|$)(.*)"
    found = []
    for line in helped.splitlines():
        match = re.match(head, line)
        if match:
            found.append(Option(*match.groups()))
        elif found and re.match(r" {20,}\S", line):
            found[-1].help += " " + line.strip()
    return found


def words_of(text):
    """{option: its words}, from the branches of a completion for bash."""
    found = {}
    for names, body in re.findall(r"^\t(-[^)\n]*)\)(.*?);;", text, re.M | re.S):
        words = re.search(r"(?:-W|_guestscope_list) '?([\w][\w. -]*)'?", body)
        for name in names.split(" | "):
            found[name] = [word for word in words[1].split() if word[0] != "-"] if words else []
    return found


def table_of(program):
    """{option: its row}, as the program prints its table."""
    printed = subprocess.run([program, "--print-options"], capture_output=True, text=True, check=True).stdout
    return {"--" + row["name"]: row for row in json.loads(printed)}


def bash(_, options, template):
    """What the template has already stays as it is there."""
    branches = []
    for o in options:
        if not o.value or re.search(rf"^\t{o.name}\b.*\)", template, re.M):
            continue
        names = f"{o.name} | {o.short}" if o.short else o.name
        if o.is_list and o.words:
            body = f"_guestscope_list '{' '.join(o.words)}'"
        elif o.words:
            body = f"mapfile -t COMPREPLY < <(compgen -W '{' '.join(o.words)}' -- \"$cur\")"
        elif o.takes_file() or o.takes_folder():
            kind = "f" if o.takes_file() else "d"
            body = f"compopt -o filenames; mapfile -t COMPREPLY < <(compgen -{kind} -- \"$cur\")"
        else:
            body = ":"
        branches.append(f"\t{names}) {body} ;;")
    text = template.replace("@OPTIONS@", " ".join(o.name for o in options))
    return text.replace("@BRANCHES@", "\n".join(branches)).splitlines()


def zsh(program, options, _):
    yield f"#compdef {program}"
    yield LICENCE
    yield "_arguments -s \\"
    for o in options:
        action = ":_files" if o.takes_file() else ":_files -/" if o.takes_folder() else \
            f":({' '.join(o.words)})" if o.words else ": "
        value = f":{o.value.lower()}{action}" if o.value else ""
        equals = "=" if o.value and o.name.startswith("--") else ""
        yield f"\t'{o.name}{equals}[{o.text()}]{value}' \\"
        if o.short and o.short != "-?":
            yield f"\t'{o.short}[{o.text()}]{value}' \\"
    yield "\t'*:file:_files'"


def fish(program, options, _):
    yield LICENCE
    for o in options:
        kind = "-l" if o.name.startswith("--") else "-o"
        line = f"complete -c {program} {kind} {o.name.lstrip('-')}"
        if o.short and o.short != "-?":
            line += f" -s {o.short[1:]}"
        if o.value:
            line += " -r" if o.takes_file() or o.takes_folder() else " -x"
            if o.words:
                line += f" -a '{' '.join(o.words)}'"
        yield f"{line} -d '{o.text()}'"


def main(shell, completion, output, program):
    with open(completion, encoding="utf-8") as f:
        text = f.read()
    options, rows = options_of(program), table_of(program) if completion.endswith(".in") else None
    words = {name: row["words"] for name, row in rows.items()} if rows else words_of(text)
    for o in options:
        o.words = words.get(o.name, [])
        o.is_list = bool(rows) and rows.get(o.name, {}).get("kind") == "list"
    lines = {"bash": bash, "zsh": zsh, "fish": fish}[shell](os.path.basename(program), options, text)
    with open(output, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
