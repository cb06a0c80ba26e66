# SPDX-License-Identifier: GPL-2.0-or-later
"""A libvirt of a test's own, beside the system's and without systemd: its daemon sees empty folders where libvirt keeps what
it has, in a mount namespace. Processes have the numbers that they have everywhere. Machines outlive libvirt: the daemon's
parent ends them, and removes their control groups, when the test is over, however that ends."""
import contextlib
import os
import shutil
import subprocess
import threading

import harness

ANSWER_SECONDS = 90  # it asks each QEMU that is here what it can do
# The users of the package that makes them, libvirt-daemon-system, which wants systemd.
NAMESPACE = """set -e
mount --make-rprivate /
for place in /run /var /etc/libvirt; do mount -t tmpfs -o mode=755 none $place; done
mkdir -p /run/lock /var/lib /var/log /var/cache /var/tmp
ln -s /run /var/run
for file in passwd group; do
	cp /etc/$file /run/$file
	grep -q ^libvirt-qemu: /run/$file || case $file in
	passwd) echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin' ;;
	group) echo 'libvirt-qemu:x:64055:' ;;
	esac >>/run/$file
	mount --bind /run/$file /etc/$file
done
mkdir /run/huge
mount -t hugetlbfs none /run/huge || true
echo 'stdio_handler = "file"' >/etc/libvirt/qemu.conf
groups=$(ls -d /sys/fs/cgroup/machine /sys/fs/cgroup/*/machine 2>/dev/null || true)
{ "$@"; kill -s TERM $$; } &
# Its other end is the test's.
read -r never || true
set +e
for file in /run/libvirt/qemu/gs-*.pid; do [ ! -e "$file" ] || kill -s KILL "$(cat "$file")"; done
trap '' TERM
kill -s TERM "$(cat /run/daemon.pid)"
wait
sleep 0.2
[ -n "$groups" ] || find /sys/fs/cgroup -depth -type d -path '*/machine*' -exec rmdir {} + 2>/dev/null
exit 0
"""
CONFIGURATION = """auth_unix_rw = "none"
unix_sock_group = "root"
log_outputs = "3:stderr"
"""


def let_orphans_go():
    """Machines, and those that libvirt asks what they can do, come to us, the subreaper: libvirt waits until they are gone."""
    with contextlib.suppress(OSError):
        for pid in (harness.read_file(f"/proc/{os.getpid()}/task/{os.getpid()}/children") or "").split():
            if (harness.read_file(f"/proc/{pid}/comm") or "").startswith("qemu-"):
                os.waitpid(int(pid), os.WNOHANG)


class Libvirt:
    """Ends with the test: stop() has to be called. Skips the test where there is none, or it may not run."""

    def __init__(self, folder):
        daemons = [path for path in map(shutil.which, ("virtqemud", "libvirtd")) if path]
        if not daemons:
            harness.skip("no libvirt here: apt install libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients")
        harness.need_program("virsh", "libvirt-clients")
        self.log = folder + "/libvirt-log"
        self.over = threading.Event()
        threading.Thread(target=self._let_go, daemon=True).start()
        with open(folder + "/libvirt.conf", "w", encoding="ascii") as f:
            f.write(CONFIGURATION)
        with open(self.log, "wb") as log:
            self.daemon = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", NAMESPACE, "libvirt", daemons[0], "--pid-file", "/run/daemon.pid", "--config",
                 folder + "/libvirt.conf"],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
        #: Before a command, which then sees what the daemon sees.
        self.inside = ["nsenter", f"--mount=/proc/{self.daemon.pid}/ns/mnt", "--wd=" + folder]
        try:
            harness.wait_for("libvirt", lambda: self.daemon.poll() is not None or self._answers(), ANSWER_SECONDS, 0.2)
        except AssertionError:
            self.stop()
            raise
        if self.daemon.poll() is not None:
            harness.skip("libvirt does not run here: " + self.said())

    def _let_go(self):
        while not self.over.wait(0.1):
            let_orphans_go()

    def said(self):
        return ((harness.read_file(self.log) or "").strip().splitlines() or ["it said nothing"])[-1]

    def _virsh(self, *words):
        return subprocess.run([*self.inside, "virsh", "--quiet", "-c", "qemu:///system", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)

    def _answers(self):
        return self._virsh("version").returncode == 0

    def virsh(self, *words):
        done = self._virsh(*words)
        assert done.returncode == 0, f"virsh {words}: {done.stderr} {self.said()}"
        return done.stdout

    def pid(self, domain):
        """Of its QEMU, as libvirt has it written down."""
        return int(subprocess.run([*self.inside, "cat", f"/run/libvirt/qemu/{domain}.pid"], stdout=subprocess.PIPE, check=True).stdout)

    def destroy(self, domain):
        with contextlib.suppress(AssertionError):
            self.virsh("destroy", domain)

    def stop(self):
        self.daemon.stdin.close()
        self.daemon.wait(60)
        self.over.set()
