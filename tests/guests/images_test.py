#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The images of guests, read back by parsers of our own: images_test.py IMAGE_TOOL"""
import mmap
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.abspath(sys.argv.pop(1))


def tool(*arguments):
    return subprocess.run([TOOL, *arguments], capture_output=True, text=True, errors="replace", timeout=300)


def read_rofs(data):
    """{path: None (folder) | bytes | ('link', target)} of a whole disk, every field checked."""
    assert data[510:512] == b"\x55\xaa" and len(data) % 512 == 0
    slot = data[0x1ce:0x1de]
    assert slot[4] == 0x83 and slot[2] & 0x3f, "OSv takes the slot for empty"
    start, count = struct.unpack("<II", slot[8:16])
    assert (start + count) * 512 == len(data)
    for other in (0x1be, 0x1de, 0x1ee):
        assert not any(data[other:other + 16])
    part = data[start * 512:]
    magic, version, block, table, blocks, n_entries, n_links, n_inodes = struct.unpack_from("<8Q", part)
    assert (magic, version, block) == (0xdeadbead, 1, 512) and table + blocks == count
    at = table * 512
    entries, links = [], []
    for _ in range(n_entries):
        inode, length = struct.unpack_from("<QH", part, at)
        entries.append((inode, part[at + 10:at + 10 + length].decode()))
        at += 10 + length
    for _ in range(n_links):
        (length,) = struct.unpack_from("<H", part, at)
        links.append(part[at + 2:at + 2 + length].decode())
        at += 2 + length
    inodes = {}
    for number in range(1, n_inodes + 1):
        mode, own, offset, size = struct.unpack_from("<4Q", part, at)
        assert own == number
        inodes[number] = (mode, offset, size)
        at += 32
    assert (at + 511) // 512 == count and not any(part[at:])
    found, used = {}, []

    def walk(number, path):
        mode, offset, size = inodes.pop(number)  # KeyError: reached twice
        if mode == 0x4000:
            found[path or "/"] = None
            for inode, name in entries[offset:offset + size]:
                assert name not in (".", "..", "") and "/" not in name
                walk(inode, path + "/" + name)
        elif mode == 0xa000:
            assert size == 1
            found[path] = ("link", links[offset])
        else:
            assert mode == 0x8000
            found[path] = part[offset * 512:offset * 512 + size]
            used.append((offset, offset + (size + 511) // 512))
            assert not any(part[offset * 512 + size:used[-1][1] * 512]), "padding is not zero"

    walk(1, "")
    assert not inodes, "inodes out of reach"
    last = 1
    for first, end in sorted(used):
        assert first >= last, "files overlap"
        last = end
    assert last <= table
    return found


class Record:
    """A tuple of TFS's log, and all that is in it: every byte is read, and no name is there twice."""

    def __init__(self, data):
        self.data, self.at = data, 0
        self.root = self.value()
        assert self.at == len(data), "bytes behind the record"

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def groups(self, value=0):
        more = True
        while more:
            byte = self.byte()
            value, more = value << 7 | byte & 0x7f, byte & 0x80
        return value

    def head(self):
        first = self.byte()
        assert first & 0x80, "no reference is written"
        return first >> 4 & 7, self.groups(first & 7) if first & 8 else first & 7

    def text(self, length):
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def symbol(self):
        kind, length = self.head()
        assert kind == 0
        return self.text(length)

    def value(self):
        kind, n = self.head()
        if kind == 1:
            pairs = [(self.symbol(), self.value()) for _ in range(n)]
            assert len(dict(pairs)) == n, "a name twice"
            return dict(pairs)
        if kind == 2:
            return [self.value() for _ in range(n)]
        if kind == 3:
            return -self.groups() if n else self.groups()
        assert kind == 4
        return self.text(n)


def read_log(part, sector, sectors, first):
    """[(frame, data)] of one log: of a record its bytes, of a link (sector, sectors)."""
    data = part[sector * 512:(sector + sectors) * 512]
    assert data[:6] == b"NVMTFS"
    log = Record.__new__(Record)
    log.data, log.at = data, 6
    assert log.groups() == 5 and log.groups() == sectors
    if first:
        log.at = data.index(b"\0", log.at + 16) + 1
    frames = []
    while True:
        frame = log.byte()
        if frame == 1:
            return frames
        if frame == 5:
            frames.append((frame, (log.groups(), log.groups())))
            continue
        assert frame == 2
        total, here = log.groups(), log.groups()
        assert total == here
        frames.append((frame, data[log.at:log.at + here]))
        log.at += here


def read_tfs(data):
    """({path: as of read_rofs()}, the root without its children) of a whole disk."""
    assert data[510:512] == b"\x55\xaa" and len(data) % 512 == 0
    slots = [data[at:at + 16] for at in (0x1be, 0x1ce, 0x1de, 0x1ee)]
    assert slots[0][4] == slots[1][4] == 0x83 and not any(slots[2] + slots[3])
    (boot,), (start,) = struct.unpack("<I", slots[0][8:12]), struct.unpack("<I", slots[1][8:12])
    assert boot * 512 >= 512 + 4096 and start >= boot, "the kernel's log of a failure would hit something"
    part = memoryview(data)[start * 512:]
    part = bytes(part[:len(part) - (4 << 30)])
    ((frame, (sector, sectors)),) = read_log(part, 0, 1, True)
    assert frame == 5
    ((frame, record),) = read_log(part, sector, sectors, False)
    assert frame == 2
    root = Record(record).root
    found, used = {}, [(0, 1), (sector, sector + sectors)]

    def walk(node, path):
        if "linktarget" in node:
            assert len(node) == 1
            found[path] = ("link", node["linktarget"])
        elif "extents" in node:
            assert set(node) == {"filelength", "extents"}
            content = b""
            for first, extent in node["extents"].items():
                assert first == "0" and set(extent) == {"length", "offset", "allocated"}
                assert extent["length"] == extent["allocated"] == (node["filelength"] + 511) // 512
                used.append((extent["offset"], extent["offset"] + extent["length"]))
                content = part[extent["offset"] * 512:(extent["offset"] + extent["length"]) * 512]
            found[path] = content[:node["filelength"]]
            assert len(found[path]) == node["filelength"] and not any(content[node["filelength"]:])
        else:
            found[path or "/"] = None
            for name, child in node["children"].items():
                assert name not in (".", "..", "") and "/" not in name
                walk(child, path + "/" + name)

    walk({"children": root.pop("children")}, "")
    last = 0
    for first, end in sorted(used):
        assert first >= last, "logs or files overlap"
        last = end
    assert last * 512 <= len(part)
    return found, root


def read_cpio(data):
    found, at = {}, 0
    while True:
        assert data[at:at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, mtime, size, length = fields[1], fields[5], fields[6], fields[11]
        name = data[at + 110:at + 110 + length - 1].decode()
        body = (at + 110 + length + 3) & ~3
        content = data[body:body + size]
        at = (body + size + 3) & ~3
        if name == "TRAILER!!!":
            return found
        assert mtime == 0 and not name.startswith("/") and name not in found
        parent = name.rpartition("/")[0]
        assert not parent or parent in found, f"{name} comes before its folder"
        kind = mode & 0o170000
        found[name] = {0o040000: None, 0o120000: ("link", content.decode(errors="replace")), 0o100000: content}[kind]


class Images(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.image = os.path.join(self.folder.name, "image")

    def write(self, form, *entries):
        done = tool(form, self.image, *entries)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.image, "rb") as f:
            return mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) if form == "tfs" else f.read()

    def source(self, content):
        path = os.path.join(self.folder.name, f"s{len(os.listdir(self.folder.name))}")
        with open(path, "wb") as f:
            f.write(content)
        return path

    def random_tree(self, seed):
        rng = random.Random(seed)
        folders, entries, expected = [""], [], {"/": None}
        for k in range(rng.randrange(40)):
            name = rng.choice(("a", "ä", "x" * 255, "b c", "-n", "..."))[:250] + str(k)
            path = rng.choice(folders) + "/" + name
            if len(path) > 1000:
                continue
            kind = rng.randrange(4)
            if kind == 0:
                folders.append(path)
                entries.append(path + "/")
                expected[path] = None
            elif kind == 1:
                content = rng.randbytes(rng.choice((0, 1, 511, 512, 513, 1024, 70000)))
                entries.append(f"{path}={self.source(content)}")
                expected[path] = content
            elif kind == 2:
                entries.append(f"{path}:text {k}")
                expected[path] = f"text {k}".encode()
            else:
                entries.append(f"{path}>../target/{k}")
                expected[path] = ("link", f"../target/{k}")
        rng.shuffle(entries)
        return entries, expected

    def test_rofs_image_reads_back_as_written(self):
        for seed in range(12):
            entries, expected = self.random_tree(seed)
            self.assertEqual(read_rofs(self.write("rofs", *entries)), expected, f"seed {seed}")

    def test_tfs_image_reads_back_as_written(self):
        for seed in range(12):
            entries, expected = self.random_tree(seed)
            self.assertEqual(read_tfs(self.write("tfs", *entries)), (expected, {}), f"seed {seed}")

    def test_tfs_says_what_to_run(self):
        words = ["a b", "", "ü", "x" * 200, "=", "y" * 70000]
        data = self.write("tfs", "/bin/p:x", "%p/bin/p", *[f"%a{w}" for w in words], "%eA=1", "%eB=x=y", "%eC=", "%odebug_exit=t")
        self.assertEqual(read_tfs(data)[1], {"program": "/bin/p", "arguments": words, "debug_exit": "t",
                                             "environment": {"A": "1", "B": "x=y", "C": ""}})

    def test_tfs_with_many_files_has_a_log_that_is_large_enough(self):
        expected = {f"/data/{k:05}-{'n' * 90}": b"%d" % k for k in range(5000)}
        entries = [f"{path}:{content.decode()}" for path, content in expected.items()]
        self.assertEqual(read_tfs(self.write("tfs", *entries))[0], {"/": None, "/data": None, **expected})

    def test_initramfs_reads_back_as_written(self):
        for seed in range(12):
            entries, expected = self.random_tree(seed)
            expected.pop("/")
            found = read_cpio(self.write("initramfs", *entries))
            self.assertEqual({"/" + k: v for k, v in found.items()}, expected, f"seed {seed}")

    def test_folders_above_an_entry_need_not_be_listed(self):
        data = self.write("rofs", "/a/b/c:x", "/a/d:y")
        self.assertEqual(read_rofs(data), {"/": None, "/a": None, "/a/b": None, "/a/b/c": b"x", "/a/d": b"y"})
        data = self.write("initramfs", "/a/b/c:x", "/a/d:y", "/a/")
        self.assertEqual(read_cpio(data), {"a": None, "a/b": None, "a/b/c": b"x", "a/d": b"y"})

    def test_same_list_gives_same_bytes(self):
        source = self.source(b"content")
        for form in ("rofs", "tfs", "initramfs"):
            first = self.write(form, f"/bin/p={source}", "/etc/f:1")
            os.utime(source, (1, 1))
            again = self.write(form, f"/bin/p={source}", "/etc/f:1")
            self.assertEqual(first[:1 << 20], again[:1 << 20])
            self.assertEqual(len(first), len(again))

    def test_hostile_paths_are_refused(self):
        for path in ("relative:x", "/:x", "//a:x", "/a//b:x", "/../a:x", "/a/..:x", "/./a:x",
                     "/" + "n" * 256 + ":x", "/n" * 600 + ":x"):
            for form in ("rofs", "tfs", "initramfs"):
                done = tool(form, self.image, path)
                self.assertEqual(done.returncode, 1, path)
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_conflicts_are_refused(self):
        for entries in (("/a:x", "/a:y"), ("/a/", "/a:x"), ("/a:x", "/a/b:y"), ("/a/b:y", "/a:x"), ("/a>t", "/a/b:y")):
            for form in ("rofs", "tfs"):
                done = tool(form, self.image, *entries)
                self.assertEqual(done.returncode, 1, entries)
                self.assertIn("/a", done.stderr)

    def test_missing_source_is_named(self):
        for form in ("rofs", "tfs", "initramfs"):
            done = tool(form, self.image, "/p=/nonexistent/program")
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nonexistent/program", done.stderr)
            self.assertIn("/dev", tool(form, self.image, "/p=/dev").stderr)


class Libraries(unittest.TestCase):
    def ldd(self, program):
        lines = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines()
        pairs = [line.split() for line in lines if "=>" in line]
        return {fields[0]: os.path.realpath(fields[2]) for fields in pairs}

    def test_closure_is_what_ldd_says(self):
        tried = 0
        for program in ("/bin/ls", "/usr/bin/python3.11", "/usr/bin/qemu-system-x86_64", "/usr/bin/git", "/usr/sbin/dockerd",
                        "/usr/bin/gdb", "/usr/bin/ssh", "/usr/bin/clang-14"):
            if not os.path.exists(program):
                continue
            lines = tool("needs", program).stdout.splitlines()
            self.assertEqual(lines[0], "/lib64/ld-linux-x86-64.so.2")
            found = dict(line.split("\t") for line in lines[1:])
            self.assertEqual({k: os.path.realpath(v) for k, v in found.items()}, self.ldd(program), program)
            tried += 1
        self.assertGreater(tried, 0)

    def test_what_is_inside_the_stack_is_left_out(self):
        every = tool("needs", "/bin/ls").stdout
        self.assertIn("libc.so.6", every)
        self.assertNotIn("libc.so.6", tool("needs", "/bin/ls", "libc.so.6").stdout)

    def test_what_is_no_program_is_refused(self):
        for path, word in (("/etc/passwd", "/etc/passwd"), ("/nonexistent", "/nonexistent"), ("/", "/")):
            done = tool("needs", path)
            self.assertEqual(done.returncode, 1, path)
            self.assertIn(word, done.stderr)

    def test_damaged_programs_do_no_harm(self):
        with open("/bin/ls", "rb") as f:
            good = f.read()
        rng = random.Random(1)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bad")
            for _ in range(150):
                bad = bytearray(good[:rng.choice((64, 200, 4096, len(good)))])
                for _ in range(rng.randrange(1, 20)):
                    bad[rng.randrange(min(len(bad), 1000))] = rng.randrange(256)
                with open(path, "wb") as f:
                    f.write(bad)
                done = tool("needs", path)
                self.assertIn(done.returncode, (0, 1))
                self.assertEqual(done.stderr.count("\n"), done.returncode, "one line for a failure")


if __name__ == "__main__":
    unittest.main()
