# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: a virtual machine in which KVM really works, on any machine.

QEMU's emulation knows AMD's SVM, so a machine that it emulates has a working /dev/kvm, whatever the host's
processor can do; the host's own /dev/kvm is never touched. The lab runs Debian's cloud kernel, as
guests/fetch-kernel brings it, from an initramfs that is made here of programs of the host: busybox, QEMU, and
what is to be tested. Results come back by a second serial line, as a tar archive.
"""
import glob
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading

SKIP = 77
GUEST_FOLDERS = [folder for folder in (os.environ.get("GUESTSCOPE_GUESTS"),
                                       os.path.expanduser("~/.local/share/guestscope/guests"),
                                       "/usr/share/guestscope/guests") if folder]
MODULES = ("irqbypass", "kvm", "kvm-amd")
FIRMWARE = ("/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/kvmvapic.bin", "/usr/share/qemu/linuxboot.bin",
            "/usr/share/qemu/linuxboot_dma.bin", "/usr/share/qemu/multiboot_dma.bin", "/usr/share/qemu/pvh.bin")
APPLETS = ("cat", "gzip", "insmod", "mkdir", "mount", "poweroff", "stty", "tar")
# The emulated time stamp counters agree, but the kernel's test of that is fooled by emulation's jitter; with
# another clock the books are dearer and less tight. Four-level page tables, as most processors have.
KERNEL_OPTIONS = "console=ttyS0 quiet panic=-1 tsc=reliable clocksource=tsc"
CPU = "max,la57=off"
BEGINS = "lab: begins"

INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t tracefs none /sys/kernel/tracing
for module in {modules}; do
	insmod /modules/$module.ko || echo "lab: cannot load $module"
done
export HOME=/ PATH=/bin:/usr/bin GUESTSCOPE_GUESTS=/guests LD_LIBRARY_PATH=/lib
mkdir /tmp/results
cd /tmp/results
echo "{begins}"
{script}
stty -F /dev/ttyS1 raw
tar czf - . >/dev/ttyS1
poweroff -f
"""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def find_linux():
    """The kernel, and the folder of its modules; or (None, None)."""
    for folder in GUEST_FOLDERS:
        for modules in sorted(glob.glob(os.path.join(folder, "linux", "modules-*"))):
            kernel = os.path.join(folder, "linux", "vmlinuz-" + os.path.basename(modules)[len("modules-"):])
            if os.path.exists(kernel) and all(os.path.exists(f"{modules}/{name}.ko") for name in MODULES):
                return kernel, modules
    return None, None


def find_osv():
    """An OSv kernel that QEMU boots, or None."""
    for folder in GUEST_FOLDERS:
        for name in ("loader-stripped.elf", "loader.elf", "kernel.elf"):
            if os.path.exists(os.path.join(folder, "osv", name)):
                return os.path.join(folder, "osv", name)
    return None


def need_everything():
    """Skip the test where the lab cannot be built, with the mend."""
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("busybox", "busybox-static")):
        if not shutil.which(program):
            skip(f"no {program} here: apt install {package}")
    if not find_linux()[0]:
        skip("no Debian kernel with its KVM modules here: run guests/fetch-kernel")


def _entries(init, programs, files, image_tool):
    kernel, modules = find_linux()
    result = {"/bin/busybox": shutil.which("busybox"),
              "/usr/bin/qemu-system-x86_64": shutil.which("qemu-system-x86_64"),
              **{f"/bin/{os.path.basename(program)}": program for program in programs}}
    for program in list(result.values()):
        done = subprocess.run([image_tool, "needs", program], capture_output=True, text=True, check=True)
        interpreter, *libraries = done.stdout.splitlines()
        if interpreter:
            result[interpreter] = interpreter
        for line in libraries:
            name, path = line.split("\t")
            result["/lib/" + name] = path
    result.update({f"/modules/{name}.ko": f"{modules}/{name}.ko" for name in MODULES})
    result.update({path: path for path in FIRMWARE if os.path.exists(path)})
    result.update({"/init": init, "/guests/linux/vmlinuz": kernel, **files})
    return ([f"{inside}={host}" for inside, host in result.items()] +
            ["/bin/sh>busybox"] + [f"/bin/{applet}>busybox" for applet in APPLETS] +
            ["/dev/", "/proc/", "/sys/", "/tmp/"])


def make(folder, script, programs, files, image_tool):
    """Write the lab's initramfs into @folder: @script is what its shell runs, in the folder of the results.
    @programs get into /bin with the libraries that they need, @files are {inside: host}."""
    init, image = os.path.join(folder, "init"), os.path.join(folder, "lab.cpio")
    with open(init, "w", encoding="ascii") as f:
        f.write(INIT.format(modules=" ".join(MODULES), begins=BEGINS, script=script))
    subprocess.run([image_tool, "initramfs", image, *_entries(init, programs, files, image_tool)], check=True)
    return image


class Hung(Exception):
    """The lab did not come to its end; with its console."""


def _run_once(folder, image, begin_seconds, seconds):
    results = os.path.join(folder, "results.tar.gz")
    argv = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", "2", "-m", "3G", "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-serial", f"file:{results}",
            "-kernel", find_linux()[0], "-initrd", image, "-append", KERNEL_OPTIONS]
    console = []
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        watchdog = threading.Timer(begin_seconds, qemu.kill)
        try:
            watchdog.start()
            for line in qemu.stdout:
                console.append(line.decode(errors="replace").rstrip("\r\n"))
                if console[-1] == BEGINS:
                    watchdog.cancel()
                    watchdog = threading.Timer(seconds, qemu.kill)
                    watchdog.start()
        finally:
            watchdog.cancel()
            qemu.kill()
    with open(results, "rb") as f:
        data = f.read()
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(os.path.join(folder, "results"))
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise Hung("\n".join(console)) from problem
    return "\n".join(console)


def run(folder, image, begin_seconds=90, seconds=400):
    """Boot the lab; returns its console, the results are then in @folder/results. A boot that hangs, as
    emulated ones now and then do, is tried once more."""
    try:
        return _run_once(folder, image, begin_seconds, seconds)
    except Hung as hung:
        if BEGINS in str(hung):
            raise
        print("the lab hung while it booted; once more")
    return _run_once(folder, image, begin_seconds, seconds)
