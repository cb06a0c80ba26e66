/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "collector/doctor/doctor_internal.h"
#include "collector/symbols/debug_file.h"
#include "collector/symbols/elf_file.h"
#include "collector/unwind/unwind_table.h"
#include "common/cleanup.h"
#include "common/spawn.h"
#include "guests/guest.h"
#include "guests/qemu/qemu.h"

#define VERSION_WAIT_MS     10000
#define PROLOGUE_BYTES      8
#define FUNCTIONS_LOOKED_AT 4000

static void check_kvm(struct finding *f)
{
	enum accel accel = ACCEL_TCG;
	const char *reason = NULL;
	struct error error = {0};

	if (accel_resolve(ACCEL_AUTO, &accel, &reason, &error) < 0) {
		doctor_find(f, DOCTOR_LIMITED, "%s", error.text);
	} else if (accel == ACCEL_KVM) {
		doctor_find(f, DOCTOR_OK, "%s", reason ? reason : "usable");
	} else {
		doctor_find(f, DOCTOR_LIMITED, "virtual machines are emulated (TCG): %s",
			reason ? reason : "KVM is not usable");
		doctor_fix(f,
			"switch virtualisation on in the firmware, or run on hardware; absolute "
			"times under emulation say nothing about real hardware");
	}
}

static void check_qemu(struct finding *f)
{
	char *const argv[] = {(char *)QEMU_PROGRAM, (char *)"--version", NULL};
	_cleanup_free_ char *version = NULL;
	struct error error = {0};

	if (qemu_available(&error) < 0 ||
		spawn_output(argv, VERSION_WAIT_MS, &version, NULL, &error) < 0) {
		doctor_find(f, DOCTOR_MISSING, "%s", error.text);
		return;
	}
	version[strcspn(version, "\r\n")] = '\0';
	doctor_find(f, DOCTOR_OK, "%s", version);
}

static int open_qemu(char **ret_path, struct elf_file *ret)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *path = NULL;

	if (spawn_find_program(QEMU_PROGRAM, &path) < 0)
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || elf_file_read(fd, ret) < 0)
		return -ENOENT;
	*ret_path = TAKE_PTR(path);
	return TAKE_FD(fd);
}

static void check_qemu_symbols(struct finding *f)
{
	_cleanup_free_ char *path = NULL;
	struct elf_file file;
	_cleanup_close_ int fd = open_qemu(&path, &file);
	_cleanup_close_ int debug = fd < 0 ? -EBADF : debug_file_open(&file, path, NULL, NULL);

	if (fd < 0) {
		doctor_find(f, DOCTOR_OK, "no QEMU to look into");
	} else if (file.has_symtab || debug >= 0) {
		doctor_find(f, DOCTOR_OK, "%s",
			debug >= 0 ? "in a separate debug file" : "in the program itself");
	} else {
		doctor_find(f, DOCTOR_LIMITED,
			"stripped: most of QEMU's own functions will be shown by address");
		doctor_fix(f, "install its debug symbols (Debian: qemu-system-x86-dbgsym, from the "
			      "archive debian-debug), or name a debuginfod server in "
			      "DEBUGINFOD_URLS");
	}
}

static void check_servers(struct finding *f)
{
	const char *urls = debug_servers_named();

	if (!urls) {
		doctor_find(f, DOCTOR_OK,
			"looked for on this machine only: DEBUGINFOD_URLS names no server");
	} else if (debug_servers_supported()) {
		doctor_find(
			f, DOCTOR_OK, "looked for on this machine, then asked for from %s", urls);
	} else {
		doctor_find(f, DOCTOR_LIMITED,
			"looked for on this machine only: this collector was built without "
			"libdebuginfod, so that DEBUGINFOD_URLS is not heeded");
		doctor_fix(f, "build it where libdebuginfod's headers are (Debian: "
			      "libdebuginfod-dev)");
	}
}

static int address_to_offset(const struct elf_file *file, uint64_t address, uint64_t *ret)
{
	for (size_t i = 0; i < file->n_segments; i++) {
		const struct elf_segment *s = &file->segments[i];

		if (address >= s->address && address - s->address < s->file_bytes) {
			*ret = s->offset + (address - s->address);
			return 0;
		}
	}
	return -ENOENT;
}

/* push %rbp; mov %rsp,%rbp, perhaps after endbr64. */
static bool keeps_frame_pointer(int fd, const struct elf_file *file, uint64_t address)
{
	static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	static const unsigned char prologue[] = {0x55, 0x48, 0x89, 0xe5};
	unsigned char code[PROLOGUE_BYTES];
	const unsigned char *p = code;
	uint64_t offset;

	if (address_to_offset(file, address, &offset) < 0 ||
		pread(fd, code, sizeof(code), (off_t)offset) != sizeof(code))
		return false;
	if (memcmp(p, endbr64, sizeof(endbr64)) == 0)
		p += sizeof(endbr64);
	return memcmp(p, prologue, sizeof(prologue)) == 0;
}

/* Per cent of functions that keep a frame pointer, or a negative errno. */
static int frame_pointer_share(int fd, const struct elf_file *file)
{
	struct symbol_table *t = symbol_table_new(1U << 20);
	size_t looked = 0, kept = 0, step;
	int r;

	if (!t)
		return -ENOMEM;
	r = elf_functions_read(fd, ELF_EXTENTS, t);
	symbol_table_finish(t);
	step = t->n / FUNCTIONS_LOOKED_AT + 1;
	for (size_t i = 0; r == 0 && i < t->n; i += step) {
		looked++;
		kept += keeps_frame_pointer(fd, file, t->entries[i].address);
	}
	symbol_table_free(t);
	if (r < 0)
		return r;
	return looked ? (int)(kept * 100 / looked) : -ENODATA;
}

/* Without a table. */
static void say_frame_pointers(struct finding *f, int fd, const struct elf_file *file)
{
	int share = frame_pointer_share(fd, file);

	if (share < 0)
		share = 0;
	if (share >= 50) { /* small leaf functions need none, so all is never 100 */
		doctor_find(f, DOCTOR_OK,
			"by frame pointers, which %d %% of QEMU's functions keep: it has no unwind "
			"table",
			share);
		return;
	}
	doctor_find(f, DOCTOR_LIMITED,
		"cut short inside QEMU: it has no unwind table, and %d %% of its functions keep a "
		"frame pointer",
		share);
	doctor_fix(f, "a QEMU with call frame information (.eh_frame), as compilers make it unless "
		      "told not to; the innermost function is right in any case");
}

static void check_qemu_walk(struct finding *f)
{
	_cleanup_free_ char *path = NULL;
	struct unwind_table table = {0};
	struct elf_file file;
	_cleanup_close_ int fd = open_qemu(&path, &file);

	if (fd < 0) {
		doctor_find(f, DOCTOR_OK, "no QEMU to look into");
	} else if (unwind_table_of_elf(fd, -1, &table, NULL) < 0) {
		say_frame_pointers(f, fd, &file);
	} else {
		doctor_find(
			f, DOCTOR_OK, "whole: by QEMU's unwind table, of %zu rows", table.n_rows);
		unwind_table_done(&table);
	}
}

const struct doctor_row doctor_stack_rows[] = {
	{"KVM", check_kvm, false},
	{"QEMU", check_qemu, false},
	{"QEMU's symbols", check_qemu_symbols, false},
	{"debug files", check_servers, false},
	{"QEMU's call stacks", check_qemu_walk, false},
};

const size_t doctor_stack_rows_n = ARRAY_SIZE(doctor_stack_rows);
