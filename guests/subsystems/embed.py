#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Carry the tables of subsystems inside the program: embed.py OUTPUT TABLE..."""
import os
import sys

target, *sources = sys.argv[1:]
with open(target, "w", encoding="ascii") as f:
    f.write("/* SPDX-License-Identifier: GPL-2.0-or-later */\n")
    f.write("/* Made from the tables in guests/subsystems by embed.py. */\n#pragma once\n")
    f.write("static const struct {\n\tconst char *name;\n\tconst char *text;\n}")
    f.write(" subsystem_tables[] = {\n")
    for source in sources:
        name = os.path.splitext(os.path.basename(source))[0]
        f.write(f'\t{{"{name}",\n')
        with open(source, encoding="ascii") as table:
            for line in table:
                text = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
                f.write(f'\t\t"{text.replace("?", chr(92) + "?")}\\n"\n')
        f.write("\t},\n")
    f.write("};\n")
