#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""VM guests under KVM, on any machine: vm_kvm_test.py RUN_GUEST PROGRAM IMAGE_TOOL FETCHED_FOLDER...

QEMU's emulation knows AMD's SVM, so an emulated machine (the lab) has a working /dev/kvm. Its initramfs
is made here: Debian's cloud kernel with its kvm modules, busybox, QEMU, run_guest and the guests' kernels.
Exit status 77 where one of those is missing."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

RUN_GUEST, PROGRAM, IMAGE_TOOL = (os.path.abspath(p) for p in sys.argv[1:4])
FOLDERS = [f for f in (os.environ.get("GUESTSCOPE_GUESTS"),
                       os.path.expanduser("~/.local/share/guestscope/guests"),
                       "/usr/share/guestscope/guests") if f]
MODULES = ("irqbypass", "kvm", "kvm-amd")
TIMEOUT_SECONDS = 280

INIT = """#!/bin/sh
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev; mount -t tmpfs none /tmp
for m in irqbypass kvm kvm-amd; do insmod /modules/$m.ko || echo lab: insmod $m failed; done
export HOME=/ PATH=/bin:/usr/bin GUESTSCOPE_GUESTS=/guests LD_LIBRARY_PATH=/lib
mkdir /tmp/w
for guest in GUESTS; do
  run_guest --work /tmp/w --accel auto --cores 2 --timeout 120 --pin 0,1 --helpers 0 $guest /bin/lanes_program
  echo "lab: $guest ended with $?"
  echo "lab: left behind: $(ls /tmp/w | grep -v img)$(pidof qemu-system-x86_64)"
done
poweroff -f
"""


def missing(what, mend):
    print(f"{what} is missing: {mend}")
    sys.exit(77)


def first(pattern):
    found = [f for folder in FOLDERS for f in sorted(glob.glob(os.path.join(folder, pattern)))]
    return found[0] if found else None


def entries(init, guests):
    result = {"/init": init, "/bin/busybox": shutil.which("busybox"), "/bin/run_guest": RUN_GUEST,
              "/usr/bin/qemu-system-x86_64": shutil.which("qemu-system-x86_64"), "/bin/lanes_program": PROGRAM}
    for program in list(result.values())[1:]:
        done = subprocess.run([IMAGE_TOOL, "needs", program], capture_output=True, text=True, check=True)
        interpreter, *libraries = done.stdout.splitlines()
        if interpreter:
            result[interpreter] = interpreter
        for line in libraries:
            name, path = line.split("\t")
            result["/lib/" + name] = path
    for module in MODULES:
        result[f"/modules/{module}.ko"] = first(f"linux/modules-*/{module}.ko") or missing(
            module + ".ko", "run guests/fetch-kernel")
    for folder, names in (("seabios", ("bios-256k.bin",)),
                          ("qemu", ("kvmvapic.bin", "linuxboot.bin", "linuxboot_dma.bin", "multiboot_dma.bin", "pvh.bin"))):
        for name in names:
            path = f"/usr/share/{folder}/{name}"
            if os.path.exists(path):
                result[path] = path
    result.update(guests)
    return [f"{guest}={host}" for guest, host in result.items()] + ["/bin/sh>busybox"] + [
        f"/bin/{applet}>busybox" for applet in ("mount", "mkdir", "insmod", "ls", "grep", "pidof", "poweroff")] + [
        "/dev/", "/proc/", "/sys/", "/tmp/"]


def boot(kernel, image):
    done = subprocess.run(
        ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3G", "-nodefaults",
         "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", kernel, "-initrd", image,
         "-append", "console=ttyS0 quiet panic=-1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_SECONDS, check=False)
    return done.stdout.decode(errors="replace").replace("\r", "")


def main():
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("busybox", "busybox")):
        if not shutil.which(program):
            missing(program, f"apt install {package}")
    kernel = first("linux/vmlinuz*") or missing("Debian's cloud kernel", "run guests/fetch-kernel")
    osv = first("osv/loader-stripped.elf") or first("osv/loader.elf")
    guests = {"/guests/linux/vmlinuz": kernel}
    names = ["linux-minimal"]
    if osv:
        guests["/guests/osv/loader.elf"] = osv
        names.append("osv")
    with tempfile.TemporaryDirectory() as folder:
        init, image = folder + "/init", folder + "/image"
        with open(init, "w", encoding="ascii") as f:
            f.write(INIT.replace("GUESTS;", " ".join(names) + ";"))
        subprocess.run([IMAGE_TOOL, "initramfs", image, *entries(init, guests)], check=True)
        console = boot(kernel, image)
    failures = []
    for promise in ["auto: kvm: "] + [f"lab: {name} ended with 0\nlab: left behind: \n" for name in names]:
        if promise not in console:
            failures.append(promise)
    if console.count("2 threads worked") != len(names):
        failures.append("every guest's program worked")
    if failures:
        print(console)
    for promise in failures:
        print(f"not kept: {promise!r}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
