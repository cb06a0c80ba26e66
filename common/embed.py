#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn a text file into a C header with one static string: embed.py INPUT OUTPUT NAME."""
import sys

source, target, name = sys.argv[1:]
with open(source, "rb") as f:
    data = f.read()
with open(target, "w", encoding="ascii") as f:
    f.write("/* SPDX-License-Identifier: GPL-2.0-or-later */\n")
    f.write(f"/* Made from {source.rsplit('/', 1)[-1]} by embed.py. */\n")
    f.write("#pragma once\n")
    f.write("#ifdef __clang_analyzer__ /* to which the bytes are nothing but a minute's work */\n")
    f.write(f"static const unsigned char {name}[{len(data) + 1}];\n#else\n")
    f.write(f"static const unsigned char {name}[] = {{\n")
    for i in range(0, len(data), 16):
        f.write("\t" + " ".join(f"{b}," for b in data[i:i + 16]) + "\n")
    f.write("\t0 };\n#endif\n")
