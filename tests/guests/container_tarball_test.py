#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The file system of a container holds what the program needs, and nothing else.

usage: container_tarball_test.py CONTAINER_LIFE CONTAINER_PROGRAM
"""
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile

import container_common as common


def make(life, folder, program=None, name="image.tar"):
    path = os.path.join(folder, name)
    done = subprocess.run([life.life, "--tar", path, "docker", program or life.program],
                          stdout=subprocess.PIPE, text=True, check=False, timeout=300)
    return done.returncode, done.stdout.strip(), path


def test_archive_has_program_libraries_interpreter_and_tmp(life):
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as folder:
        status, inside, path = make(life, folder)
        assert status == 0, inside
        assert inside == "/" + os.path.basename(life.program), inside
        with tarfile.open(path) as tar:
            members = {member.name.rstrip("/"): member for member in tar.getmembers()}
            with open(life.program, "rb") as f:
                assert tar.extractfile(members[inside[1:]]).read() == f.read()
    ldd = subprocess.run(["ldd", life.program], stdout=subprocess.PIPE, text=True, check=True)
    needed = re.findall(r"^\s*(\S+) =>", ldd.stdout, re.M)
    assert needed, ldd.stdout
    for library in needed:
        assert "lib/" + os.path.basename(library) in members, (library, sorted(members))
    interpreter = re.search(r"^\s*(/\S*ld-\S+) \(", ldd.stdout, re.M)
    if interpreter:
        assert "lib/" + os.path.basename(interpreter[1]) in members, sorted(members)
        assert members["lib64"].linkname == "lib"
    assert members["tmp"].isdir() and members["tmp"].mode == 0o1777
    assert members[inside[1:]].mode == 0o755
    assert all(m.uid == 0 and m.gid == 0 for m in members.values())
    for name in members:
        assert not name.startswith("/") and ".." not in name.split("/"), name


def test_same_files_make_the_same_archive(life):
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as folder:
        sums = set()
        for name in ("a.tar", "b.tar"):
            _, _, path = make(life, folder, name=name)
            with open(path, "rb") as f:
                sums.add(hashlib.sha256(f.read()).hexdigest())
        assert len(sums) == 1


def write_program(folder, text):
    path = os.path.join(folder, "program")
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    return path


def test_text_in_place_of_a_program_is_refused(life):
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as folder:
        status, words, _ = make(life, folder, program=write_program(folder, "text"))
        assert status == 1 and folder + "/program" in words, words


def test_a_script_takes_its_interpreters_along(life):
    """With env(1) it is the one that env finds."""
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as folder:
        for line, wanted in (("#! /bin/sh -e", ["bin/sh"]), ("#!/usr/bin/env -S A=b sh -e", ["usr/bin/env", "usr/bin/sh"])):
            status, inside, path = make(life, folder, program=write_program(folder, line + "\ntrue\n"))
            assert status == 0, inside
            with tarfile.open(path) as tar:
                names = {member.name.rstrip("/") for member in tar.getmembers()}
            assert {"program", *wanted} <= names and any(name.startswith("lib/libc.") for name in names), names


def test_a_script_without_its_interpreter_is_refused(life):
    with tempfile.TemporaryDirectory(prefix="guestscope-test-") as folder:
        for line, missing in (("#!/no/such/shell", "/no/such/shell"), ("#!/usr/bin/env no-such-shell", "no-such-shell")):
            status, words, _ = make(life, folder, program=write_program(folder, line + "\n"))
            assert status == 1 and missing in words and "program" in words, words


if __name__ == "__main__":
    common.run_all(globals(), common.Life(*sys.argv[1:3]))
