#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No finding of an analyser in the C code.

usage: lint.py clang-tidy|cppcheck SOURCE-FOLDER BUILD-FOLDER [--deep] [FILE...]

Looks at each C file that the build compiles, but for what is generated, with the build's own options; at those named
alone, if some are. .clang-tidy says which checks of clang-tidy count. Its analyser gives up on a function sooner than by
its default, which is a tenth of the time; --deep goes to the end. In tests and bench there are fewer checks, without the
analyser. What passed is remembered in the user's cache, for all clones, and not looked at again until something that it is
compiled from changes.

Exit status: 0; 1 with findings; 77 where the tool is missing or of another version.
"""
import contextlib
import functools
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
import idle  # noqa: E402

ROOMS = ("common", "workload", "guests", "collector", "reports")
MORE_ROOMS = ("tests", "bench")
# A test that crashes has failed already; sizes in it are small and known.
LESS = "--checks=-clang-analyzer-*,-bugprone-implicit-widening-of-multiplication-result"
KEPT_SECONDS = 30 * 24 * 3600  # since it was last of use
NODES = "20000"  # of paths through a function; clang's default is 225000
DECIDES = {"clang-tidy": "14", "cppcheck": "2.10"}  # versions; others find other things
# The analyser does not know __attribute__((cleanup)).
LEAK = re.compile(r"(Potential leak of memory|Potential memory leak).*\[clang-analyzer-unix\.Malloc")
# gcc's options that clang has not
NOT_CLANGS = ("-fno-tree-loop-distribute-patterns", "-ffixed-rbp")
CPPCHECK = ["cppcheck", "--quiet", "--error-exitcode=1", "--inline-suppr", "--std=c11", "--language=c",
            "--enable=warning,performance,portability", "--library=posix", "--library=gnu", "--max-configs=1",
            # it is no compiler, and does not know of every library
            "--suppress=missingIncludeSystem", "--suppress=missingInclude", "--suppress=unmatchedSuppression",
            # nor of __attribute__((cleanup)); leaks are AddressSanitizer's
            "--suppress=resourceLeak", "--suppress=memleak",
            # readdir_r() is deprecated by glibc, whose readdir() bears threads; getpwuid() is called by the only thread
            "--suppress=readdirCalled", "--suppress=getpwuidCalled",
            "--library=" + os.path.join(os.path.dirname(os.path.abspath(__file__)), "cppcheck.cfg")]


def commands(source, build, wanted):
    """One command for each file, by its path in the source folder."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        listed = json.load(f)
    found = {}
    for entry in listed:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), source)
        if path.split(os.sep)[0] in ROOMS + MORE_ROOMS and path.endswith(".c") and (not wanted or path in wanted):
            found.setdefault(path, entry)
    return found


@functools.cache
def clang_headers():
    """In place of gcc's own: stdint.h and the like belong to a compiler."""
    return "-idirafter" + os.path.join(run("clang", "-print-resource-dir").stdout.strip(), "include")


def options(entry):
    """Of the compiler: without itself, its input and its output."""
    words, kept = shlex.split(entry["command"]), []
    skip = 1 if words[0].endswith("ccache") else 0  # the compiler behind it
    for word in words[1:]:
        if skip:
            skip -= 1
        elif word in ("-o", "-MF", "-MQ", "-MT"):
            skip = 1
        elif not (word in ("-c", "-MD", entry["file"]) or word in NOT_CLANGS):
            kept.append(clang_headers() if word.startswith("-idirafter") else word)
    return kept


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, check=False, **more)


def compiled_from(build):
    """What ninja knows: {object: [path of each file that was read]}."""
    found = {}
    for line in run("ninja", "-C", build, "-t", "deps").stdout.splitlines():
        if line.startswith(" "):
            files.append(os.path.join(build, line.strip()))
        elif ": #deps" in line:
            files = found[line.partition(": #deps")[0]] = []
    return found


@functools.cache
def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def without_leaks(text):
    """clang-tidy's findings, each a line and what explains it."""
    found = re.split(r"(?m)^(?=\S+:\d+:\d+: (?:warning|error): )", text)
    return "".join(one for one in found if not LEAK.search(one.partition("\n")[0]))


class Linter:
    def __init__(self, tool, source, build, deep):
        self.tool, self.source, self.deep = tool, source, deep
        self.passed = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "guestscope", "lint")
        self.compiled_from = compiled_from(build)
        os.makedirs(self.passed, exist_ok=True)
        self.forget()
        version = run(tool, "--version").stdout
        with open(os.path.join(source, ".clang-tidy"), encoding="utf-8") as f, open(__file__, encoding="utf-8") as me, \
                open(os.path.join(source, "tests/gates/cppcheck.cfg"), encoding="utf-8") as config:
            self.same = version + f.read() + me.read() + config.read() + str(deep)

    def forget(self):
        for entry in os.scandir(self.passed):
            if entry.stat().st_mtime < time.time() - KEPT_SECONDS:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.path)

    def command(self, path, entry):
        if self.tool == "cppcheck":
            # without the build's own folders: it takes minutes for a generated header that is a whole program
            kept = [w for w in options(entry) if w.startswith(("-D", "-U"))] + ["-I" + self.source]
            return [*CPPCHECK, *kept, os.path.join(self.source, path)]
        nodes = [] if self.deep else ["-Xclang", "-analyzer-config", "-Xclang", "max-nodes=" + NODES]
        less = [LESS] if path.split(os.sep)[0] in MORE_ROOMS else []
        return ["clang-tidy", "--quiet", *less, os.path.join(self.source, path), "--", *options(entry), *nodes,
                "-Qunused-arguments", "-Wno-unknown-warning-option", "-Wno-ignored-optimization-argument"]

    def stamp(self, path, entry):
        """A file that is there if the very same passed before; None if it is not known what it is compiled from."""
        files = self.compiled_from.get(entry["output"])
        if not files:
            return None
        words = [word.replace(self.source, "") for word in self.command(path, entry)]
        key = "\0".join([self.tool, self.same, *words, *map(digest, files)])
        return os.path.join(self.passed, hashlib.sha256(key.encode()).hexdigest())

    def look(self, item):
        """The findings in a file, "" if there are none."""
        path, entry = item
        stamp = self.stamp(path, entry)
        if stamp and os.path.exists(stamp):
            os.utime(stamp)
            return ""
        done = run(*self.command(path, entry), cwd=entry["directory"])
        findings = without_leaks(done.stdout)
        if done.returncode == 0 or (done.stdout and not findings):
            if stamp:
                open(stamp, "w", encoding="utf-8").close()
            return ""
        return findings + "\n".join(
            line for line in done.stderr.splitlines() if not line.endswith(("warnings generated.", "errors generated.")))


def main():
    wanted = [a for a in sys.argv[4:] if a != "--deep"]
    tool, source, build = sys.argv[1:4]
    if not shutil.which(tool):
        print(f"skipped: no {tool} here: apt install {tool}")
        return 77
    version = re.search(r"\b(\d+\.\d+)", run(tool, "--version").stdout)
    if not version or not f"{version[1]}.".startswith(DECIDES[tool] + "."):
        print(f"skipped: {tool} {DECIDES[tool]} decides; other versions find other things")
        return 77
    files = commands(os.path.realpath(source), build, wanted)
    if not files:
        print("no file to look at")
        return 1
    linter = Linter(tool, os.path.realpath(source), os.path.abspath(build), "--deep" in sys.argv)
    idle.idle()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = [text for text in pool.map(linter.look, sorted(files.items())) if text.strip()]
    print("\n".join(found))
    print(f"{len(files)} files, {len(found)} with findings of {tool}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
