#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit tests in C, and the fuzz targets' corpora, under AddressSanitizer and UndefinedBehaviorSanitizer.

usage: sanitized.py SOURCE-FOLDER FOLDER

Builds in FOLDER what these tests need, and no more. Exit status: 0; 1; 77 where the compiler has no sanitizers.
"""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import idle  # noqa: E402

OPTIONS = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=0", "-Dc_args=-g1"]
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
# Their promise is about what a sanitizer changes.
NOT = {
}


def run(*argv, **options):
    print("+", *argv, flush=True)
    return subprocess.run(argv, check=False, **options)


def have_sanitizers():
    with open(os.devnull, "w", encoding="utf-8") as quiet:
        return subprocess.run(["cc", "-fsanitize=address,undefined", "-x", "c", "-", "-o", os.devnull], text=True,
                              input="int main(void) { return 0; }", stderr=quiet, check=False).returncode == 0


def unit_tests(folder):
    """Names of the tests that are programs of ours, and the files that they need: themselves, and programs of ours that they are
    told of."""
    listed = json.loads(subprocess.run(["meson", "introspect", "--tests", folder], check=True, capture_output=True,
                                       text=True).stdout)
    names, files = [], set()
    for test in listed:
        words = [os.path.relpath(os.path.join(folder, word), folder) for word in test["cmd"]]
        if any(s.endswith("unit") for s in test["suite"]) and words[0].startswith("tests/") and test["name"] not in NOT:
            names.append(test["name"])
            files.update([words[0]], (word for word in words[1:] if word.startswith("tests/")))
    return names, files


def main():
    source, folder = sys.argv[1:3]
    if not have_sanitizers():
        print("skipped: this compiler has no address and undefined sanitizers: apt install libasan8 libubsan1")
        return 77
    idle.idle()
    processes = str(len(os.sched_getaffinity(0)))
    again = ["--reconfigure"] if os.path.exists(os.path.join(folder, "build.ninja")) else []
    if run("meson", "setup", folder, source, *again, *OPTIONS, stdout=subprocess.DEVNULL).returncode != 0:
        return 1
    tests, files = unit_tests(folder)
    if run("ninja", "--quiet", "-C", folder, "-j", processes, *sorted(files)).returncode != 0:
        return 1
    return run("meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--timeout-multiplier", "10", "--num-processes",
               processes, "--wrapper", idle.__file__, *tests,
               env={**os.environ, **ENVIRONMENT}).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
