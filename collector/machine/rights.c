/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/machine/rights.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/cleanup.h"
#include "common/text_file.h"

const struct right rights_table[] = {
	{"CAP_BPF", RIGHT_BPF, true, "loading the probes"},
	{"CAP_PERFMON", RIGHT_PERFMON, true, "probes in the kernel, sampling and counters"},
	{"CAP_SYS_PTRACE", 19, false, "reading the maps of the stack's processes"},
	{"CAP_SYS_ADMIN", RIGHT_SYS_ADMIN, false,
		"watching the boot, files behind mappings, containers and cgroups"},
	{"CAP_SYS_NICE", 23, false, "pinning threads of other users"},
	{"CAP_SYSLOG", RIGHT_SYSLOG, false, "names of kernel functions"},
	{0},
};

/* Is capability @number in the effective set? True where /proc does not tell. */
static bool rights_have(unsigned number)
{
	_cleanup_free_ char *line = file_value("CapEff", "/proc/self/status");
	uint64_t set = line ? strtoull(line, NULL, 16) : UINT64_MAX;

	if (set >> number & 1)
		return true;
	/* Both were cut out of CAP_SYS_ADMIN, which still includes them. */
	return (number == RIGHT_BPF || number == RIGHT_PERFMON) && (set >> RIGHT_SYS_ADMIN & 1);
}

static void append(char *ret, size_t size, const struct right *right, bool with_reason)
{
	size_t n = strlen(ret);

	snprintf(ret + n, size - n, with_reason ? "%s%s (%s)" : "%s%s", n ? ", " : "", right->name,
		right->what_for);
}

unsigned rights_lacking(char *ret, size_t size, bool with_reasons)
{
	unsigned n_essential = 0;

	ret[0] = '\0';
	for (const struct right *right = rights_table; right->name; right++) {
		if (rights_have(right->number))
			continue;
		append(ret, size, right, with_reasons);
		n_essential += right->essential;
	}
	return n_essential;
}

void rights_keep(void)
{
	/* The ambient set is the only one that a program without capabilities of its own inherits. It
	 * fails where the kernel has none (before 4.3): then nothing is inherited anyway. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

bool rights_have_seccomp_filter(void)
{
	_cleanup_free_ char *mode = file_value("Seccomp", "/proc/self/status");

	return mode && strtoul(mode, NULL, 10) == 2;
}
