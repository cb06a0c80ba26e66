# SPDX-License-Identifier: GPL-2.0-or-later
"""What Podman needs where it may do little."""
import os
import shutil


def modest_podman(folder):
    """Settings for a machine where Podman may not raise limits, or has no crun that works: for the environment."""
    path = os.path.join(folder, "containers.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write('[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=1000:1000"]\n')
        if shutil.which("runc"):
            f.write('[engine]\nruntime = "runc"\n')
    return {"CONTAINERS_CONF": path}
