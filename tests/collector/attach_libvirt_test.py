#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--attach to virtual machines that libvirt has started: attach_libvirt_test.py COLLECTOR BURN_INIT CALIBRATOR

Known are the shares that the guests burn, and the map of their memory by QEMU's own monitor."""
import os
import shutil
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
import libvirt  # noqa: E402
import machines  # noqa: E402

SECONDS = 240  # after them a guest ends by itself, if nobody ended it
DOMAIN = """<domain type='qemu'>
  <name>{name}</name><memory unit='MiB'>{memory}</memory>{backing}<vcpu>{cores}</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type><kernel>{kernel}</kernel>{initrd}<cmdline>{words}</cmdline></os>
  <features><acpi/><apic/></features>{cpu}<on_poweroff>destroy</on_poweroff>
  <devices><serial type='file'><source path='{console}'/></serial><memballoon model='none'/>{devices}</devices>
</domain>
"""
# Memory that can grow is a node's.
GROWS = """<maxMemory slots='4' unit='MiB'>4096</maxMemory>"""
NUMA = """<numa><cell id='0' cpus='0-1' memory='{memory}' unit='MiB'/></numa>"""
DIMM = """<memory model='dimm'><target><size unit='MiB'>256</size><node>0</node></target></memory>
"""
MAXIMUM = "<cpu mode='maximum'><feature policy='disable' name='la57'/>{more}</cpu>"
VIRTIOFS = """<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs'/>
  <source dir='{folder}'/><target dir='shared'/></filesystem>"""
MODULES = (("virtio_ring", "drivers/virtio"), ("virtio", "drivers/virtio"), ("virtio_pci_legacy_dev", "drivers/virtio"),
           ("virtio_pci_modern_dev", "drivers/virtio"), ("virtio_pci", "drivers/virtio"), ("fuse", "fs/fuse"),
           ("virtiofs", "fs/fuse"))
VIRTIOFS_INIT = """#!/busybox sh
for module in {modules}; do /busybox insmod /$module; done
/busybox mkdir /shared
/busybox mount -t virtiofs shared /shared
exec /shared/burn 2 {seconds}
"""


class LibvirtTest(machines.MachineTest):
    @classmethod
    def setUpClass(cls):
        if not os.environ.get("GUESTSCOPE_EVERY_PROGRAM"):
            harness.skip("minutes of booting: GUESTSCOPE_EVERY_PROGRAM=1 runs it")
        harness.need_root()
        harness.need_program(machines.QEMU, "qemu-system-x86")
        cls.folder = subprocess.run(["mktemp", "-d", "/tmp/guestscope-test-XXXXXX"], capture_output=True, text=True,
                                    check=True).stdout.strip()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.libvirt = libvirt.Libvirt(cls.folder)
        cls.addClassCleanup(cls.libvirt.stop)

    def setUp(self):
        super().setUp()
        os.chmod(self.work, 0o711)  # QEMU is somebody else's
        self.domains = 0

    def domain(self, started, seconds=60, **more):
        """A machine whose console says @started: its name and its process."""
        self.domains += 1
        name = f"gs-tested-{os.getpid()}-{self.domains}"
        console, path = f"{self.work}/{name}.console", f"{self.work}/{name}.xml"
        settings = {"name": name, "memory": 512, "cores": 2, "machine": "q35", "backing": "", "initrd": "", "cpu": "", "devices": "",
                    "console": console, **more}
        with open(path, "w", encoding="ascii") as f:
            f.write(DOMAIN.format(**settings))
        self.addCleanup(self.libvirt.destroy, name)
        self.libvirt.virsh("create", path)
        pid = self.libvirt.pid(name)
        try:
            harness.wait_for("the program", lambda: started in (harness.read_file(console) or ""), seconds)
        except AssertionError:
            print(harness.read_file(console), flush=True)
            raise
        return name, pid

    def calibrator(self, cores=2, **more):
        kernel = shutil.copy(self.programs["calibrator"], self.work)
        return self.domain("name=burn", kernel=kernel, cores=cores,
                           words=f"-cores {cores} -markers -seconds {SECONDS} -burn {machines.BURN} -depth 7", **more)

    def linux(self, told=f"2 {SECONDS}", words="", initrd=None, cpu=MAXIMUM.format(more=""), **more):
        kernel = shutil.copy(machines.linux_kernel(), self.work)
        return self.domain("burning", 140, kernel=kernel, initrd=initrd or f"<initrd>{self.initramfs()}</initrd>", cpu=cpu,
                           words=f"console=ttyS0 quiet no_timer_check {words} -- {told}", **more)

    def assert_memory(self, name, pid):
        ranges = machines.ranges_of(self.libvirt.virsh("qemu-monitor-command", name, "--hmp", "info mtree -f"))
        self.assertEqual(self.memory_said(pid), ranges)
        return ranges

    @harness.patiently
    def test_Linux_by_its_name(self):
        name, pid = self.linux(memory=1024)
        self.assert_memory(name, pid)
        store = self.attach(name, "--program", self.programs["init"], command=[*self.libvirt.inside, self.collector])
        run, = store.runs()
        self.assertEqual((run["guest"], run["cores"], run["accel"], run["audited"]), ("qemu-" + name, 2, "tcg", 1))
        self.assert_shares(self.leaves(store))
        kernel = store.rows("SELECT symbol FROM frame WHERE side = 'guest-kernel' AND symbol NOT LIKE '[%'")
        self.assertGreater(len(kernel), 3)
        self.assertFalse([w for w in store.warnings() if "symbols" in w or "no stacks" in w], store.warnings())
        self.assertIn("running", self.libvirt.virsh("domstate", name))

    @harness.patiently
    def test_the_type_pc(self):
        name, pid = self.calibrator(machine="pc")
        self.assert_memory(name, pid)
        self.assert_calibrated(self.attach(pid))

    @harness.patiently
    def test_shared_memory_and_a_module_that_was_plugged_in(self):
        name, pid = self.calibrator(
            backing=GROWS + "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>",
            cpu=f"<cpu mode='custom'><model>qemu64</model>{NUMA.format(memory=512)}</cpu>")
        before = self.assert_memory(name, pid)
        with open(self.work + "/dimm.xml", "w", encoding="ascii") as f:
            f.write(DIMM)
        self.libvirt.virsh("attach-device", name, self.work + "/dimm.xml")
        self.assertEqual(len(self.assert_memory(name, pid)), len(before) + 1)
        self.assert_calibrated(self.attach(pid))

    @harness.patiently
    def test_memory_in_a_file(self):
        name, pid = self.calibrator(backing="<memoryBacking><source type='file'/><access mode='shared'/></memoryBacking>")
        self.assert_memory(name, pid)
        self.assert_calibrated(self.attach(pid))

    @harness.patiently
    def test_huge_pages(self):
        machines.huge_pages(self, 128)
        name, pid = self.calibrator(memory=256, backing="<memoryBacking><hugepages/></memoryBacking>")
        self.assertIn("/run/huge", harness.read_file(f"/proc/{pid}/maps"))
        self.assert_memory(name, pid)
        self.assert_calibrated(self.attach(pid))

    @harness.patiently
    def test_a_program_on_virtiofs(self):
        """What the guest runs is in a folder that a real virtiofsd gives it."""
        harness.need_program("busybox", "busybox-static")
        os.makedirs(self.work + "/shared", exist_ok=True)
        shutil.copy(self.programs["init"], self.work + "/shared/burn")
        files = [(name + ".ko", self.kernel_module(name, place)) for name, place in MODULES]
        files.append(("busybox", shutil.which("busybox")))
        initrd = self.initramfs(VIRTIOFS_INIT.format(modules=" ".join(name for name, _ in files[:-1]), seconds=SECONDS), files)
        name, pid = self.linux(initrd=f"<initrd>{initrd}</initrd>", devices=VIRTIOFS.format(folder=self.work + "/shared"),
                               backing="<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>")
        self.assert_memory(name, pid)
        store = self.attach(pid, "--program", self.work + "/shared/burn")
        self.assert_shares(self.leaves(store))

    @harness.patiently
    def test_memory_that_is_plugged_in_meanwhile(self):
        name, pid = self.linux(told=f"2 {SECONDS} 100", words="memhp_default_state=online", backing=GROWS,
                               cpu=MAXIMUM.format(more=NUMA.format(memory=512)))
        with open(self.work + "/dimm.xml", "w", encoding="ascii") as f:
            f.write(DIMM)
        plugs = threading.Timer(3, self.libvirt.virsh, ("attach-device", name, self.work + "/dimm.xml"))
        plugs.start()
        store = self.attach(pid, "--program", self.programs["init"], seconds=9)
        plugs.join()
        self.assertIn("living above 4 GiB", harness.read_file(f"{self.work}/{name}.console"))
        self.assert_followed(store)
        self.assert_shares(self.leaves(store))

    def test_16_vCPUs(self):
        _, pid = self.calibrator(cores=16)
        store = self.attach(pid)
        self.assertEqual(store.runs()[0]["cores"], 16)
        self.assertGreater(store.ns(1, "guest", lane=15), 0)


if __name__ == "__main__":
    harness.main("init", "calibrator")
