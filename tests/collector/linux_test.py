#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole Debian with systemd, measured: linux_test.py COLLECTOR MANDELBROT SERVE_PROGRAM. Needs root, QEMU, and the image
that guests/build-linux makes."""
import json
import math
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
import server_test  # noqa: E402

PICTURE = ("-width", "160", "-height", "50")
TOOLS = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
MIB = 1 << 20
SECTOR = 512
FIRST = 2048  # sector of the first partition

RENDERED = """
SELECT sum(count) FROM sample JOIN stack ON stack.id = sample.stack JOIN frame ON frame.id = stack.frame
WHERE phase = 'render' AND lane >= 0 AND symbol = 'fractal_row'"""


def tool(*command):
    subprocess.run(command, check=True, capture_output=True, env=TOOLS)


def mbr(*partitions):
    """A partition table of (first sector, sectors, type)."""
    table = b"".join(b"\0\0\0\0" + bytes([kind]) + b"\0\0\0" + first.to_bytes(4, "little") + n.to_bytes(4, "little")
                     for first, n, kind in partitions)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def copy_sparse(source, target, at):
    """The data of @source into the open file @target, @at bytes further; holes stay holes."""
    end = os.fstat(source).st_size
    start = 0
    while start < end:
        try:
            start = os.lseek(source, start, os.SEEK_DATA)
        except OSError:  # only a hole is left
            return
        stop = os.lseek(source, start, os.SEEK_HOLE)
        while start < stop:
            data = os.pread(source, min(MIB, stop - start), start)
            os.pwrite(target, data, start + at)
            start += len(data)


class WholeSystem(server_test.ServerTest):
    stack = "linux"

    def setUp(self):
        super().setUp()
        harness.need_program("qemu-system-x86_64", "qemu-system-x86")
        dry = self.collect("--guest", "linux", "--cores", "1", "--repeat", "1", "--dry-run")
        if dry.status == 3:
            harness.skip(dry.stderr.strip())
        self.image = re.search(r"file=([^,]*),if=none,id=disk0", dry.stdout)[1]

    def measure(self):
        done = self.collect("--guest", "linux", "--cores", str(min(2, len(harness.usable_cpus()))), "--accel", "tcg",
                            "--repeat", "1", "--json", workload=PICTURE, timeout=560)
        self.assertEqual(done.status, 0, done.stderr)
        console = harness.read_file(done.folder + "/logs/run-0001.console")
        return json.loads(done.stdout), console, done

    def test_debian_boots_and_the_programs_books_close(self):
        before = os.stat(self.image)
        document, console, done = self.measure()
        (run,) = document["runs"]
        self.assertEqual((run["status"], run["closed"], run["lost_events"]), ("ok", True, 0))
        self.assertRegex(console, r"Reached target .*multi-user\.target")
        self.assertLess(console.index("multi-user.target"), console.index("guestscope phase"))
        self.assertGreater(run["boot_ns"], run["runtime_ns"] / 100)
        with done.store() as store:
            self.assert_measured(store)
            steps = [r["name"] for r in store.rows("SELECT name FROM boot_step ORDER BY position")]
            self.assertIn("init", steps)
            # Debian's processes were there as well: the program's functions have names all the same.
            self.assertGreater(store.rows(RENDERED)[0][0] or 0, 5)
        after = os.stat(self.image)
        self.assertEqual((before.st_mtime_ns, before.st_size), (after.st_mtime_ns, after.st_size))

    def user_image(self):
        """The built image as others come: in a partition behind another that its fstab mounts, and with a name."""
        path = os.path.join(self.work, "mine.img")
        root = os.path.join(self.work, "root.img")
        other = os.path.join(self.work, "other.img")
        with open(other, "wb") as f:
            f.truncate(16 * MIB)
        kind = "vfat" if shutil.which("mkfs.vfat", path=TOOLS["PATH"]) else "ext4"
        tool("mkfs.vfat", "-n", "OTHER", other) if kind == "vfat" else tool("mke2fs", "-q", "-L", "OTHER", other)
        shutil.copyfile("/dev/null", root)
        with open(self.image, "rb") as source, open(root, "r+b") as target:
            target.truncate(os.fstat(source.fileno()).st_size)
            copy_sparse(source.fileno(), target.fileno(), 0)
        for name, text in (("/etc/fstab", f"LABEL=OTHER /mnt {kind} defaults 0 2\n"),
                           ("/etc/os-release", 'ID=mine\nPRETTY_NAME="a system of my own"\n')):
            source = os.path.join(self.work, "text")
            with open(source, "w", encoding="ascii") as f:
                f.write(text)
            for request in (f"rm {name}", f"write {source} {name}"):
                tool("debugfs", "-w", "-R", request, root)
        sectors = os.stat(root).st_size // SECTOR
        second = FIRST + 16 * MIB // SECTOR
        with open(path, "w+b") as disk:
            disk.truncate((second + sectors) * SECTOR)
            disk.write(mbr((FIRST, 16 * MIB // SECTOR, 0x0c), (second, sectors, 0x83)))
            disk.flush()
            for name, at in ((other, FIRST), (root, second)):
                with open(name, "rb") as source:
                    copy_sparse(source.fileno(), disk.fileno(), at * SECTOR)
                os.unlink(name)
        return path

    def test_an_image_of_the_users_boots_as_it_is_and_serves(self):
        """Its services may still be starting while it answers."""
        store = self.assert_truth(requests=6, ms=30, most=math.inf, states=server_test.IN_GUEST, options=("--disk", self.user_image()))
        console = store.console(1)
        self.assertIn("root is /dev/vda2", console)
        self.assertIn("Welcome to a system of my own", console)
        self.assertRegex(console, r"Mounted .*mnt\.mount")

    def test_a_disk_for_no_guest_is_refused(self):
        done = self.collect("--guest", "native", "--disk", self.image)
        self.assert_one_line(done, 2, "--disk", "linux")


if __name__ == "__main__":
    harness.main("mandelbrot", "serve")
