#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The library that marks a program's run in Nanos, here before programs of this host: preload_test.py LIBRARY"""
import os
import re
import subprocess
import sys
import unittest
import zlib

LIBRARY = os.path.abspath(sys.argv.pop(1))


def run(*argv):
    """(what the program printed, [marker] in order, status), markers read by ourselves, their checksums included."""
    done = subprocess.run(argv, capture_output=True, env={**os.environ, "LD_PRELOAD": LIBRARY}, timeout=30)
    markers = []

    def take(found):
        body, crc = found[1], int(found[2], 16)
        assert zlib.crc32(body) == crc, found[0]
        markers.append((found.start(), body.decode()))
        return b""

    printed = re.sub(rb"\x1e(guestscope [^\n]*) ;([0-9a-f]{8})\n", take, done.stdout)
    return printed, [m for _, m in markers], [at for at, _ in markers], done


class Preload(unittest.TestCase):
    def check(self, status, printed, *argv):
        text, (begin, end), (_, at), done = run(*argv)
        self.assertEqual(text, printed)
        self.assertEqual(done.returncode, status)
        self.assertTrue(re.fullmatch(r"guestscope phase name=run by=init t=\d+", begin), begin)
        found = re.fullmatch(r"guestscope end by=init status=(\d+) t=(\d+) runtime=(\d+)", end)
        self.assertTrue(found, end)
        self.assertEqual(int(found[1]), status)
        self.assertTrue(done.stdout[:at].endswith(printed), "what was printed is before the end")

    def test_return_from_main_and_exit_are_marked_after_all_output(self):
        self.check(0, b"hello\n", "/bin/echo", "hello")
        self.check(3, b"", sys.executable, "-S", "-c", "import sys; sys.exit(3)")

    def test_exit_that_calls_nothing_is_marked(self):
        self.check(200, b"", sys.executable, "-S", "-c", "import os; os._exit(200)")

    def test_output_that_the_program_closed_does_not_matter(self):
        text, markers, _, _ = run(sys.executable, "-S", "-c", "import os; os.close(1)")
        self.assertEqual((text, len(markers)), (b"", 2))

    def test_signal_leaves_no_end(self):
        _, markers, _, done = run(sys.executable, "-S", "-c", "import os; os.kill(os.getpid(), 9)")
        self.assertEqual((len(markers), done.returncode), (1, -9))

    def test_library_needs_no_other(self):
        needs = subprocess.run(["readelf", "-d", LIBRARY], capture_output=True, text=True, check=True).stdout
        self.assertNotIn("(NEEDED)", needs)


if __name__ == "__main__":
    unittest.main()
