#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Container images of the user's own (--image): image_test.py COLLECTOR UNMARKED_PROGRAM SERVE_PROGRAM

The image is imported here: busybox, a dynamic program, a server. What it says of itself, and what its programs do, is
known."""
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import harness  # noqa: E402
from podman_settings import modest_podman  # noqa: E402

MS = 1_000_000
CONFIG = ('ENTRYPOINT ["unmarked"]', 'CMD ["sleeps", "7"]', "ENV PATH=/none:/opt:/bin", "ENV MARK=image", "WORKDIR /srv")


def libraries(program):
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", text)


class ImageTest(harness.SystemTest):
    engine = None

    def setUp(self):
        harness.need_root()
        super().setUp()
        if not self.works():
            harness.skip(f"{self.engine} cannot run here: collector --doctor says why")
        busybox = shutil.which("busybox")
        if not busybox or "not a dynamic" not in subprocess.run(["ldd", busybox], capture_output=True, text=True,
                                                                check=False).stderr:
            harness.skip("no busybox that is static: apt install busybox-static")
        self.files = {"bin/busybox": busybox, "opt/unmarked": self.programs["unmarked"],
                      "opt/serve": self.programs["serve"]}
        for name in ("unmarked", "serve"):
            self.files.update({path[1:]: path for path in libraries(self.programs[name])})
        self.image = f"test-{uuid.uuid4().hex[:12]}"
        self.addCleanup(self.ask, "rmi", "--force", self.image)
        self.import_image()

    def works(self):
        return harness.docker_answers() if self.engine == "docker" else \
            harness.guests_available(self.collector, self.engine)

    def ask(self, *words):
        return subprocess.run([self.engine, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, check=False).stdout.strip()

    def import_image(self, note="first"):
        path = os.path.join(self.work, "image.tar")
        with tarfile.open(path, "w") as tar:
            for name, source in self.files.items():
                entry = tar.gettarinfo(os.path.realpath(source), name)
                with open(source, "rb") as f:
                    tar.addfile(entry, f)
            for name, text in (("note", note), ("srv/here", "")):
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode()))
        done = subprocess.run([self.engine, "import", *(w for c in CONFIG for w in ("--change", c)), path, self.image],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def meet(self, *options, status=0, workload=None, cores="1"):
        done = self.collect("--guest", self.engine, "--cores", cores, "--repeat", "1", "--image", self.image, *options,
                            workload=workload)
        self.assertEqual(done.status, status, done.stderr)
        # It is the user's: it stays, and no container does.
        self.assertTrue(self.ask("images", "--quiet", self.image))
        self.assertEqual(self.ask("ps", "--all", "--quiet"), "")
        store = done.store()
        self.addCleanup(store.db.close)
        return store


class Both:
    @harness.patiently
    def test_its_entry_point_is_found_in_its_path_and_takes_the_arguments(self):
        harness.need_cpus(2)
        store = self.meet(workload=("three",), cores="2")
        said = dict(re.findall(r"(?m)^(\w+)=([0-9.]+)\r?$", store.console(1)))
        self.assert_measured(store)
        self.assertEqual(list(store.phases(1)), ["boot", "run"])
        on_cpu = sum(store.ns(1, state, phase="run") for state in ("user", "kernel", "irq")) / MS
        self.assertGreater(on_cpu, float(said["cpu"]) - 6)
        self.assertLess(on_cpu, float(said["cpu"]) * 1.15 + 20)
        self.assertEqual(len(store.rows("SELECT * FROM thread WHERE run = 1")), 4)
        plan = json.loads(store.rows("SELECT value FROM experiment WHERE key = 'plan'")[0]["value"])
        self.assertTrue(self.ask("image", "inspect", "--format", "{{.Id}}", self.image)
                        .endswith(plan["files"][f"image of {self.engine}"]))

    def test_without_arguments_it_has_its_own_command(self):
        self.assertIn("status 7", self.meet(status=1).runs()[0]["error"])

    def test_a_program_inside_it_takes_the_entry_points_place(self):
        with open(os.path.join(self.work, "data"), "w", encoding="utf-8") as f:
            f.write("from the host")
        store = self.meet("--program=busybox", "--env", "CORES={cores}", "--with", "data:/data/file", workload=(
            "sh", "-c", 'echo "in $PWD with $MARK, $CORES: $(busybox cat /data/file), {run}"'))
        self.assertIn("in /srv with image, 1: from the host, 1", store.console(1))

    def test_a_changed_image_is_another_experiment(self):
        store = self.meet("--program=/bin/busybox", workload=("true",))
        self.import_image("second")
        self.forget_run(store)
        self.assert_one_line(self.collect(resume=store.folder), 3, f"image of {self.engine} is not what it was")

    @staticmethod
    def forget_run(store):
        """So that something is left to measure."""
        db = harness.sqlite3.connect(f"{store.folder}/experiment.db")
        tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if any(r[1] == "run" for r in db.execute(f"PRAGMA table_info({table})")):
                db.execute(f"DELETE FROM {table} WHERE run = 1")
        db.execute("DELETE FROM run WHERE id = 1")
        db.commit()
        db.close()

    def test_what_is_not_there_is_one_line(self):
        for options, status, words in (
                (("--guest", self.engine, "--image", "no-such-image"), 3,
                 f"there is no image no-such-image here: bring it with {self.engine} pull no-such-image"),
                (("--guest", self.engine, "--image", self.image, "--program=nowhere"), 3,
                 f"there is no program nowhere in image {self.image}, in none of the folders /none:/opt:/bin"),
                (("--guest", f"native,{self.engine}", "--image", self.image), 2, "not by native"),
                (("--guest", "linux-minimal", "--image", self.image), 2, "--image is measured by docker and podman"),
                (("--image", self.image, "--scenario", "quick"), 2, "--scenario")):
            with self.subTest(options=options):
                self.assert_one_line(self.collect(*options, workload=None), status, words)
        store = self.meet("--program=/opt/nowhere", status=1)
        self.assertIn("/opt/nowhere", store.runs()[0]["error"])

    def test_a_dry_run_shows_its_command(self):
        done = self.collect("--guest", self.engine, "--cores", "1", "--repeat", "1", "--image", self.image, "--dry-run",
                            workload=None)
        self.assertEqual(done.status, 0, done.stderr)
        self.assertRegex(done.stdout, rf"--entrypoint /guestscope-\S+/../opt/unmarked {self.image} sleeps 7\n")


class Docker(Both, ImageTest):
    engine = "docker"

    def test_docker_is_the_default(self):
        done = self.collect("--cores", "1", "--repeat", "1", "--image", self.image, "--dry-run", workload=None)
        self.assertEqual(done.status, 0, done.stderr)
        self.assertIn("docker run", done.stdout)

    def test_a_server_in_it(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        store = self.meet("--program=/opt/serve", "--port", str(port), "--client",
                          f"'{self.programs['serve']}' ask {{host}} {{port}} 5", "--metric", "n=^requests (.*)",
                          workload=("serve", str(port), "10"))
        self.assertEqual([r["value"] for r in store.rows("SELECT value FROM metric")], [5])


class Podman(Both, ImageTest):
    engine = "podman"

    def setUp(self):
        settings = tempfile.TemporaryDirectory(prefix="guestscope-test-")  # the engine is asked before there is self.work
        self.addCleanup(settings.cleanup)
        os.environ.update(modest_podman(settings.name))
        super().setUp()


if __name__ == "__main__":
    harness.main("unmarked", "serve")
