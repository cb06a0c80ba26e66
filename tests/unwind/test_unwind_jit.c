/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A real QEMU translates its firmware, which jumps to itself for ever: where one of its threads is in translated code, the table that QEMU
 * gave for it finds an address in QEMU's own code that a call returns to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "collector/symbols/proc_maps.h"
#include "collector/unwind/unwind_jit.h"
#include "common/cleanup.h"
#include "tests/common/ranges.h"
#include "tests/unwind/walk.h"

#define TRIES 400

#define FIRMWARE_BYTES 65536
#define RESET_VECTOR   0xfff0 /* of the last 64 KiB below 4 GiB */

static char firmware[] = "/tmp/guestscope-firmware-XXXXXX";

static void make_firmware(void)
{
	static const uint8_t jump_to_itself[] = {0xeb, 0xfe};
	int fd = mkstemp(firmware);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, FIRMWARE_BYTES), 0);
	assert_int_equal(pwrite(fd, jump_to_itself, sizeof(jump_to_itself), RESET_VECTOR),
		sizeof(jump_to_itself));
	close(fd);
}

static pid_t start_qemu(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execlp("qemu-system-x86_64", "qemu-system-x86_64", "-accel", "tcg", "-m", "64",
			"-display", "none", "-monitor", "none", "-serial", "none", "-parallel",
			"none", "-nodefaults", "-bios", firmware, NULL);
		_exit(127);
	}
	return pid;
}

struct place {
	uint64_t linked; /* the variable's */
	uint64_t address;
};

/* Its first mapping that is code tells where the program lies. */
static int find_bias(const struct proc_mapping *m, void *userdata)
{
	struct place *place = userdata;
	_cleanup_close_ int fd = -EBADF;
	struct elf_file file;
	uint64_t linked;

	if (place->address || !m->executable || !strstr(m->path, "qemu-system"))
		return 0;
	fd = open(m->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || elf_file_read(fd, &file) < 0 || unwind_jit_find(fd, &place->linked) < 0 ||
		elf_mapping_to_address(&file, m->offset, m->end - m->start, &linked) < 0)
		return 0;
	place->address = place->linked + m->start - linked;
	return 0;
}

static bool is_in(const struct unwind_jit_image *image, uint64_t address)
{
	return address >= image->begin && address < image->end;
}

/* Stop each of its threads; is one of them in translated code, and whose is its caller? */
static bool try_threads(pid_t pid, const struct unwind_jit_image *image, const char **ret_caller)
{
	char path[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	assert_non_null(d);
	while (!found && (e = readdir(d))) {
		pid_t thread = atoi(e->d_name);
		struct user_regs_struct r;
		int status;

		if (thread <= 0 || ptrace(PTRACE_SEIZE, thread, NULL, NULL) < 0)
			continue;
		ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
		assert_int_equal(waitpid(thread, &status, __WALL), thread);
		if (ptrace(PTRACE_GETREGS, thread, NULL, &r) == 0 && is_in(image, r.rip)) {
			const struct unwind_rule *rule = unwind_table_find(&image->table, r.rip);
			struct walk walk;

			assert_int_equal(rule->cfa_base, UNWIND_RSP);
			assert_int_equal(rule->rbp_base, UNWIND_CFA);
			walk_open(&walk, pid);
			*ret_caller = walk_name(&walk,
				walk_word(&walk, r.rsp + (uint64_t)(int64_t)rule->cfa_offset +
							 (uint64_t)(int64_t)rule->rip_offset));
			walk_close(&walk);
			found = true;
		}
		ptrace(PTRACE_DETACH, thread, NULL, NULL);
	}
	closedir(d);
	return found;
}

static size_t wait_for_images(pid_t pid, struct unwind_jit_image **ret)
{
	for (int i = 0; i < TRIES; i++) {
		struct place place = {0};
		size_t n = 0;

		proc_maps_each(pid, find_bias, &place);
		if (place.address)
			assert_int_equal(unwind_jit_read(pid, place.address, ret, &n, NULL), 0);
		if (n)
			return n;
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		usleep(20000);
	}
	return 0;
}

static void a_real_qemu_tells_of_its_translated_code(void **state)
{
	struct unwind_jit_image *images = NULL;
	const char *caller = NULL;
	bool found = false;
	size_t n;
	pid_t pid;

	(void)state;
	if (system("command -v qemu-system-x86_64 >/dev/null") != 0) {
		print_message("no qemu-system-x86_64 here\n");
		skip();
	}
	make_firmware();
	pid = start_qemu();
	n = wait_for_images(pid, &images);
	for (int i = 0; n == 1 && !found && i < TRIES; i++) {
		found = try_threads(pid, &images[0], &caller);
		usleep(5000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(firmware);
	assert_int_equal(n, 1);
	assert_between(images[0].end - images[0].begin, 1 << 20, UINT32_MAX);
	assert_true(found);
	print_message("translated code was called from %s\n", caller);
	assert_int_equal(strncmp(caller, "qemu-system", 11), 0);
	unwind_jit_done(images, n);
}

static void most_programs_tell_nothing(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	static struct {
		uint32_t version, action;
		uint64_t relevant, first;
	} descriptor = {1, 0, 0, 0};
	static struct {
		uint64_t next, previous, image, bytes;
	} entries[2];
	struct unwind_jit_image *images = NULL;
	uint64_t address;
	size_t n = 1;

	(void)state;
	assert_int_equal(unwind_jit_find(fd, &address), -ENOENT);
	/* an address that is none, an empty list, a circle, and images that are none */
	assert_int_equal(unwind_jit_read(getpid(), 8, &images, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(unwind_jit_read(getpid(), UINT64_MAX, &images, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(unwind_jit_read(getpid(), (uintptr_t)&descriptor, &images, &n, NULL), 0);
	assert_int_equal(n, 0);
	descriptor.first = (uintptr_t)&entries[0];
	entries[0].next = (uintptr_t)&entries[1];
	entries[1].next = (uintptr_t)&entries[1];
	entries[0].image = (uintptr_t)&entries;
	entries[0].bytes = sizeof(entries);
	entries[1].image = 16;
	entries[1].bytes = UINT64_MAX;
	assert_int_equal(unwind_jit_read(getpid(), (uintptr_t)&descriptor, &images, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(unwind_jit_read(0x7fffffff, 8, &images, &n, NULL), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_qemu_tells_of_its_translated_code),
		cmocka_unit_test(most_programs_tell_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
