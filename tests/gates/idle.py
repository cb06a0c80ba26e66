#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What looks at the code beside tests that measure: with GUESTSCOPE_IDLE in the environment it runs only when a processor has
nothing else to do.

idle.py COMMAND...: a command likewise"""
import contextlib
import os
import sys


def idle():
    """From now on, this process and those that it starts."""
    if not os.environ.get("GUESTSCOPE_IDLE"):
        return
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    # Where the kernel groups processes by session, groups have the priorities.
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as f:
        f.write("19")


if __name__ == "__main__":
    idle()
    os.execvp(sys.argv[1], sys.argv[1:])
