#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a VM guest would be started with, and what it says when it cannot be: vm_plan_test.py RUN_GUEST PROGRAM

Nothing is booted: QEMU is a stand-in that only knows --version."""
import os
import shlex
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(2))
RUN_GUEST = os.path.abspath(sys.argv.pop(1))
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(100)
EXT4 = bytes(1080) + b"\x53\xef" + bytes(100)
NANOS = ELF + b"NVMTFS"
BZIMAGE = bytes(0x202) + b"HdrS" + bytes(100)


class Plan(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gs-")
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        self.work = os.path.join(self.top, "w")
        self.guests = os.path.join(self.top, "guests")
        os.makedirs(self.work)
        os.makedirs(self.guests + "/osv")
        os.makedirs(self.guests + "/nanos")
        os.makedirs(self.guests + "/linux")
        self.path = os.path.join(self.top, "bin")
        os.makedirs(self.path)
        self.qemu = os.path.join(self.path, "qemu-system-x86_64")
        with open(self.qemu, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho 'QEMU emulator version 0.0.0 (stand-in)'\necho more\n")
        os.chmod(self.qemu, 0o755)

    def put(self, name, content):
        path = os.path.join(self.guests, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def run_guest(self, *arguments, work=None, program=PROGRAM):
        guest, *rest = arguments
        options = [a for a in rest if a.startswith("--")]
        words = [a for a in rest if not a.startswith("--")]
        environment = {"PATH": self.path + ":/bin:/usr/bin" if os.path.exists(self.qemu) else self.path,
                       "HOME": self.top, "GUESTSCOPE_GUESTS": self.guests}
        return subprocess.run([RUN_GUEST, "--work", work or self.work, "--plan", *options, guest, program, *words],
                              capture_output=True, text=True, env=environment, timeout=300)

    def refused(self, status, *arguments, **more):
        done = self.run_guest(*arguments, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def plan(self, *arguments, **more):
        done = self.run_guest(*arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr.splitlines()

    def test_osv_command_line_is_as_documented(self):
        kernel = self.put("osv/loader.elf", ELF)
        line, note = self.plan("osv", "--cores=3", "-height", "10")
        self.assertEqual(note, "note: QEMU emulator version 0.0.0 (stand-in)")
        for part in ("qemu-system-x86_64 -name guestscope-", ",debug-threads=on -nodefaults -no-user-config ",
                     "-machine pc,memory-backend=ram,", "-accel tcg,thread=multi -cpu max ",
                     "-smp cpus=3,sockets=1,cores=3,threads=1 -m 512M ",
                     "-object memory-backend-memfd,id=ram,share=on,size=512M ", "-no-reboot -sandbox on,",
                     "-chardev stdio,id=console,signal=off -serial chardev:console ",
                     f"-kernel {kernel} -append --verbose --power-off-on-abort --rootfs=rofs ",
                     " /bin/lanes_program -cores 3 -markers -rows -height 10 -file /tmp/mandelbrot.png ",
                     ",if=none,id=disk0,format=raw,readonly=on -device virtio-blk-pci,drive=disk0"):
            self.assertIn(part, line)
        self.assertNotIn("kvm", line)
        self.assertEqual(len([f for f in os.listdir(self.work) if f.startswith("osv-")]), 1)
        self.plan("osv", "--cores=2")
        self.assertEqual(len(os.listdir(self.work)), 1, "the same disk is not made twice")

    def test_nanos_command_line_is_as_documented(self):
        kernel = self.put("nanos/kernel.elf", NANOS)
        self.put("nanos/kernel.img", NANOS)
        line, _ = self.plan("nanos", "--cores=2", "-height", "10")
        for part in (f" -bios qboot.rom -kernel {kernel} -drive file={self.work}/nanos-", ",if=none,id=disk0,format=raw,snapshot=on -device virtio-blk-pci,drive=disk0",
                     " -device isa-debug-exit "):
            self.assertIn(part, line)
        self.assertNotIn("-append", line)
        self.plan("nanos", "--cores=2", "-height", "10")
        self.assertEqual(len(os.listdir(self.work)), 1, "the same disk is not made twice")
        self.plan("nanos", "--cores=2", "-height", "11")
        self.assertEqual(len(os.listdir(self.work)), 2, "its arguments are on the disk")

    def test_linux_command_line_is_as_documented(self):
        self.put("linux/vmlinuz-6.1.0-9", BZIMAGE)
        newest = self.put("linux/vmlinuz-6.1.0-10", BZIMAGE)
        line, _ = self.plan("linux-minimal", "--cores=2", "-xpos", "-0.5")
        self.assertIn(f"-kernel {newest} -initrd {self.work}/linux-", line)
        self.assertTrue(line.endswith("-append console=ttyS0 quiet panic=-1 nokaslr random.trust_cpu=on no_timer_check"), line)

    def put_linux(self):
        kernel = self.put("linux/vmlinuz-6.1", BZIMAGE)
        os.makedirs(self.guests + "/linux/modules-6.1")
        self.put("linux/modules-6.1/virtio_blk.ko", b"module")
        return kernel

    def test_linux_with_a_whole_system_boots_the_newest_image_and_cannot_write_it(self):
        kernel = self.put_linux()
        self.put("linux/debian-9.img", EXT4)
        newest = self.put("linux/debian-12.img", EXT4)
        line, _ = self.plan("linux", "--cores=2")
        for part in (f"-kernel {kernel} -initrd {self.work}/linux-init-", " systemd.show_status=yes ",
                     f"-drive file={newest},if=none,id=disk0,format=raw,snapshot=on ",
                     "-device virtio-blk-pci,drive=disk0,serial=guestscope-root ",
                     f"-drive file={self.work}/linux-program-", ",if=none,id=disk1,format=raw,readonly=on "):
            self.assertIn(part, line)
        self.assertEqual(len(os.listdir(self.work)), 2)
        self.plan("linux", "--cores=1", "-height", "1")
        self.assertEqual(len(os.listdir(self.work)), 3, "other arguments need no other disk")

    def test_disk_of_the_users_goes_before_the_built_one(self):
        self.put_linux()
        self.put("linux/debian-12.img", EXT4)
        disk = self.put("mine", b"QFI\xfb\0\0\0\x03" + bytes(200))
        self.assertIn(f"file={disk},if=none,id=disk0,format=qcow2,snapshot=on", self.plan("linux", f"--disk={disk}")[0])

    def test_linux_without_anything_names_image_and_kernel(self):
        message = self.refused(3, "linux")
        self.assertIn("/build-linux", message)
        self.assertIn("/fetch-kernel", message)

    def test_missing_image_is_told_with_the_fix(self):
        self.put_linux()
        message = self.refused(3, "linux")
        self.assertIn("/build-linux", message)
        self.assertNotIn("fetch-kernel", message)
        self.assertIn("--disk", message)

    def test_kernel_without_the_modules_of_its_disk_is_told_with_the_fix(self):
        self.put("linux/vmlinuz-6.1", BZIMAGE)
        self.put("linux/debian-12.img", EXT4)
        os.makedirs(self.guests + "/linux/modules-6.1")
        self.assertIn("/fetch-kernel", self.refused(3, "linux"))

    def test_what_is_no_disk_image_is_named_with_what_is_expected(self):
        self.put_linux()
        for name, content, word in (("text", b"I am a text file\n" * 100, "raw or qcow2"), ("empty", b"", "raw or qcow2"),
                                    ("vmdk", b"KDMV" + bytes(1000), "qemu-img convert"),
                                    ("xz", b"\xfd7zXZ\0" + bytes(1000), "unpack"),
                                    ("backed", b"QFI\xfb\0\0\0\x02" + bytes(7) + b"\x68" + bytes(200), "another file"),
                                    ("data", b"QFI\xfb\0\0\0\x03" + bytes(71) + b"\x04" + bytes(200), "another file")):
            disk = self.put(name, content)
            message = self.refused(3, "linux", f"--disk={disk}")
            self.assertIn(disk, message)
            self.assertIn(word, message)
        self.assertIn("not a file", self.refused(3, "linux", "--disk=/usr"))
        self.assertIn("No such file", self.refused(3, "linux", "--disk=/nonexistent"))

    def test_kvm_is_used_only_when_decided(self):
        self.put("osv/loader.elf", ELF)
        line, _ = self.plan("osv", "--accel=kvm")
        self.assertIn("-accel kvm -cpu host", line)

    def test_ram_follows_the_programs_memory(self):
        self.put("osv/loader.elf", ELF)
        line, _ = self.plan("osv", f"--memory={524288000}")
        self.assertIn("-m 1280M", line)

    def test_commas_in_paths_reach_qemu_whole(self):
        self.put("osv/loader.elf", ELF)
        work = os.path.join(self.top, "a,b")
        os.makedirs(work)
        line, _ = self.plan("osv", work=work)
        self.assertIn(f"unix:{self.top}/a,,b/", line)
        self.assertIn(f"file={self.top}/a,,b/osv-", line)

    def test_missing_kernel_is_told_with_the_fix(self):
        message = self.refused(3, "linux-minimal")
        self.assertIn("/fetch-kernel", message)
        self.assertIn("--kernel", message)
        message = self.refused(3, "osv")
        self.assertIn("--kernel", message)
        self.assertIn(self.guests + "/osv", message)
        self.assertIn(self.guests + "/nanos", self.refused(3, "nanos"))
        for guest in ("osv", "nanos", "linux-minimal"):
            self.assertIn("/nonexistent/k", self.refused(3, guest, "--kernel=/nonexistent/k"))

    def test_what_is_no_kernel_is_named_with_what_is_expected(self):
        for name, content in (("text", b"I am a text file\n" * 100), ("empty", b""), ("gz", b"\x1f\x8b" + bytes(999)),
                              ("arm", ELF[:18] + b"\xb7\x00" + ELF[20:])):
            kernel = self.put(name, content)
            message = self.refused(3, "osv", f"--kernel={kernel}")
            self.assertIn(kernel, message)
            self.assertIn("expected", message)
            if name != "arm":
                message = self.refused(3, "linux-minimal", f"--kernel={kernel}")
                self.assertIn(kernel, message)
                self.assertIn("expected", message)
        self.assertIn("not a file", self.refused(3, "osv", "--kernel=/usr"))

    def test_kernel_of_the_other_unikernel_is_told(self):
        nanos, osv = self.put("nanos/kernel.img", NANOS), self.put("osv/loader.elf", ELF)
        self.assertIn("--guest nanos", self.refused(3, "osv", f"--kernel={nanos}"))
        message = self.refused(3, "nanos", f"--kernel={osv}")
        self.assertIn(osv, message)
        self.assertIn("kernel.elf or kernel.img", message)
        for name, content in (("text", b"I am a text file\n" * 100), ("empty", b"")):
            self.assertIn("expected", self.refused(3, "nanos", f"--kernel={self.put(name, content)}"))

    def test_missing_qemu_is_told_with_the_package(self):
        os.unlink(self.qemu)
        for guest in ("osv", "linux-minimal"):
            self.assertIn("apt install qemu-system-x86", self.refused(3, guest))

    def test_arguments_that_osv_would_take_apart_are_quoted_as_its_loader_reads_them(self):
        self.put("osv/loader.elf", ELF)
        for word, quoted in (("a b", '"a b"'), ("a;b", '"a;b"'), ("a&!b", '"a&!b"'), ("", '""'), ('a"b', r'"a\"b"'),
                             ("a'b", '"a\'b"'), ("a\\b", r'"a\\b"'), ("x\ny\t", r'"x\ny\t"'), ("{a}=b,c", "{a}=b,c")):
            self.assertIn(f" -palette {quoted} -file ", self.plan("osv", "-palette", word)[0])
        for bad, why in (("a$b", "variable"), ("ü", "ASCII"), ("\x1b", "ASCII")):
            self.assertIn(why, self.refused(2, "osv", "-palette", bad))
        self.assertIn("too long", self.refused(2, "osv", *["x" * 100] * 60))
        self.put("linux/vmlinuz", BZIMAGE)
        self.plan("linux-minimal", "-palette", "a b;c\n")

    def test_too_many_vcpus_for_osv_are_refused(self):
        self.put("osv/loader.elf", ELF)
        self.assertIn("64", self.refused(2, "osv", "--cores=65"))

    def test_work_folder_without_room_for_a_socket_is_refused(self):
        self.put("osv/loader.elf", ELF)
        work = os.path.join(self.top, "x" * 120)
        os.makedirs(work)
        self.assertIn("too long", self.refused(1, "osv", work=work))

    def test_program_that_is_none_is_refused(self):
        self.put("osv/loader.elf", ELF)
        self.put("linux/vmlinuz", BZIMAGE)
        self.put("nanos/kernel.elf", NANOS)
        for guest in ("osv", "nanos", "linux-minimal"):
            self.assertIn("/etc/passwd", self.refused(1, guest, program="/etc/passwd"))
            self.assertIn("/nonexistent", self.refused(1, guest, program="/nonexistent"))
        self.assertEqual(os.listdir(self.work), [], "nothing is left of a failure")


if __name__ == "__main__":
    unittest.main()
