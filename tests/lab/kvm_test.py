#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the collector sees under KVM: kvm_test.py COLLECTOR MANDELBROT TRUTH_PROGRAM
IMAGE_TOOL BARE RUN_GUEST LANES_PROGRAM UNMARKED_PROGRAM [-v] [TEST...]

Runs the collector in the lab (see lab.py) against real guests, once for all tests, and looks at the stores that
come back. Exit status 77 where something that the lab is built of is missing."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import forbidden  # pylint: disable=wrong-import-position
import kvm_books  # pylint: disable=wrong-import-position
import kvm_guests  # pylint: disable=wrong-import-position
import kvm_stacks  # pylint: disable=wrong-import-position
import lab  # pylint: disable=wrong-import-position
from forbidden import Forbidden  # pylint: disable=wrong-import-position
from kvm_books import KvmBooks  # pylint: disable=wrong-import-position
from kvm_guests import KvmGuests  # pylint: disable=wrong-import-position
from kvm_stacks import KvmStacks  # pylint: disable=wrong-import-position

COLLECTOR, MANDELBROT, TRUTH_PROGRAM, IMAGE_TOOL, BARE, *OF_GUESTS = (os.path.abspath(path) for path in sys.argv[1:9])


def main():
    lab.need_everything()
    of_books = kvm_books.cells(os.path.basename(TRUTH_PROGRAM))
    files = {**lab.bare_files(BARE), **lab.osv_files()}
    with tempfile.TemporaryDirectory(prefix="guestscope-lab-") as folder:
        lab.run(folder, {**of_books, **kvm_stacks.CELLS, **kvm_guests.CELLS, **forbidden.CELLS},
                [COLLECTOR, MANDELBROT, TRUTH_PROGRAM, forbidden.SETPRIV, *OF_GUESTS], files, IMAGE_TOOL)
        if os.environ.get("GUESTSCOPE_KEEP"):
            os.system(f"cp -r {folder} {os.environ['GUESTSCOPE_KEEP']}")
        Forbidden.folder = KvmGuests.folder = folder
        KvmBooks.open_stores(folder, [*of_books, "hidden"])
        KvmStacks.open_stores(folder, [*kvm_stacks.SEEN, "exits"])
        done = unittest.main(argv=[sys.argv[0], *sys.argv[9:]], exit=False)
    sys.exit(not done.result.wasSuccessful())


if __name__ == "__main__":
    main()
