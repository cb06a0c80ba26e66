/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_ticks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/inside/guest_symbols.h"
#include "collector/symbols/elf_file.h"
#include "collector/symbols/proc_maps.h"
#include "common/cleanup.h"
#include "common/text_file.h"

/* QEMU's include/sysemu/cpu-timers.h and softmmu/timers-state.h: struct TimersState begins so since 2.5. */
#define TIMERS_STATE "timers_state"

struct timers_state {
	int64_t ticks_prev;
	int64_t ticks_offset; /* guest's counter = host's + this, while the machine runs */
};

struct program_search {
	char path[4096];
	uint64_t start; /* where its first byte is mapped; 0: not found */
};

static int find_first_byte(const struct proc_mapping *m, void *userdata)
{
	struct program_search *s = userdata;

	if (!s->start && m->offset == 0 && strcmp(m->path, s->path) == 0)
		s->start = m->start;
	return 0;
}

/* The address of an exported variable of process @pid's program. */
static int find_variable(pid_t pid, const char *name, uint64_t *ret)
{
	const char *const names[] = {name};
	_cleanup_free_ struct program_search *s = calloc(1, sizeof(*s));
	struct elf_file file = {.n_segments = 0};
	_cleanup_close_ int fd = -EBADF;
	uint64_t linked = 0;
	char exe[64];
	ssize_t n;
	int r;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	n = s ? readlink(exe, s->path, sizeof(s->path) - 1) : -1;
	fd = open(exe, O_RDONLY | O_CLOEXEC);
	if (n < 0 || fd < 0)
		return s ? -errno : -ENOMEM;
	r = guest_symbols_find(exe, names, 1, &linked);
	if (r == 0 && !linked)
		r = -ENOENT;
	if (r == 0)
		r = elf_file_read(fd, &file);
	if (r == 0)
		r = proc_maps_each(pid, find_first_byte, s);
	if (r < 0)
		return r;
	if (!s->start || !file.n_segments)
		return -ENOENT;
	*ret = s->start - (file.segments[0].address - file.segments[0].offset) + linked;
	return 0;
}

int guest_ticks_qemu(pid_t pid, struct guest_ticks *ret, struct error *error)
{
	struct timers_state state;
	_cleanup_close_ int fd = -EBADF;
	uint64_t address = 0;
	char path[64];
	int r = find_variable(pid, TIMERS_STATE, &address);

	if (r < 0)
		return error_set_errno(
			error, r, "QEMU does not tell of its clock (%s)", TIMERS_STATE);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &state, sizeof(state), (off_t)address) != sizeof(state))
		return error_set_errno(error, errno ? -errno : -EIO, "cannot read QEMU's clock");
	*ret = (struct guest_ticks){.offset = state.ticks_offset, .ratio = 1};
	return 0;
}

/* The number in the file of that name; false: it is none. */
static bool read_number(const char *folder, const char *name, int64_t *ret)
{
	char text[32], *end;

	if (file_read_start(text, sizeof(text), "%s/%s", folder, name) <= 0)
		return false;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return end != text && !errno;
}

static int by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

#define VCPUS_MAX 1024

/* The number of the @nth vCPU in @folder. */
static int find_vcpu(const char *folder, unsigned nth, unsigned *ret)
{
	_cleanup_free_ unsigned *numbers = calloc(VCPUS_MAX, sizeof(*numbers));
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t n = 0;

	while (dir && numbers && n < VCPUS_MAX && (entry = readdir(dir)))
		n += sscanf(entry->d_name, "vcpu%u", &numbers[n]) == 1;
	if (dir)
		closedir(dir);
	if (!numbers || nth >= n)
		return numbers ? -ENOENT : -ENOMEM;
	qsort(numbers, n, sizeof(*numbers), by_number);
	*ret = numbers[nth];
	return 0;
}

/* KVM names a machine by the process and a descriptor of it. */
static int find_machine(const char *root, pid_t pid, char *ret, size_t size)
{
	DIR *dir = opendir(root);
	struct dirent *entry;
	int r = dir ? -ENOENT : -errno, of, fd;

	while (dir && r < 0 && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "%d-%d", &of, &fd) == 2 && of == (int)pid)
			r = snprintf(ret, size, "%s/%d-%d", root, of, fd) < (int)size
				    ? 0
				    : -ENAMETOOLONG;
	if (dir)
		closedir(dir);
	return r;
}

int guest_ticks_kvm(
	const char *root, pid_t pid, unsigned vcpu, struct guest_ticks *ret, struct error *error)
{
	char machine[256], folder[sizeof(machine) + 32];
	struct guest_ticks found = {.ratio = 1};
	int64_t ratio, bits;
	unsigned number = 0;
	int r = find_machine(root, pid, machine, sizeof(machine));

	if (r < 0)
		return error_set_errno(error, r,
			"KVM does not tell of its guests' clocks in %s (mount -t debugfs none /sys/kernel/debug)",
			root);
	r = find_vcpu(machine, vcpu, &number);
	if (r < 0)
		return error_set_errno(
			error, r, "KVM does not tell of vCPU %u in %s", vcpu, machine);
	snprintf(folder, sizeof(folder), "%s/vcpu%u", machine, number);
	if (!read_number(folder, "tsc-offset", &found.offset))
		return error_set(error, -ENOENT,
			"KVM does not tell the offset of a guest's clock: %s/tsc-offset", folder);
	/* Without these files the processor cannot scale. */
	if (read_number(folder, "tsc-scaling-ratio", &ratio) &&
		read_number(folder, "tsc-scaling-ratio-frac-bits", &bits) && bits > 0 &&
		bits < 63 && ratio > 0)
		found.ratio = (double)ratio / (double)(1ULL << bits);
	*ret = found;
	return 0;
}
