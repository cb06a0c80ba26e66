# SPDX-License-Identifier: GPL-2.0-or-later
"""Work of many kinds, each time the same amount of it: perf_program.py ROUNDS"""
import hashlib
import json
import re
import sys
import zlib

DATA = [{"name": f"n{i}", "values": list(range(i % 50)), "text": "lorem ipsum " * (i % 7)} for i in range(400)]
TEXT = json.dumps(DATA)


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


for _ in range(int(sys.argv[1])):
    json.loads(TEXT)
    re.findall(r"(n[0-9]+)[^}]*?(lorem (?:ipsum )+)", TEXT)
    zlib.compress(TEXT.encode(), 6)
    sorted(DATA, key=lambda d: (len(d["text"]), d["name"]))
    fibonacci(16)
    "".join(str(i * i) for i in range(3000))
    for _ in range(3):
        hashlib.sha256(TEXT.encode()).hexdigest()
