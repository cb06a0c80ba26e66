#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds for every file of the project.

usage: style_test.py CHECK SOURCE-FOLDER [PROGRAM...]

Each CHECK looks at the files that git knows. Exit status 77 where git or the tool that a check needs is missing.
"""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True  # nothing is left in the source folder
import arrows  # noqa: E402
import unbound  # noqa: E402

LICENCE = "SPDX-License-Identifier: GPL-2.0-or-later"
LICENCE_LINES = 5
CANNOT_HOLD_A_COMMENT = (".png", ".csv", ".json", "debian/changelog", "debian/copyright", "debian/source/format")
FUZZ_INPUTS = "tests/fuzz/corpus/"  # bytes as they were found
VENDORED = r"/vendor/[^/]+/"  # as its makers publish it
CLANG_FORMAT_VERSION = "14"
ESSENTIAL = {"gcc", "binutils", "libc6-dev", "linux-libc-dev"}  # build-essential brings them
BPF_HEADERS = re.compile(r"\.bpf\.h$|^probes/kernel_types\.h$")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def need(program, package):
    if not shutil.which(program):
        skip(f"no {program} here: apt install {package}")


def run(*argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, check=False, **options)


def project_files():
    """The files that git knows and that are there, relative to the project's folder."""
    need("git", "git")
    # the folder may belong to somebody else than the one who tests
    done = run("git", "-c", "safe.directory=*", "ls-files", "-z")
    if done.returncode != 0:
        skip("this is no git work tree, so which files are the project's is not known")
    return [path for path in done.stdout.split("\0") if os.path.isfile(path)]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def every_file_names_its_licence():
    for path in project_files():
        if path == "LICENSE" or path.startswith(FUZZ_INPUTS) or path.endswith(CANNOT_HOLD_A_COMMENT):
            continue
        if re.search(VENDORED, path):
            if not os.path.exists(os.path.join(os.path.dirname(path), "LICENSE")):
                yield f"{path}: made by others, and no LICENSE beside it"
            continue
        if LICENCE not in "\n".join(read(path).splitlines()[:LICENCE_LINES]):
            yield f"{path}: no line '{LICENCE}' among the first {LICENCE_LINES}"


def include_options(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    found = {}
    for command in commands:
        words = command["command"].split()
        for at, word in enumerate(words):
            if word.startswith(("-I", "-isystem")) and len(word) > 2:
                extra = [words[at + 1]] if word == "-isystem" else []
                folder = extra[0] if extra else word[2:]
                found[os.path.join(command["directory"], folder)] = True
    return [f"-I{folder}" for folder in found if not folder.endswith(".p")]


def every_header_compiles_alone(build):
    need("cc", "gcc")
    host = ["cc", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", *include_options(build)]
    bpf = ["clang", "-target", "bpf", "-D__TARGET_ARCH_x86", "-g", "-O2", "-std=gnu17", "-Wall", "-Wextra",
           "-Wno-unused-function"]

    def compile_alone(path):
        kind = bpf if BPF_HEADERS.search(path) else host
        # twice: a header has to bear that
        done = run(*kind, "-Werror", "-I.", "-fsyntax-only", "-x", "c", "-",
                   input=f'#include "{path}"\n#include "{path}"\n')
        return None if done.returncode == 0 else f"{path} does not compile alone:\n{done.stderr}"

    # those of tests may rely on what cmocka wants to be included before it
    headers = [path for path in project_files() if path.endswith(".h") and not path.startswith("tests/")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(compile_alone, headers))


def clang_format_changes_nothing():
    need("clang-format", "clang-format")
    version = re.search(r"version (\d+)", run("clang-format", "--version").stdout)
    if not version or version[1] != CLANG_FORMAT_VERSION:
        skip(f"clang-format {CLANG_FORMAT_VERSION} decides; other versions lay out differently")
    files = [path for path in project_files() if path.endswith((".c", ".h"))]
    done = run("clang-format", "--dry-run", *files)
    for path in sorted(set(re.findall(r"^([^\s:]+):\d+:\d+: warning: code should be clang-formatted",
                                      done.stderr, re.M))):
        yield f"{path}: run clang-format -i on it"


def every_script_parses():
    for path in project_files():
        with open(path, "rb") as f:
            first = f.readline().decode(errors="replace")
        if path.endswith(".py") or (first.startswith("#!") and "python" in first):
            try:
                unbound_names = unbound.names(ast.parse(read(path), path))
            except SyntaxError as problem:
                yield f"{path}: {problem}"
                continue
            for name, line in unbound_names.items():
                yield f"{path}:{line}: nothing binds the name {name}"
            continue
        shell = "bash" if path.startswith("completions/") and "." not in path else None
        if first.startswith("#!") and first.strip().endswith("sh"):
            shell = "bash" if "bash" in first else "sh"
        if shell:
            done = run(shell, "-n", path)
            if done.returncode != 0:
                yield f"{path}: {done.stderr}"


def plain(roff):
    """The words of a man page's source, its escapes undone."""
    text = re.sub(r"\\f[BIRP]", "", roff.replace("\\-", "-"))
    return re.sub(r"[\",=]", " ", text)


def option_words(text, dashes):
    return set(re.findall(rf"(?<![\w-]){dashes}[a-z][\w-]*", text))


def documented_options(page, dashes):
    """The options in the headings (the line after .TP) of a man page's OPTIONS."""
    options = re.search(r"^\.SH OPTIONS$(.*?)^\.SH", page, re.M | re.S)[1]
    headings = re.findall(r"^\.TP.*\n(\..*)$", options, re.M)
    return option_words(plain("\n".join(headings)), dashes)


def every_option_is_documented(*programs):
    for program in programs:
        name = os.path.basename(program)
        helped = run(program, "-help" if name in ("kernels", "mandelbrot", "noise") else "--help").stdout
        dashes = "-" if name in ("kernels", "mandelbrot", "noise") else "--"
        # the first word of a line is an option; others may only be mentioned
        options = option_words("\n".join(re.findall(rf"^ +(?:-\S, )?({dashes}[a-z][\w-]*)", helped, re.M)), dashes)
        page = read(f"man/{name}.1")
        by_hand = os.path.exists(f"completions/{name}")  # else it is made of the options
        completion = read(f"completions/{name}") if by_hand else " ".join(options)
        completed = option_words(re.sub(r"^\s*#.*$", "", completion, flags=re.M), dashes)
        if not options:
            yield f"{program} shows no options"
        for option in sorted(options - documented_options(page, dashes)):
            yield f"{name} {option} is not in man/{name}.1"
        for option in sorted(documented_options(page, dashes) - options):
            yield f"man/{name}.1 describes {option}, which {name} does not have"
        for option in sorted(options - completed):
            yield f"{name} {option} is not in completions/{name}"
        if dashes == "--":
            for option in sorted(completed - options):
                yield f"completions/{name} offers {option}, which {name} does not have"


def completions_offer_every_option(*arguments):
    """Those that are made by generate.py: shell, program, file; shell, program, file; ..."""
    for shell, program, path in zip(*[iter(arguments)] * 3):
        name = os.path.basename(program)
        helped = run(program, "-help" if name in ("kernels", "mandelbrot", "noise") else "--help").stdout
        text = read(path)
        for option in re.findall(r"^ +(?:-\S, )?(--?[a-z][\w-]*)", helped, re.M):
            plain_name = option.lstrip("-")
            offered = {"bash": rf"[' ]{option}[' ]", "zsh": rf"'{option}[=\[]", "fish": rf" -[lo] {plain_name} "}
            if not re.search(offered[shell], text):
                yield f"{path} does not offer {option}"
        if shutil.which(shell):
            done = run(shell, "-n", path)
            if done.returncode != 0:
                yield f"{path}: {done.stderr}"


def the_package_needs_what_the_list_names():
    """debian/control and the group build of packages.txt, but for what every Debian system that builds has."""
    control = read("debian/control")
    wanted = set(re.findall(r"^ ([\w.+-]+)", re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M)[1], re.M))
    for line in read("packages.txt").splitlines():
        if line.startswith("build "):
            alternatives = line.split()[1].split("|")
            if not set(alternatives) & (wanted | ESSENTIAL):
                yield f"debian/control does not name {line.split()[1]} of packages.txt"


def man_pages_are_clean():
    need("mandoc", "mandoc")
    for path in project_files():
        if re.search(r"^man/.*\.1$", path):
            for line in run("mandoc", "-T", "lint", "-W", "warning", path).stdout.splitlines():
                if "missing date" not in line:  # a date that nobody keeps up to date helps nobody
                    yield line


def links_between_documents_lead_somewhere():
    for path in project_files():
        if not path.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)|<img[^>]* src=\"([^\"]+)\"", read(path)):
            target = target[0] or target[1]
            if "://" not in target and not os.path.exists(os.path.join(os.path.dirname(path), target)):
                yield f"{path}: link to {target}, which is not there"
        for function, source in re.findall(r"`(\w+)` in `([^`]+\.[ch])`", read(path)):
            if not os.path.exists(source) or not re.search(rf"\b{function}[(,]", read(source)):
                yield f"{path}: no {function}() in {source}"


def walks_go_one_way():
    """The two walks of docs/architecture.md: at most eight functions each, defined where it says, and no room twice
    once it was left."""
    text = read("docs/architecture.md")
    walks = re.findall(r"^(From [^\n]*:\n\n(?:\d+\. .*\n)+)", text[text.index("## Two walks"):], re.M)
    if len(walks) != 2:
        yield f"docs/architecture.md: {len(walks)} walks"
    for walk in walks:
        title = walk.split(":")[0]
        steps = re.findall(r"^\d+\. `(\w+)` in `([^`]+)`", walk, re.M)
        if len(steps) != len(walk.strip().splitlines()) - 2 or len(steps) > 8:
            yield f"{title}: {len(steps)} steps"
        for function, source in steps:
            if not os.path.exists(source) or not re.search(rf"^(\w.*[ *(])?{function}[(,](?!.*;$)", read(source), re.M):
                yield f"{title}: {function}() is not defined in {source}"
        rooms = [os.path.dirname(source) for _, source in steps]
        for i, room in enumerate(rooms[1:], 1):
            if room != rooms[i - 1] and room in rooms[:i]:
                yield f"{title}: back to {room}"


def tests_build_with_newer_cmocka():
    """Which warns of a macro's old name: tests/common/ranges.h takes the one that is there."""
    for path in project_files():
        if path.startswith("tests/") and path.endswith(".c") and re.search(r"\bassert_(not_)?in_range\(", read(path)):
            yield f"{path}: assert_between() in place of assert_in_range()"


def check_reports_each_test_once():
    """tools/summarise-tests: a test of this machine that fails gets a second run, which counts in place of the first."""
    def log(name, **results):
        with open(os.path.join(logs, name), "w", encoding="utf-8") as f:
            for test, (suite, result) in results.items():
                json.dump({"name": f"guestscope:{suite} / {test}", "result": result, "stdout": "", "stderr": ""}, f)
                f.write("\n")

    def said(*options):
        return subprocess.run(["tools/summarise-tests", *options, build], stdout=subprocess.PIPE, text=True, check=False)

    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as build:
        logs = os.path.join(build, "meson-logs")
        os.mkdir(logs)
        log("testlog.json", good=("unit", "OK"), bad=("unit", "FAIL"), podman=("system", "FAIL"), kvm=("lab", "TIMEOUT"))
        if said("--repeat").stdout.split() != ["podman", "kvm"]:
            yield "other tests would be run a second time: " + said("--repeat").stdout
        log("analysed.json", cppcheck=("lint", "OK"))
        log("repeat.json", podman=("system", "OK"), kvm=("lab", "FAIL"))
        words = said().stdout
        if "second run:\n  podman\nfailed:\n  bad " not in words or not words.endswith("\n3 passed, 2 failed, 0 skipped\n"):
            yield "wrong summary: " + words
        log("testlog.json", podman=("system", "FAIL"))
        if said().returncode != 0:
            yield "what passed in the second run fails"


def rooms_use_only_the_rooms_they_may():
    project_files()  # skips where git does not know them
    yield from arrows.problems()


def main(arguments):
    if len(arguments) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    check, source, *rest = arguments
    rest = [os.path.abspath(path) if os.path.exists(path) else path for path in rest]
    os.chdir(source)
    problems = list(globals()[check](*rest))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
