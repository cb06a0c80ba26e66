/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_ticks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/inside/process_variable.h"
#include "common/cleanup.h"
#include "common/text_file.h"

/* QEMU's include/sysemu/cpu-timers.h and softmmu/timers-state.h: struct TimersState begins so since 2.5. */
#define TIMERS_STATE "timers_state"

struct timers_state {
	int64_t ticks_prev;
	int64_t ticks_offset; /* guest's counter = host's + this, while the machine runs */
};

int guest_ticks_qemu_find(pid_t pid, uint64_t *ret, struct error *error)
{
	int r = process_variable_find(pid, TIMERS_STATE, ret);

	return r < 0 ? error_set_errno(
			       error, r, "QEMU does not tell of its clock (%s)", TIMERS_STATE)
		     : 0;
}

int guest_ticks_qemu(pid_t pid, uint64_t address, struct guest_ticks *ret, struct error *error)
{
	struct timers_state state;
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, &state, sizeof(state), (off_t)address);
	if (n != sizeof(state))
		return error_set_errno(error, n < 0 ? -errno : -EIO, "cannot read QEMU's clock");
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
static int find_machine(const char *root, pid_t pid, char *ret, size_t size, struct error *error)
{
	DIR *dir = opendir(root);
	struct dirent *entry;
	int r = dir ? -ENOENT : -errno, of, fd;

	if (r == -ENOENT && !dir)
		return error_set(error, r,
			"KVM does not tell of its guests' clocks: there is no %s (mount -t debugfs none "
			"/sys/kernel/debug)",
			root);
	while (dir && r < 0 && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "%d-%d", &of, &fd) == 2 && of == (int)pid)
			r = snprintf(ret, size, "%s/%d-%d", root, of, fd) < (int)size
				    ? 0
				    : -ENAMETOOLONG;
	if (dir)
		closedir(dir);
	return r < 0 ? error_set_errno(error, r,
			       "KVM does not tell of the clocks of process %d in %s", (int)pid,
			       root)
		     : 0;
}

int guest_ticks_kvm(
	const char *root, pid_t pid, unsigned vcpu, struct guest_ticks *ret, struct error *error)
{
	char machine[256], folder[sizeof(machine) + 32];
	struct guest_ticks found = {.ratio = 1};
	int64_t ratio, bits;
	unsigned number = 0;
	int r = find_machine(root, pid, machine, sizeof(machine), error);

	if (r < 0)
		return r;
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
