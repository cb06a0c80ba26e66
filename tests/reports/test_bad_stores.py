#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What every command of report does with what is no good: test_bad_stores.py REPORT SCHEMA [unittest arguments]."""
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_store  # noqa: E402

REPORT, SCHEMA = sys.argv[1:3]
MUTATIONS = 60


def another(store):
    """A copy that says that it was measured another time, if it can be made to."""
    if not os.path.isfile(store + "/experiment.db"):
        return store
    shutil.copytree(store, store + "-another", dirs_exist_ok=True)
    try:
        db = sqlite3.connect(store + "-another/experiment.db")
        db.execute("UPDATE experiment SET value = 'another' WHERE key = 'started_utc'")
        db.commit()
        db.close()
    except sqlite3.Error:
        pass
    return store + "-another"


def commands(store, output):
    """Every command, on one store."""
    yield "report", ["-o", output, store]
    yield "merge", ["-o", output, store, another(store)]
    yield "diff", ["diff", "-o", output, store + ":native", ":osv"]
    for form in ("folded", "speedscope", "pprof", "perfetto", "firefox", "perf-script", "csv", "json"):
        yield form, ["export", "--format", form, "-o", output, store]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="guestscope-bad-")
        cls.addClassCleanup(shutil.rmtree, cls.base, ignore_errors=True)
        make_store.make(SCHEMA, cls.path("good"), seed=4, small=True)
        db = sqlite3.connect(cls.path("good", "experiment.db"))
        db.execute("PRAGMA journal_mode=DELETE")
        db.close()
        with open(cls.path("good", "experiment.db"), "rb") as f:
            cls.data = f.read()

    @classmethod
    def path(cls, *names):
        return os.path.join(cls.base, *names)

    def store(self, data):
        os.makedirs(self.path("bad"), exist_ok=True)
        with open(self.path("bad", "experiment.db"), "wb") as f:
            f.write(data)
        return self.path("bad")

    def refuses_all(self, pattern, store, output=None):
        """Status 3, one line that says it, and nothing left in the folder."""
        for name, arguments in commands(store, output or self.path("out")):
            result = subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)
            self.assertEqual(result.returncode, 3, (name, result.stderr))
            self.assertEqual((result.stdout, result.stderr.count("\n")), ("", 1), (name, result.stderr))
            self.assertRegex(result.stderr, pattern, name)
            self.assertFalse(os.path.exists(self.path("out")), name)


class Named(Case):
    def test_stores_that_are_none_are_named(self):
        self.refuses_all(r"cannot open .*none: No such file", self.path("none"))
        os.makedirs(self.path("empty"), exist_ok=True)
        self.refuses_all(r"there is no experiment\.db", self.path("empty"))
        os.makedirs(self.path("folder", "experiment.db"), exist_ok=True)
        self.refuses_all(r"is a folder, not a file", self.path("folder"))
        self.refuses_all(r"is not an SQLite file", self.store(b"<html>" * 1000))
        self.refuses_all(r"is empty", self.store(b""))

    def test_other_programs_databases_and_other_versions_are_named(self):
        for name, pragma, pattern in (("foreign", "PRAGMA application_id=0", r"another program's SQLite file"),
                                      ("older", "PRAGMA user_version=1", r"has version 1, this report reads version"),
                                      ("newer", "PRAGMA user_version=99", r"has version 99, this report reads version")):
            shutil.copytree(self.path("good"), self.path(name), dirs_exist_ok=True)
            db = sqlite3.connect(self.path(name, "experiment.db"))
            db.execute(pragma)
            db.close()
            self.refuses_all(pattern, self.path(name))

    def test_folders_that_cannot_be_written_are_named(self):
        self.refuses_all(r"cannot make the folder /proc/none: ", self.path("good"), "/proc/none")
        with open(self.path("file"), "w", encoding="ascii"):
            pass
        self.refuses_all(r"cannot open the folder .*/file: Not a directory", self.path("good"), self.path("file"))

    def test_a_target_in_the_way_is_named_and_nothing_is_written(self):
        os.makedirs(self.path("way", "runs.csv"), exist_ok=True)
        result = subprocess.run([REPORT, "export", "--format", "csv", "--force", "-o", self.path("way"), self.path("good")],
                                capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stderr, r"^report: cannot write .*/way/runs\.csv: Is a directory\n$")
        self.assertEqual(os.listdir(self.path("way")), ["runs.csv"])


class Extreme(Case):
    NO_NUMBER = re.compile(r"(?<![\w.])-?(nan|inf|infinity)(?![\w.])", re.IGNORECASE)

    def altered(self, name, *statements):
        shutil.rmtree(self.path(name), ignore_errors=True)
        shutil.copytree(self.path("good"), self.path(name))
        db = sqlite3.connect(self.path(name, "experiment.db"))
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.close()
        return self.path(name)

    def test_what_cannot_be_divided_is_no_number_anywhere(self):
        """Run times of 0, as a clock too coarse gives, and of a nanosecond."""
        for ns in (0, 1):
            store = self.altered(f"runs-of-{ns}", f"UPDATE run SET runtime_ns = {ns}, guest_runtime_ns = {ns}",
                                 "UPDATE account SET ns = 0 WHERE phase <> 'boot'",
                                 f"UPDATE phase SET end_ns = start_ns + {ns} WHERE name <> 'boot'")
            for name, arguments in commands(store, self.path("out")):
                shutil.rmtree(self.path("out"), ignore_errors=True)
                result = subprocess.run([REPORT, *arguments], capture_output=True, text=True, timeout=300, check=False)
                self.assertEqual((result.returncode, result.stderr), (0, ""), name)
                texts = {"standard output": result.stdout}
                for folder, _, files in os.walk(self.path("out")):
                    for file in files:
                        if file.endswith((".html", ".csv", ".json", ".svg")):
                            with open(os.path.join(folder, file), encoding="utf-8") as f:
                                texts[file] = re.sub(r"<script[^>]*>.*?</script>", "", f.read(), flags=re.DOTALL)
                for file, text in texts.items():
                    self.assertIsNone(self.NO_NUMBER.search(text), (ns, name, file))

    def test_tables_stay_aligned_for_thousands_of_runs(self):
        """Every column is aligned right: it ends in the same place in every line."""
        copies = "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 1000) "
        db = sqlite3.connect(os.path.join(self.altered("many"), "experiment.db"))
        names = [row[1] for row in db.execute("PRAGMA table_info(run)")]
        values = ["10000 + k" if name in ("id", "position", "repetition") else name for name in names]
        db.execute(f"{copies} INSERT INTO run ({','.join(names)}) SELECT {','.join(values)} FROM run, n "
                   "WHERE id = (SELECT min(id) FROM run WHERE guest = 'native' AND cores = 1)")
        db.commit()
        where = "FROM run WHERE guest = 'native' AND cores = 1"
        (count, closed), = db.execute(f"SELECT count(*), sum(closed) {where}")
        db.close()
        result = subprocess.run([REPORT, "--verbose", "-o", self.path("out"), self.path("many")], capture_output=True, text=True,
                                timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        table = result.stdout.split("\n\n")[0].splitlines()
        self.assertGreater(count, 1000)
        self.assertIn(f" {count}/{count} ", table[1])
        self.assertIn(f" {closed}/{count} ", table[1])
        self.assertEqual(len({len(line) for line in table}), 1, "\n".join(table))


class Damaged(Case):
    def test_a_store_cut_off_anywhere_is_refused(self):
        size = len(self.data)
        for cut in sorted({1, 50, 99, 100, 101, 1024, 4095, 4096, 4097, size - 4096, size - 1} | {size * i // 12 for i in range(1, 12)}):
            store = self.store(self.data[:cut])
            result = subprocess.run([REPORT, store], capture_output=True, text=True, timeout=300, check=False)
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (3, "", 1), (cut, result.stderr))
            self.assertRegex(result.stderr, r"truncated|not an SQLite file")
        self.refuses_all(r"damaged or truncated", self.store(self.data[:size // 2]))

    def test_what_a_full_disk_left_in_the_log_is_read(self):
        """The copying of the log came as far as the first page, which tells how long the file will be."""
        folder = self.store(self.data)
        path = os.path.join(folder, "experiment.db")
        db = sqlite3.connect(path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("INSERT INTO experiment VALUES ('filler', ?)", ("x" * 100_000,))
        db.commit()
        shutil.copyfile(path + "-wal", self.path("log"))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        os.truncate(path, os.path.getsize(path) - 16 * 4096)
        self.refuses_all(r"shorter than its header", folder)
        shutil.copyfile(self.path("log"), path + "-wal")
        result = subprocess.run([REPORT, folder], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)

    def mutate(self, rng):
        bad = bytearray(self.data)
        choice = rng.random()
        if choice < 0.15:
            del bad[rng.randrange(len(bad)):]
        elif choice < 0.35:
            at = rng.randrange(len(bad))
            end = min(len(bad), at + rng.choice((16, 512, 4096)))
            bad[at:end] = bytes(end - at)
        else:
            for _ in range(rng.choice((1, 3, 10, 100, 1000))):
                bad[rng.randrange(100 if rng.random() < 0.05 else len(bad))] = rng.randrange(256)
        return bytes(bad)

    def test_a_damaged_store_is_an_error_or_a_result_and_never_a_crash(self):
        rng = random.Random(8)
        ends = {0: 0, 2: 0, 3: 0}
        for number in range(MUTATIONS):
            store = self.store(self.mutate(rng))
            for name, arguments in rng.sample(list(commands(store, self.path("made"))), 2):
                result = subprocess.run([REPORT, *arguments, "--force"], capture_output=True, timeout=300, check=False)
                self.assertIn(result.returncode, ends, (number, name, result.stderr))
                self.assertEqual(result.stderr.count(b"\n"), 0 if result.returncode == 0 else 1, (number, name, result.stderr))
                ends[result.returncode] += 1
        self.assertGreater(min(ends[0], ends[3]), MUTATIONS // 10, ends)


if __name__ == "__main__":
    del Case
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
