# SPDX-License-Identifier: GPL-2.0-or-later
"""A Slurm of one node, this machine, for one test: munged, slurmctld and slurmd with a configuration,
state and key of their own, on the loopback interface."""
import os
import socket
import subprocess

import harness

PROGRAMS = (("munged", "munge"), ("slurmctld", "slurmctld"), ("slurmd", "slurmd"), ("sbatch", "slurm-client"))
CONFIGURATION = """
ClusterName=guestscope-test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """@environment goes to the daemons and, by them, to the jobs."""

    def __init__(self, folder, environment):
        for program, package in PROGRAMS:
            harness.need_program(program, package)
        self.folder = folder
        self.daemons = []
        os.makedirs(folder + "/state")
        os.makedirs(folder + "/spool")
        os.chmod(folder, 0o755)
        controller, node = harness.free_ports(2)
        with open(folder + "/slurm.conf", "w", encoding="ascii") as f:
            f.write(CONFIGURATION.format(folder=folder, host=socket.gethostname().split(".")[0],
                                         controller=controller, node=node))
        self.environment = dict(environment, SLURM_CONF=folder + "/slurm.conf")

    def start(self):
        key = self.folder + "/munge.key"
        with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as f:
            f.write(os.urandom(1024))
        self._daemon("munged", "--foreground", "--force", "--key-file", key, "--socket",
                     self.folder + "/munge.socket", "--pid-file", self.folder + "/munged.pid", "--log-file",
                     self.folder + "/munged.log", "--seed-file", self.folder + "/munged.seed")
        harness.wait_for("munged's socket", lambda: os.path.exists(self.folder + "/munge.socket"), 30)
        self._daemon("slurmctld", "-D", "-c", "-f", self.folder + "/slurm.conf")
        self._daemon("slurmd", "-D", "-f", self.folder + "/slurm.conf")
        harness.wait_for("an idle node", self._idle, 60, 0.2)

    def _daemon(self, *argv):
        with open(f"{self.folder}/{argv[0]}.out", "wb") as out:
            self.daemons.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                                 env=self.environment))

    def _idle(self):
        for daemon in self.daemons:
            assert daemon.poll() is None, f"{daemon.args[0]} ended: {self.words(daemon.args[0])}"
        return "idle" in self.ask("sinfo", "--noheader", "--format=%T", check=False)

    def words(self, name):
        """The last that a daemon said."""
        text = (harness.read_file(f"{self.folder}/{name}.log") or "") + \
            (harness.read_file(f"{self.folder}/{name}.out") or "")
        return " | ".join(text.splitlines()[-5:])

    def ask(self, *argv, check=True):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                              env=self.environment, check=False)
        assert not check or done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def submit(self, *argv):
        """sbatch; returns the job's number."""
        return self.ask("sbatch", "--parsable", f"--output={self.folder}/job-%a.out", *argv).strip()

    def wait(self, seconds=120.0):
        """Until no job is left."""
        harness.wait_for("the end of all jobs", lambda: not self.ask("squeue", "--noheader").strip(), seconds,
                         0.2)

    def stop(self):
        """The last started first, each by its own number."""
        for daemon in reversed(self.daemons):
            if daemon.poll() is None:
                daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
