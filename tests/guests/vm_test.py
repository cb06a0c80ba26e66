#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""VM guests, really booted (under emulation): vm_test.py RUN_GUEST PROGRAM GUEST

The guest linux boots a small disk made here, whose init does of systemd's work what counts: it starts the unit. (A
whole system is booted in tests/collector/linux_test.py.) Exit status 77 where QEMU, the guest's kernel or busybox is
missing."""
import ctypes
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disks  # noqa: E402

GUEST = sys.argv.pop(3)
PROGRAM = os.path.abspath(sys.argv.pop(2))
TREE = os.path.join(os.path.dirname(PROGRAM), "tree_program")
RUN_GUEST = os.path.abspath(sys.argv.pop(1))


def gone(pid, seconds=10):
    """Has the process ended, at the latest in a while? A zombie has."""
    for _ in range(int(seconds * 50)):
        try:
            os.waitpid(pid, os.WNOHANG)  # an orphan comes to us, see below
        except ChildProcessError:
            pass
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                if f.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


class Vm(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gs-")
        self.addCleanup(folder.cleanup)
        self.work = folder.name
        self.driver = None
        self.disk = []
        if GUEST == "linux":
            self.disk = [f"--disk={self.work}/disk.img"]
            self.make_disk()
        self.addCleanup(self.end_driver)

    def make_disk(self, *arguments, **more):
        disks.make_disk(self.work + "/disk.img", *arguments, **more)

    def end_driver(self):
        if self.driver and self.driver.poll() is None:
            self.driver.kill()
            self.driver.wait()

    def command(self, *arguments):
        options = [a for a in arguments if a.startswith("--")]
        words = [a for a in arguments if not a.startswith("--")]
        return [RUN_GUEST, "--work", self.work, "--timeout=120", *self.disk, *options, GUEST, PROGRAM, *words]

    def run_guest(self, *arguments):
        done = subprocess.run(self.command(*arguments), capture_output=True, timeout=180)
        done.stdout, done.stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        self.assert_nothing_left(done.stderr)
        return done

    def assert_nothing_left(self, log):
        found = re.search(r"^pid (\d+)$", log, re.M)
        if found:
            self.assertTrue(gone(int(found[1])), "QEMU is left running")
        self.assertEqual([f for f in os.listdir(self.work) if not f.endswith(".img")], [])

    def start_lingering(self, *options):
        """A guest whose program sleeps: (pid of QEMU, [thread of each lane])."""
        self.driver = subprocess.Popen(self.command("-linger", "100", *options),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        pid, lanes = None, []
        while len(lanes) < 2:
            line = self.driver.stderr.readline()
            self.assertTrue(line, "the driver ended early")
            if line.startswith("pid "):
                pid = int(line.split()[1])
            elif line.startswith("lane "):
                lanes.append(int(line.split()[3]))
        return pid, lanes

    def failed(self, *arguments):
        done = self.run_guest(*arguments)
        self.assertEqual(done.returncode, 1, done.stderr)
        message = done.stderr.splitlines()[-1]
        self.assertTrue(message.startswith("failed: "), message)
        return message

    def test_program_runs_with_its_arguments_on_all_vcpus(self):
        done = self.run_guest("--cores=2", "-palette", "plain,x=y")
        self.assertEqual(done.returncode, 0, done.stderr)
        if GUEST == "osv":  # its console adds carriage returns
            done.stdout = done.stdout.replace("\r\n", "\n")
        # a guest's kernel may say something between two lines of the program
        lines = iter(done.stdout.splitlines())
        for line in ("argument 5: -palette", "argument 6: plain,x=y", "2 threads worked", "wrote /tmp/mandelbrot.png"):
            self.assertIn(line, lines, f"each byte as written:\n{done.stdout}")
        self.assertEqual(len(re.findall(r"^lane \d+: thread \d+", done.stderr, re.M)), 2)

    def test_exit_status_is_told(self):
        message = self.failed("-status", "3")
        self.assertIn("status 3", message)
        self.assertIn("wrote /tmp/mandelbrot.png", message)

    def test_crash_is_told_and_does_not_hang(self):
        self.assertRegex(self.failed("-crash"), r"signal 11|Aborted|[Ss]egmentation")

    if GUEST != "linux":  # what is the same for every QEMU guest, and takes a boot
        def test_hanging_guest_is_ended(self):
            self.assertIn("timed out", self.failed("--timeout=4", "-linger", "1000"))

        def test_killed_qemu_is_told(self):
            pid, _ = self.start_lingering()
            os.kill(pid, signal.SIGKILL)
            _, log = self.driver.communicate(timeout=300)
            self.assertEqual(self.driver.returncode, 1)
            self.assertIn("signal 9 (Killed)", log)
            self.assert_nothing_left(log)

        def test_qemu_dies_with_a_killed_collector(self):
            pid, _ = self.start_lingering()
            self.driver.kill()
            self.driver.communicate(timeout=300)
            self.assertTrue(gone(pid))

        def test_vcpus_and_helpers_are_pinned_where_told(self):
            cpus = sorted(os.sched_getaffinity(0))
            if len(cpus) < 2:
                self.skipTest("one CPU only")
            a, b = cpus[:2]
            pid, lanes = self.start_lingering(f"--pin={b},{a}", f"--helpers={a}")
            self.assertEqual([os.sched_getaffinity(t) for t in lanes], [{b}, {a}])
            for thread in os.listdir(f"/proc/{pid}/task"):
                if int(thread) not in lanes:
                    self.assertEqual(os.sched_getaffinity(int(thread)), {a})
            names = []
            for thread in lanes:
                with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as f:
                    names.append(f.read().strip())
            self.assertEqual(names, ["CPU 0/TCG", "CPU 1/TCG"])
            self.driver.kill()
            self.driver.communicate(timeout=300)
            self.assertTrue(gone(pid))

    if GUEST.startswith("linux"):
        def test_kernel_panic_is_told(self):
            self.assertIn("Kernel panic", self.failed("-panic"))

    if GUEST == "linux":
        def test_disk_is_never_written(self):
            self.make_disk({"/lib/systemd/systemd": disks.SYSTEMD.replace("\n", "\n/bin/busybox touch /x\n", 1)})
            with open(self.work + "/disk.img", "rb") as f:
                before = f.read()
            self.assertEqual(self.run_guest().returncode, 0)
            with open(self.work + "/disk.img", "rb") as f:
                self.assertEqual(f.read(), before)

        def test_disk_without_init_is_told(self):
            self.make_disk({"/etc/issue": "hello"}, init=None)
            self.assertIn("no file system with /sbin/init", self.failed())

        def test_disk_without_systemd_is_told(self):
            self.make_disk({"/bin/init": disks.SYSTEMD}, init="/bin/init")
            self.assertIn("no systemd", self.failed())

        def test_systemd_that_gives_up_is_told(self):
            # eval takes off the quotes, as systemd does
            script = f"""#!/bin/busybox sh
eval "$(/bin/busybox sed -n 's/^ExecStart=//p' {disks.EMERGENCY})"
"""
            self.make_disk({"/lib/systemd/systemd": script})
            self.assertIn("emergency mode", self.failed())

        def test_systemd_that_ends_is_a_panic(self):
            self.make_disk({"/lib/systemd/systemd": "#!/bin/busybox sh\nexit 1\n"})
            self.assertIn("Kernel panic", self.failed())

        def test_noise_in_place_of_a_disk_is_told(self):
            with open(self.work + "/disk.img", "wb") as f:
                f.write(bytes(510) + b"\x55\xaa" + os.urandom(1 << 20))
            self.assertIn("no file system with /sbin/init", self.failed())

        def test_damaged_file_system_is_told(self):
            with open(self.work + "/disk.img", "r+b") as f:
                f.seek(2048)
                f.write(os.urandom(1 << 20))
            self.failed()

        def test_second_partition_of_a_qcow2_image_is_booted(self):
            if not shutil.which("qemu-img"):
                self.skipTest("no qemu-img: apt install qemu-utils")
            # a partition of no file system, then the root
            table = bytes(446)
            for first, sectors in ((64, 64), (2048, 32768)):
                table += b"\0\0\0\0\x83\0\0\0" + first.to_bytes(4, "little") + sectors.to_bytes(4, "little")
            table += bytes(32) + b"\x55\xaa"
            with open(self.work + "/disk.img", "rb") as f, open(self.work + "/raw.img", "wb") as g:
                g.write(table + bytes(2048 * 512 - 512) + f.read())
            subprocess.run(["qemu-img", "convert", "-O", "qcow2", self.work + "/raw.img", self.work + "/disk.img"], check=True)
            done = self.run_guest()
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("root is /dev/vda2", done.stdout)

    if GUEST == "nanos":
        @staticmethod
        def hashed(path):
            value, length = 0xcbf29ce484222325, os.path.getsize(path)
            with open(path, "rb") as f:
                while block := f.read(1 << 16):
                    for (word,) in struct.iter_unpack("<Q", block + bytes(-len(block) % 8)):
                        value = (value ^ word) * 0x100000001b3 & 0xffffffffffffffff
            return f"{length} {value:016x}"

        def make_tree(self):
            """A folder of all that a disk can have, and what the program is to say of it, as it lies in /data."""
            top, rng = self.work + ".tree", random.Random(1)
            self.addCleanup(shutil.rmtree, top)
            said = {"folder /data", "folder /data/many", "folder /data/many/empty", "link /data/link ../data/many/7",
                    "link /data/nowhere x y"}
            os.makedirs(top + "/many/empty")
            os.symlink("../data/many/7", top + "/link")
            os.symlink("x y", top + "/nowhere")
            for k in range(1000):
                with open(f"{top}/many/{k}", "wb") as f:
                    f.write(rng.randbytes(k * 7 % 1500))
            with open(top + "/many/ä b", "wb") as f:
                f.write(rng.randbytes(3 << 20))
            said |= {f"file /data/many/{name} {self.hashed(f'{top}/many/{name}')}" for name in os.listdir(top + "/many")
                     if name != "empty"}
            return top, said

        def run_tree(self, *options, status=5):
            done = subprocess.run([RUN_GUEST, "--work", self.work, "--timeout=120", *options, GUEST, TREE, "a b", "", "/data"],
                                  capture_output=True, timeout=180, text=True, errors="replace")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(f"failed: the program ended with status {status} inside Nanos", done.stderr)
            return done.stdout

        def test_files_arguments_and_variables_reach_an_own_program_as_they_are(self):
            top, said = self.make_tree()
            text = self.run_tree(f"--with={top}:/data", "--env=SEEN_A=x=y z", "--env=SEEN_B=", "--cwd=/data/many/empty")
            lines = text.split("\n")[:-1]  # a marker begins with what is a line's end for splitlines()
            self.assertEqual(said - set(lines), set())
            self.assertEqual({line for line in lines if not line.startswith(("[", "\x1e"))} - said, {
                f"argument 0: {TREE}", "argument 1: a b", "argument 2: ", "argument 3: /data", "variable SEEN_A=x=y z",
                "variable SEEN_B=", "runs in /data/many/empty", "file /data/many/empty/written 1 af63f54c86021707"})
            self.assertEqual([line.split()[1] for line in lines if line.startswith("\x1e")], ["phase", "end"])

        def test_file_of_a_gibibyte_is_read_back(self):
            top = self.work + ".large"
            os.makedirs(top)
            self.addCleanup(shutil.rmtree, top)
            value, words = 0xcbf29ce484222325, 1 << 27
            with open(top + "/large", "wb") as f:
                f.truncate(8 * words - 3)
                for at in (0, words // 3, words - 2):
                    f.seek(8 * at)
                    f.write((at + 1).to_bytes(8, "little"))
            at = 0  # of zeros each is a product: so many at once are a power
            for word in (0, words // 3, words - 2):
                value = value * pow(0x100000001b3, word - at, 1 << 64) % (1 << 64)
                value = (value ^ word + 1) * 0x100000001b3 % (1 << 64)
                at = word + 1
            value = value * pow(0x100000001b3, words - at, 1 << 64) % (1 << 64)
            self.assertIn(f"file /data/large {8 * words - 3} {value:016x}\n", self.run_tree(f"--with={top}:/data"))

        def test_machines_are_all_booted(self):
            for machine in ("q35", "microvm"):
                done = self.run_guest("--cores=2", f"--machine={machine}")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("2 threads worked", done.stdout)

        def test_status_of_the_workload_has_seven_bits(self):
            self.assertIn("status 127", self.failed("-status", "127"))

    if GUEST == "osv":
        def test_kernel_that_dies_at_once_is_told(self):
            # Too little of a kernel: QEMU's own words come through.
            kernel = os.path.join(self.work, "kernel.img")
            with open(kernel, "wb") as f:
                f.write(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(100))
            self.assertIn("QEMU ended with status 1", self.failed(f"--kernel={kernel}"))


if __name__ == "__main__":
    options = []
    if GUEST == "linux":
        if disks.missing():
            print(disks.missing())
            sys.exit(77)
        small = tempfile.NamedTemporaryFile(prefix="gs-")
        disks.make_disk(small.name)
        options = [f"--disk={small.name}"]
    check = subprocess.run([RUN_GUEST, "--work", "/tmp", "--check", *options, GUEST, PROGRAM], capture_output=True, text=True)
    if check.returncode == 3:
        print(check.stderr.strip())
        sys.exit(77)
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: leave no zombies of killed drivers
    unittest.main(verbosity=2)
