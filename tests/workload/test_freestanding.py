#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The computing core asks nothing of a libc but memcpy, memset and memmove, as compilers do."""
import re
import subprocess
import sys

ALLOWED = {"memcpy", "memset", "memmove"}

listing = subprocess.run(["nm", sys.argv[1]], capture_output=True, text=True, check=True).stdout
defined = set(re.findall(r" [TtRrDdBb] (\S+)$", listing, re.M))
wanted = set(re.findall(r"^\s+U (\S+)$", listing, re.M)) - defined
instrumented = {n for n in wanted if n.startswith(("__asan", "__ubsan", "__tsan", "__gcov", "_GLOBAL_OFFSET"))}
missing = wanted - ALLOWED - instrumented
if missing:
    sys.exit("the core needs " + ", ".join(sorted(missing)))
if not defined:
    sys.exit("nothing defined in " + sys.argv[1])
