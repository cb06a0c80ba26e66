#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a header that names scripts by their hashes, for a content security policy: OUTPUT SCRIPT..."""
import base64
import hashlib
import sys

hashes = []
for name in sys.argv[2:]:
    with open(name, "rb") as f:
        hashes.append("'sha256-" + base64.b64encode(hashlib.sha256(f.read()).digest()).decode() + "'")
with open(sys.argv[1], "w", encoding="ascii") as f:
    f.write("/* SPDX-License-Identifier: GPL-2.0-or-later */\n#pragma once\n")
    f.write(f"#define SCRIPT_POLICY \"{' '.join(hashes)}\"\n")
