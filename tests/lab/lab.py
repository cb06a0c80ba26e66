# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: a virtual machine in which KVM really works, on any machine.

QEMU's emulation knows AMD's SVM, so a machine that it emulates has a working /dev/kvm, whatever the host's
processor can do; the host's own /dev/kvm is never touched. The lab runs Debian's cloud kernel, as
guests/fetch-kernel brings it, from an initramfs that is made here of programs of the host: busybox, QEMU, and
what is to be tested. Results come back by a second serial line, as a tar archive.

Emulation has one weakness that shows here. Linux patches itself whenever a probe is attached; if another CPU
translates that very instruction at that moment, QEMU (7.2) may go on executing it as it was, a breakpoint, and
both CPUs spin in it for ever, or the kernel panics. The busier the host, the likelier. So the lab has a heartbeat;
where it stops, the lab is booted again for the cells that are not done. With all CPUs in one thread of QEMU
(Machine.thread) it was not seen with two CPUs, but KVM's guests then take ten times as long.
"""
import ctypes
import glob
import lzma
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
import unittest
from dataclasses import dataclass

SKIP = 77
PR_SET_PDEATHSIG = 1
GUEST_FOLDERS = [folder for folder in (os.environ.get("GUESTSCOPE_GUESTS"),
                                       os.path.expanduser("~/.local/share/guestscope/guests"),
                                       "/usr/share/guestscope/guests") if folder]
MODULES = ("irqbypass", "kvm", "kvm-amd")
FIRMWARE = ("/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/kvmvapic.bin", "/usr/share/qemu/linuxboot.bin",
            "/usr/share/qemu/linuxboot_dma.bin", "/usr/share/qemu/multiboot_dma.bin", "/usr/share/qemu/pvh.bin")
# Where QEMU is built of modules, emulation is one of them.
EMULATION = glob.glob("/usr/lib/*/qemu/accel-tcg-x86_64.so")
APPLETS = ("cat", "chmod", "cp", "grep", "gzip", "ifconfig", "insmod", "ls", "mkdir", "mount", "poweroff", "rm", "sleep", "stty", "tar", "taskset",
           "umount")
# The emulated time stamp counters agree, but emulation's jitter fools the kernel's test of that; with another
# clock the books are dearer and less tight. Four-level page tables, as most processors have. Without the fast string
# instructions, which are slow here: emulation does them byte by byte, and clearing pages took a fifth of a cell's time.
KERNEL_OPTIONS = "console=ttyS0 quiet panic=-1 tsc=reliable clocksource=tsc"
CPU = "max,la57=off,erms=off,fsrm=off"
PYTHON = "/usr/bin/python3"
DONE = "lab: done with "
ALIVE = "lab: alive"
LOCKUP = "BUG: soft lockup"
HANGS_MAX = 6  # of one cell, one after the other

def die_with_parent():
    """For Popen's preexec_fn: an emulator ends with its test, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True)
class Machine:
    """What is emulated for the lab. QEMU's AMD model shows no siblings: for threads of a core, cpu needs
    another vendor. With eight vCPUs thread=multi hung in 3 of 4 boots, thread=single in 1 of 9."""
    cpus: int = 2
    smp: str = ""  # more of -smp, such as ",sockets=2,cores=2,threads=2"
    cpu: str = CPU
    thread: str = "multi"
    memory_mib: int = 3072
    nodes: int = 0  # of NUMA, with equal shares of memory and CPUs; 0: none
    options: str = ""  # more of the kernel's command line
    kernel: str = ""  # with modules in a folder; "": the first that is found
    modules: str = ""
    needed: tuple = MODULES
    boot_seconds: int = 90
    silence_seconds: int = 25  # of a heart that beats every five

    def found(self):
        """The kernel, and the folder of its modules."""
        return (self.kernel, self.modules) if self.kernel else find_linux(self.needed)

    def shape(self):
        """QEMU's options for it."""
        argv = ["-accel", f"tcg,thread={self.thread}", "-cpu", self.cpu, "-smp", f"{self.cpus}{self.smp}", "-m", f"{self.memory_mib}M"]
        for node in range(self.nodes):
            first = node * self.cpus // self.nodes
            last = (node + 1) * self.cpus // self.nodes - 1
            argv += ["-object", f"memory-backend-ram,id=node{node},size={self.memory_mib // self.nodes}M",
                     "-numa", f"node,nodeid={node},memdev=node{node},cpus={first}-{last}"]
        return argv

    def boot(self, folder, image, archive):
        """Boot it; what the lab sends goes to the file @archive. Returns the lines of the console."""
        argv = ["qemu-system-x86_64", "-name", "lab,debug-threads=on", *self.shape(), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
                "-serial", f"file:{archive}", "-kernel", self.found()[0], "-initrd", image,
                "-append", f"{KERNEL_OPTIONS} {self.options}"]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=die_with_parent) as qemu:
            return _watch(qemu, self)


EIGHT = Machine(cpus=8, smp=",sockets=2,cores=2,threads=2", cpu=CPU + ",vendor=GenuineIntel", thread="single", nodes=2,
                boot_seconds=120, silence_seconds=90)

INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t tracefs none /sys/kernel/tracing
mount -t cgroup2 none /sys/fs/cgroup
for module in {modules}; do
	insmod /modules/$module.ko || echo "lab: cannot load $module"
done
export HOME=/ PATH=/bin:/usr/bin GUESTSCOPE_GUESTS=/guests LD_LIBRARY_PATH=/lib
ifconfig lo up
stty -F /dev/ttyS1 raw
while echo "{alive}"; do sleep 5; done &
{cells}poweroff -f
"""
# Each cell has a folder of its own, which is brought back.
CELL = """mkdir /tmp/{name}
cd /tmp/{name}
{script}
cd /tmp
tar czf - {name} >/dev/ttyS1
rm -rf {name}
echo "{done}{name}"
"""
COLLECT = """{before}collector --frequency 999 {options} --timeout 240 --output store -- {words} >said 2>&1
echo $? >status
{after}"""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)


def _module(modules, name):
    """The file of a module, compressed or not; or None."""
    found = [path for path in (f"{modules}/{name}.ko", f"{modules}/{name}.ko.xz") if os.path.exists(path)]
    return found[0] if found else None


def _plain_module(modules, name, folder):
    """The same, not compressed: if need be in @folder."""
    path = _module(modules, name)
    if path.endswith(".xz"):
        plain = os.path.join(folder, name + ".ko")
        with lzma.open(path) as source, open(plain, "wb") as target:
            shutil.copyfileobj(source, target)
        path = plain
    return path


def find_linux(needed=MODULES):
    """The kernel, and the folder of its modules; or (None, None)."""
    for folder in GUEST_FOLDERS:
        for modules in sorted(glob.glob(os.path.join(folder, "linux", "modules-*"))):
            kernel = os.path.join(folder, "linux", "vmlinuz-" + os.path.basename(modules)[len("modules-"):])
            if os.path.exists(kernel) and all(_module(modules, name) for name in needed):
                return kernel, modules
    return None, None


def find_osv():
    """An OSv kernel that QEMU boots, or None."""
    for folder in GUEST_FOLDERS:
        for name in ("loader-stripped.elf", "loader.elf", "kernel.elf"):
            if os.path.exists(os.path.join(folder, "osv", name)):
                return os.path.join(folder, "osv", name)
    return None


def bare_files(kernel):
    """{inside: host}: the @kernel of bare, and the calibrator that was built with it."""
    build = os.path.dirname(os.path.dirname(os.path.dirname(kernel)))
    return {"/guests/bare/bare.elf": kernel,
            "/tests/calibrator/calibrator.elf": os.path.join(build, "tests/calibrator/calibrator.elf")}


def osv_files():
    """{inside: host}: OSv's kernel, and the one with its symbols beside it, where there are any."""
    kernel = find_osv()
    if not kernel:
        return {}
    whole = os.path.join(os.path.dirname(kernel), "loader.elf")
    return {"/guests/osv/" + os.path.basename(path): path for path in (kernel, whole) if os.path.exists(path)}


def need_everything(modules=MODULES):
    """Skip the test where the lab cannot be built, with the patch."""
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("busybox", "busybox-static"),
                             ("setpriv", "util-linux")):
        if not shutil.which(program):
            skip(f"no {program} here: apt install {package}")
    if not find_linux(modules)[0]:
        skip("no Debian kernel with its KVM modules here: run guests/fetch-kernel")


def _libraries(program, image_tool):
    """{inside: host} of what a program, or a library, is linked with."""
    done = subprocess.run([image_tool, "needs", program], capture_output=True, text=True, check=True)
    interpreter, *libraries = done.stdout.splitlines()
    found = {interpreter: interpreter} if interpreter else {}
    for line in libraries:
        name, path = line.split("\t")
        found["/lib/" + name] = path
    return found


def python_files(script, image_tool):
    """{inside: host}: Python, with what @script imports at its top; nothing where there is no Python of a distribution."""
    if not os.path.exists(PYTHON):
        return {}
    ask = ("import runpy, sys, unittest.main, encodings.utf_8, encodings.latin_1\n"
           f"sys.argv = ['']\nif {script!r}: runpy.run_path({script!r}, run_name='asked')\n"
           "for m in list(sys.modules.values()):\n"
           "    for name in ('__file__', '__cached__'):\n"
           "        if getattr(m, name, None): print(getattr(m, name))\n")
    done = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=True)
    found = {PYTHON: os.path.realpath(PYTHON), **_libraries(PYTHON, image_tool)}
    for path in done.stdout.splitlines():
        if path.startswith("/usr/lib/python") and os.path.exists(path):
            found[path] = path
        if path.endswith(".so"):
            found.update(_libraries(path, image_tool))
    return found


def _entries(folder, init, programs, files, image_tool, machine):
    kernel, modules = machine.found()
    result = {"/bin/busybox": shutil.which("busybox"),
              "/usr/bin/qemu-system-x86_64": shutil.which("qemu-system-x86_64"),
              **{f"/bin/{os.path.basename(program)}": program for program in programs}}
    for program in list(result.values()):
        result.update(_libraries(program, image_tool))
    for module in EMULATION:
        result.update({module: module, **_libraries(module, image_tool)})
    result.update({f"/modules/{name}.ko": _plain_module(modules, name, folder) for name in machine.needed})
    result.update({path: path for path in FIRMWARE if os.path.exists(path)})
    result.update({"/init": init, "/guests/linux/vmlinuz": kernel, **files})
    return ([f"{inside}={host}" for inside, host in result.items()] +
            ["/bin/sh>busybox"] + [f"/bin/{applet}>busybox" for applet in APPLETS] +
            ["/dev/", "/proc/", "/sys/", "/tmp/"])


def collect(options, words, before="", after=""):
    """The script of a cell that runs the collector: leaves its store, what it said, and its exit status.
    @words go to the program that it measures; @before and @after are script too."""
    if "--program " in options:  # as --program=FILE, it is one that knows nothing of us
        words = "-cores {cores} -markers -rows " + words
    return COLLECT.format(options=options, words=words, before=before, after=after)


def _make_image(folder, cells, programs, files, image_tool, machine):
    init, image = os.path.join(folder, "init"), os.path.join(folder, "lab.cpio")
    text = "".join(CELL.format(name=name, script=script, done=DONE) for name, script in cells.items())
    with open(init, "w", encoding="ascii") as f:
        f.write(INIT.format(modules=" ".join(machine.needed), alive=ALIVE, cells=text))
    subprocess.run([image_tool, "initramfs", image, *_entries(folder, init, programs, files, image_tool, machine)], check=True)
    return image


def _watch(qemu, machine):
    """The lines of the console, until the lab ends, hangs, or its heart stops."""
    console, began = [], time.monotonic()
    watchdog = threading.Timer(machine.boot_seconds, qemu.kill)
    watchdog.start()
    try:
        for line in qemu.stdout:
            text = line.decode(errors="replace").rstrip("\r\n")
            if text != ALIVE:
                console.append(text)
            if LOCKUP in text:
                break
            if text.startswith(DONE):
                print(f"{text[len(DONE):]} was done {time.monotonic() - began:.0f} s after power-on", flush=True)
            watchdog.cancel()
            watchdog = threading.Timer(machine.silence_seconds, qemu.kill)
            watchdog.start()
    finally:
        watchdog.cancel()
        qemu.kill()
    return console


def _boot(folder, image, machine):
    """Returns the names of the cells that came to their end, and the console."""
    archive = os.path.join(folder, "results.tar.gz")
    console = machine.boot(folder, image, archive)
    done = [line[len(DONE):] for line in console if line.startswith(DONE)]
    try:
        # one archive after the other; of a cell that was cut off, the last one is too
        with tarfile.open(archive, "r:gz", ignore_zeros=True) as tar:
            for member in tar:
                if member.name.split("/")[0] in done:
                    tar.extract(member, folder)
    except (tarfile.TarError, EOFError, OSError):
        pass
    return [name for name in done if os.path.isdir(os.path.join(folder, name))], "\n".join(console)


def run(folder, cells, programs, files, image_tool, machine=Machine()):
    """Run all of @cells, {name: shell script}, in the lab; what each left in its folder is then in
    @folder/<name>. @programs get into the lab's /bin with the libraries that they need, @files are
    {inside: host}; @machine is what is booted. RuntimeError, with the console, where a cell hung the lab HANGS_MAX times."""
    left, hangs = dict(cells), 0
    while left:
        done, console = _boot(folder, _make_image(folder, left, programs, files, image_tool, machine), machine)
        for name in done:
            left.pop(name, None)
        if not left:
            return
        hangs = 0 if done else hangs
        hangs += 1
        print(f"the lab hung, cells {', '.join(left)} are not done; its console:\n{console}", flush=True)
        if hangs == HANGS_MAX:
            raise RuntimeError(f"cell {next(iter(left))} hung the lab {hangs} times; its console:\n{console}")


class Store:
    """One cell's experiment, as the lab brought it back."""

    def __init__(self, folder, name):
        self.folder = os.path.join(folder, name)
        with open(os.path.join(self.folder, "said"), encoding="utf-8", errors="replace") as f:
            self.said = f.read()
        with open(os.path.join(self.folder, "status"), encoding="ascii") as f:
            self.exit_status = int(f.read())
        try:
            self.db = sqlite3.connect(f"file:{self.folder}/store/experiment.db?mode=ro", uri=True)
            self.db.row_factory = sqlite3.Row
            run = self.db.execute("SELECT status, error FROM run").fetchone()
        except sqlite3.Error as problem:
            raise AssertionError(f"{name} left no store: {problem}\n{self.said}") from problem
        assert run and run["status"] == "ok", (name, run and run["error"], self.said)

    def all(self, sql, *values):
        return self.db.execute(sql, values).fetchall()


class Test(unittest.TestCase):
    """Looks at stores that the lab brought back: whoever ran it calls open_stores()."""
    store_class = Store
    stores = {}

    @classmethod
    def open_stores(cls, folder, names):
        cls.stores = {name: cls.store_class(folder, name) for name in names}
