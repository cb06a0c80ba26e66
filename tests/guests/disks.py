# SPDX-License-Identifier: GPL-2.0-or-later
"""Small disks for the guest linux, made without privileges."""
import os
import shutil
import subprocess
import tempfile

EMERGENCY = "/run/systemd/system/emergency.service"
UNIT = "/run/systemd/system/multi-user.target.wants/guestscope.service"
# What of systemd's work counts here: it starts a unit.
SYSTEMD = f"""#!/bin/busybox sh
$(/bin/busybox sed -n 's/^ExecStart=//p' {UNIT})
while :; do /bin/busybox sleep 1; done
"""


def make_disk(path, files=None, init="/lib/systemd/systemd"):
    """An ext4 file system with @files {name: text}, SYSTEMD alone unless told, busybox, and what a root needs.
    @init: where /sbin/init leads to, or None. Nothing is mounted."""
    files = {"/lib/systemd/systemd": SYSTEMD} if files is None else files
    with tempfile.TemporaryDirectory(prefix="gs-") as tree:
        for name in ("bin", "dev", "proc", "sys", "run"):
            os.mkdir(os.path.join(tree, name))
        shutil.copy(shutil.which("busybox"), tree + "/bin/busybox")
        for name, text in files.items():
            os.makedirs(os.path.dirname(tree + name), exist_ok=True)
            with open(tree + name, "w", encoding="ascii") as f:
                f.write(text)
            os.chmod(tree + name, 0o755)
        if init:
            os.mkdir(tree + "/sbin")
            os.symlink(init, tree + "/sbin/init")
        with open(path, "wb") as f:
            f.truncate(16 << 20)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, path], check=True, capture_output=True,
                       env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})


def missing():
    """What is missing to make such disks here, or None."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for program, package in (("busybox", "busybox-static"), ("mke2fs", "e2fsprogs")):
        if not shutil.which(program, path=path):
            return f"no {program} here: apt install {package}"
    return None
