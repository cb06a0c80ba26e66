# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab on an emulated Intel processor: Bochs emulates VMX, which QEMU does not.

$GUESTSCOPE_BOCHS, or bochs in PATH, has to be version 3.0 or later, configured with --enable-vmx=2 and without
its debugger, and with the patch that docs/inside-guests.md names: without it a guest that keeps interrupts off, as
bare does, is hardly ever interrupted, so it has next to no samples.

Bochs has no option for a kernel: it boots a disk with a FAT file system and syslinux. Its processor executes
some 100 million instructions a second, so the clock of the lab is slower than the host's."""
import os
import shutil
import subprocess
import time
from dataclasses import dataclass

import lab

MODULES = ("irqbypass", "kvm", "kvm-intel")
KERNEL_OPTIONS = "console=ttyS0,115200 quiet panic=-1 tsc=reliable clocksource=tsc mitigations=off"
CYLINDER_KIB = 504  # of 16 heads and 63 sectors
SPARE_CYLINDERS = 8
ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "MTOOLS_SKIP_CHECK": "1"}
FIRMWARE = "/usr/share/seabios/bios.bin"
FIRMWARE_VGA = "/usr/share/seabios/vgabios-stdvga.bin"

# Its alarm handler logs under the log's own lock: errors and messages are not to be logged at all.
CONFIGURATION = """display_library: nogui
megs: {memory}
cpu: model=corei7_haswell_4770, count={cpus}, ips=200000000, reset_on_triple_fault=0
clock: sync=none, time0=utc
romimage: file={firmware}
vgaromimage: file={firmware_vga}
ata0-master: type=disk, path={disk}, mode=volatile
boot: disk
com1: enabled=1, mode=file, dev={console}
com2: enabled=1, mode=file, dev={archive}
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
log: {folder}/bochs.log
"""
SYSLINUX = f"""default lab
label lab
kernel vmlinuz
initrd initrd
append {KERNEL_OPTIONS} """


def find():
    """The emulator, or None."""
    return os.environ.get("GUESTSCOPE_BOCHS") or shutil.which("bochs")


def need_everything():
    """Skip the test where the lab cannot be built, with the patch."""
    lab.need_everything(MODULES)
    if not find():
        lab.skip("no Bochs with Intel's VMX here: name one by GUESTSCOPE_BOCHS (docs/inside-guests.md says how to build it)")
    said = subprocess.run([find(), "--help", "cpu"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if "corei7_haswell_4770" not in said.stdout + said.stderr:
        lab.skip(f"{find()} does not know the processor corei7_haswell_4770: it was configured without --enable-vmx=2 or AVX")
    for program, package in (("mkfs.fat", "dosfstools"), ("syslinux", "syslinux"), ("mcopy", "mtools"), ("lz4", "lz4")):
        if not shutil.which(program, path=ENVIRONMENT["PATH"]):
            lab.skip(f"no {program} here: apt install {package}")


def _make_disk(folder, image, kernel, options):
    disk, initrd, words = (os.path.join(folder, name) for name in ("disk", "initrd", "syslinux.cfg"))
    subprocess.run(["lz4", "-l", "-1", "-q", "-f", image, initrd], check=True)
    with open(words, "w", encoding="ascii") as f:
        f.write(SYSLINUX + options + "\n")
    files = {"vmlinuz": kernel, "initrd": initrd, "syslinux.cfg": words}
    cylinders = sum(os.path.getsize(path) for path in files.values()) // (CYLINDER_KIB << 10) + SPARE_CYLINDERS
    if os.path.exists(disk):
        os.remove(disk)
    for argv in (["mkfs.fat", "-g", "16/63", "-h", "0", "--mbr=n", "-C", disk, str(cylinders * CYLINDER_KIB)],
                 ["syslinux", "--install", disk],
                 *(["mcopy", "-i", disk, path, "::" + name] for name, path in files.items())):
        subprocess.run(argv, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    return disk


def _watch(bochs, path, silence_seconds):
    """The lines of the console, until the lab ends or its heart stops."""
    size, since = -1, time.monotonic()
    while bochs.poll() is None and time.monotonic() - since < silence_seconds:
        time.sleep(0.5)
        now = os.path.getsize(path) if os.path.exists(path) else 0
        if now != size:
            size, since = now, time.monotonic()
    bochs.kill()
    with open(path, encoding="utf-8", errors="replace") as f:
        return [line for line in f.read().replace("\r", "").split("\n") if line and line != lab.ALIVE]


@dataclass(frozen=True)
class Bochs(lab.Machine):
    """The machine that it emulates."""
    cpus: int = 1
    memory_mib: int = 2048
    needed: tuple = MODULES
    silence_seconds: int = 300  # the boot's, and between two beats of the lab's heart

    def boot(self, folder, image, archive):
        console, configuration = (os.path.join(folder, name) for name in ("console", "bochsrc"))
        with open(configuration, "w", encoding="utf-8") as f:
            f.write(CONFIGURATION.format(cpus=self.cpus, memory=self.memory_mib, folder=folder, firmware=FIRMWARE,
                                         firmware_vga=FIRMWARE_VGA, console=console, archive=archive,
                                         disk=_make_disk(folder, image, self.found()[0], self.options)))
        # its exit status says nothing
        with subprocess.Popen([find(), "-q", "-f", configuration], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, cwd=folder, preexec_fn=lab.die_with_parent) as bochs:
            return _watch(bochs, console, self.silence_seconds)
