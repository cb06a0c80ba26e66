#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines of other shapes: topology_test.py COLLECTOR MANDELBROT TRUTH_PROGRAM COMPETITOR IMAGE_TOOL [-v] [TEST...]

Boots emulated machines with eight CPUs (2 packages x 2 cores x 2 threads, 2 NUMA nodes; see lab.py), runs the collector in
them and looks at the stores that come back. With GUESTSCOPE_LAB=all everything (see tests/lab/topologies), else one boot with what
matters most. Exit status 77 where something that the lab is built of is missing."""
import dataclasses
import os
import re
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
import lab  # pylint: disable=wrong-import-position

COLLECTOR, MANDELBROT, TRUTH_PROGRAM, COMPETITOR, IMAGE_TOOL = (os.path.abspath(path) for path in sys.argv[1:6])
TESTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "collector")
ALL = os.environ.get("GUESTSCOPE_LAB") == "all"

PICTURE = "-width 128 -height 96 -smoothness 2 -iteration 400"
NATIVE = "--guest native --repeat 1 --profile none --counters none "
SPIN = NATIVE + "--program /bin/truth_program "


def plans(*rows):
    """A cell of plans alone: {name: text} by Plans."""
    return "".join(f"echo '== {name}' >>said; {before} collector --dry-run --repeat 1 {options} >>said 2>&1\n"
                   for name, before, options in rows)


def group(name, settings):
    """Make a control group (version 2)."""
    return (f"mkdir -p /sys/fs/cgroup/{name}; echo '+cpu +cpuset' >/sys/fs/cgroup/cgroup.subtree_control\n" +
            "".join(f"echo '{value}' >/sys/fs/cgroup/{name}/{file}\n" for file, value in settings.items()))


def join(name):
    return f"echo $$ >/sys/fs/cgroup/{name}/cgroup.procs; "


LEAVE = "echo 1 >/sys/fs/cgroup/cgroup.procs\n"

# The program alone is in the group: the collector's own clock is not held back. Only what is throttled while there is a lane is in its
# books, so the program gets there when it has one, and the kernel's number is read until it ends: a throttle that it ends in
# is not yet counted. Until a lane that may go on gets its CPU, the books call it throttled, the kernel does not: one lane,
# which no other emulated CPU makes wait, and few long times.
QUOTA = group("half", {"cpu.max": "300000 500000"}) + """(
	until grep -l '^worker/0' /proc/[0-9]*/comm >where 2>/dev/null; do sleep 0.1; done
	IFS=/ read -r _ _ pid _ <where
	echo "$pid" >/sys/fs/cgroup/half/cgroup.procs
	while [ -e "/proc/$pid" ]; do cp /sys/fs/cgroup/half/cpu.stat .; sleep 0.05; done
) &
"""

ORDINARY = {
    "plans": plans(
        ("eight", "", "--cores 8"), ("four", "", "--cores 4"), ("threads", "", "--cores 4 --pin threads"),
        ("list", "", "--cores 4 --pin 7,1-2,5"), ("nine", "", "--cores 9"), ("shared", "", "--cores 20 --overcommit"),
        ("taskset", "taskset 0x3c", "--cores 4")),
    "eight": lab.collect(NATIVE + "--cores 8", PICTURE),
    "cpuset": lab.collect(NATIVE + "--cores 4", PICTURE, group("some", {"cpuset.cpus": "2-5"}) + join("some"),
                          "collector --doctor >doctor\n" + LEAVE),
}
MORE = {
    "quota": lab.collect(NATIVE + "--cores 1", PICTURE.replace("400", "4000"), QUOTA),
    "listed": lab.collect(NATIVE + "--cores 4 --pin 7,1-2,5", PICTURE),
    "four": lab.collect(NATIVE + "--cores 4", PICTURE),
    "threads": lab.collect(NATIVE + "--cores 4 --pin threads", PICTURE),
    "unpinned": lab.collect(NATIVE + "--cores 4 --pin none", PICTURE),
    "shared": lab.collect(NATIVE + "--cores 16 --overcommit", PICTURE),
    "offline": lab.collect(NATIVE + "--cores 4", PICTURE, "echo 0 >/sys/devices/system/cpu/cpu2/online\n",
                           "echo 1 >/sys/devices/system/cpu/cpu2/online\n"),
    "own_rule": lab.collect(SPIN + "--cores 2 --pin 5,2", "-do spin -ms 500"),
    "held": lab.collect(NATIVE + "--cores 2", PICTURE, group("held", {"cpu.max": "20000 100000"}) + join("held"),
                        "collector --doctor >doctor\n" + LEAVE),
}
ISOLATED = {
    "isolated_plans": plans(("default", "", "--cores 4"), ("named", "", "--cores 4 --pin 7,4-6"), ("eight", "", "--cores 8")) +
                      "collector --doctor >doctor\n",
    "isolated": lab.collect(NATIVE + "--cores 4 --pin 7,4-6", PICTURE),
    "mixed": lab.collect(NATIVE + "--cores 2 --pin 3,4", PICTURE),
}
# With the host's CPUs to itself: where the emulated CPUs outnumber these, the host decides what the books show.
TRUTH = {
    "truth": "GUESTSCOPE_EMULATED=1 python3 /tests/truth_test.py /bin/collector /bin/truth_program /bin/gs-competitor "
             "Preempted.test_a_competitor_on_a_native_lane_is_named_with_its_CPU_time Blocked "
             "Split.test_sampled_split_tells_the_same_within_its_error "
             "Interrupts.test_storms_of_timers_and_packets_are_counted_as_the_kernel_counts "
             "Stopped.test_stopped_workers_are_blocked_by_that >said 2>&1; echo $? >status\n",
}
BOOTS = [(lab.EIGHT, ORDINARY)]
if ALL:
    BOOTS = [(lab.EIGHT, {**ORDINARY, **MORE}), (dataclasses.replace(lab.EIGHT, options="isolcpus=4-7 nohz_full=6-7"), ISOLATED),
             (lab.Machine(thread="single", boot_seconds=60, silence_seconds=60), TRUTH)]


def read(folder, *path):
    with open(os.path.join(folder, *path), encoding="utf-8", errors="replace") as f:
        return f.read()


class Store(lab.Store):
    def pins(self):
        """[(planned CPU, CPUs that were allowed)] by lane."""
        return [(row["planned_cpu"], row["cpus"]) for row in self.all("SELECT * FROM pin ORDER BY lane")]

    def fact(self, key):
        return self.all("SELECT value FROM experiment WHERE key = ?", key)[0][0]

    def warnings(self):
        return "\n".join(row["text"] for row in self.all("SELECT text FROM warning"))


class Shapes(unittest.TestCase):
    folder = ""

    def store(self, name):
        store = Store(self.folder, name)
        self.addCleanup(store.db.close)
        run = store.all("SELECT * FROM run")[0]
        self.assertEqual((run["closed"], run["lost_events"]), (1, 0), store.said)
        return store

    def text(self, name, file="said"):
        return read(self.folder, name, file)

    def bound(self, store, *cpus):
        """Plan, program and kernel say the same."""
        self.assertEqual(store.pins(), [(cpu, str(cpu)) for cpu in cpus], store.said)
        workers = [row["cpu"] for row in store.all("SELECT cpu FROM worker ORDER BY worker")]
        if workers:
            self.assertEqual(workers, list(cpus))
        self.assertNotIn("as planned", store.warnings())

    def plan(self, name, cell="plans"):
        """What the dry run of that name said, in one line."""
        found = re.search(rf"^== {name}\n(.*?)(?=^== |\Z)", self.text(cell), re.M | re.S)
        return " ".join(found[1].split())


class Ordinary(Shapes):
    def test_plans(self):
        for name, said in (("eight", "lanes on CPU 0,2,4,6,1,3,5,7 GUESTSCOPE_PIN=0,2,4,6,1,3,5,7 "), ("four", "lanes on CPU 0,2,4,6 "),
                           ("threads", "lanes on CPU 0,1,2,3 "), ("list", "lanes on CPU 7,1,2,5 "),
                           ("nine", "this machine lets us use 8 (--overcommit"), ("taskset", "lanes on CPU 2,4,3,5 "),
                           ("shared", "lanes on CPU 0,2,4,6,1,3,5,7,0,2,4,6,1,3,5,7,0,2,4,6, 20 of them share CPUs")):
            with self.subTest(plan=name):
                self.assertIn(said, self.plan(name))

    def test_eight_lanes_on_eight_CPUs(self):
        store = self.store("eight")
        self.bound(store, 0, 2, 4, 6, 1, 3, 5, 7)
        self.assertIn("2 packages, 4 cores, 8 hardware threads (SMT, up to 2 per core), 2 NUMA nodes", store.fact("topology_text"))
        self.assertIn("8 of 8 lanes share a core", store.warnings())

    def test_a_cpuset_limits_lanes_and_changes_no_topology(self):
        store = self.store("cpuset")
        self.bound(store, 2, 4, 3, 5)
        self.assertEqual(store.fact("topology_shape"), self.store("eight").fact("topology_shape"))
        self.assertIn("Lanes take all 4 CPUs that may be used here (of 8)", store.warnings())
        self.assertIn("cpuset holds back CPUs 0-1,6-7", self.text("cpuset", "doctor"))


class ByHand(Shapes):
    """What tests/lab/topologies runs besides."""

    def test_a_list_is_taken_in_its_order(self):
        self.bound(self.store("listed"), 7, 1, 2, 5)

    def test_one_hardware_thread_of_each_core_first(self):
        store = self.store("four")
        self.bound(store, 0, 2, 4, 6)
        self.assertNotIn("share a core", store.warnings())

    def test_threads_fill_a_core_first(self):
        self.bound(self.store("threads"), 0, 1, 2, 3)

    def test_none_binds_nothing(self):
        store = self.store("unpinned")
        self.assertEqual(store.pins(), [(None, "0-7")] * 4)
        self.assertNotIn("is bound to CPU", store.warnings())

    def test_overcommitted_lanes_are_spread_evenly(self):
        self.bound(self.store("shared"), *(2 * [0, 2, 4, 6, 1, 3, 5, 7]))

    def test_a_program_that_binds_itself_by_its_own_rule_is_where_the_plan_says(self):
        store = self.store("own_rule")
        self.assertEqual(store.pins(), [(5, "5"), (2, "2")], store.said)

    def test_an_offline_CPU_gets_no_lane(self):
        store = self.store("offline")
        self.bound(store, 0, 3, 4, 6)
        self.assertIn("7 hardware threads", store.fact("topology_text"))

    def test_a_quota_is_throttled_as_the_kernel_counts(self):
        store = self.store("quota")
        books = store.all("SELECT SUM(ns) FROM account WHERE lane >= 0 AND state = 'throttled'")[0][0] or 0
        kernel = 1000 * int(re.search(r"^throttled_usec (\d+)", self.text("quota", "cpu.stat"), re.M)[1])
        print(f"throttled: books {books / 1e6:.1f} ms, kernel {kernel / 1e6:.1f} ms, {100 * (books / kernel - 1):+.2f} %", flush=True)
        self.assertGreater(kernel, 0)
        self.assertAlmostEqual(books / kernel, 1, delta=0.05)
        self.assertNotIn("the collector itself was held back", store.warnings())

    def test_a_quota_on_the_collector_itself_is_told(self):
        store = self.store("held")
        self.assertRegex(store.warnings(), r"the collector itself was held back by the CPU quota of its cgroup, for [1-9]\d* ms")
        self.assertRegex(self.text("held", "doctor"), r"CPU quota .*a quota of 0.2 CPUs")

    def test_isolated_CPUs_are_for_those_who_name_them(self):
        self.assertIn("lanes on CPU 0,2,1,3 ", self.plan("default", "isolated_plans"))
        self.assertIn("lanes on CPU 7,4,5,6 ", self.plan("named", "isolated_plans"))
        self.assertIn("CPUs 4-7 are isolated, --pin may name them", self.plan("eight", "isolated_plans"))
        doctor = self.text("isolated_plans", "doctor")
        self.assertIn("isolated: CPUs 4-7; without a tick (nohz_full): CPUs 6-7", doctor)
        self.assertIn("CPUs 4-7 are isolated (isolcpus): --pin puts lanes on them", doctor)
        self.assertNotIn("taskset", doctor)

    def test_lanes_on_isolated_CPUs(self):
        store = self.store("isolated")
        self.bound(store, 7, 4, 5, 6)
        self.assertIn("2 of 4 lanes are on CPUs without a tick", store.warnings())
        self.assertNotIn("lanes are on isolated CPUs", store.warnings())

    def test_isolated_and_ordinary_CPUs_are_not_mixed_silently(self):
        store = self.store("mixed")
        self.bound(store, 3, 4)
        self.assertIn("1 of 2 lanes are on isolated CPUs", store.warnings())

    def test_known_disturbances_are_in_the_books(self):
        said = self.text("truth")
        print(said, flush=True)
        self.assertEqual(self.text("truth", "status").strip(), "0")


def main():
    lab.need_everything()
    files = {}
    if ALL:
        files = lab.python_files(os.path.join(TESTS, "truth_test.py"), IMAGE_TOOL)
        files.update({f"/tests/{name}": os.path.join(TESTS, name) for name in ("truth_test.py", "lib/harness.py")})
    with tempfile.TemporaryDirectory(prefix="guestscope-lab-") as folder:
        for machine, cells in BOOTS:
            began = time.monotonic()
            lab.run(folder, cells, [COLLECTOR, MANDELBROT, TRUTH_PROGRAM, COMPETITOR], files, IMAGE_TOOL, machine)
            print(f"{len(cells)} cells in {time.monotonic() - began:.0f} s", flush=True)
        if os.environ.get("GUESTSCOPE_KEEP"):
            os.system(f"cp -r {folder} {os.environ['GUESTSCOPE_KEEP']}")
        Shapes.folder = folder
        done = unittest.main(defaultTest=["Ordinary", "ByHand"] if ALL else ["Ordinary"],
                             argv=[sys.argv[0], *sys.argv[6:]], exit=False, verbosity=2)
    sys.exit(not done.result.wasSuccessful())


if __name__ == "__main__":
    main()
