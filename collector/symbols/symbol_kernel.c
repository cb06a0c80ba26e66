/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The functions of the host's kernel. */

#include <errno.h>
#include <stdio.h>

#include "collector/symbols/symbol_name.h"
#include "common/cleanup.h"

static int load_kernel(struct symbols *s)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/kallsyms", "re");

	if (!f)
		return -errno;
	return kallsyms_read(f, &s->names, &s->kernel);
}

static bool hidden_from_root(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/kptr_restrict", "re");

	return f && getc(f) == '2';
}

int symbols_kernel_status(struct symbols *s, struct error *error)
{
	if (s->kernel_status > 0)
		s->kernel_status = load_kernel(s);
	if (s->kernel_status == -EPERM && hidden_from_root())
		return error_set(error, -EPERM,
			"kernel.kptr_restrict is 2, which hides the kernel's addresses from root as "
			"well: kernel functions have no names (sysctl kernel.kptr_restrict=1)");
	if (s->kernel_status == -EPERM)
		return error_set(error, -EPERM,
			"/proc/kallsyms shows no addresses: kernel functions have no names (run as "
			"root or with CAP_SYSLOG, and with: sysctl kernel.kptr_restrict=1)");
	if (s->kernel_status < 0)
		return error_set_errno(error, s->kernel_status, "/proc/kallsyms cannot be read");
	return 0;
}

int symbols_lookup_kernel(struct symbols *s, uint64_t address, struct symbol *ret)
{
	const char *module = intern_string(&s->names, "[kernel]");

	if (!module)
		return -ENOMEM;
	if (symbols_kernel_status(s, NULL) == 0)
		return symbol_set_from_kallsyms(s, &s->kernel, address, ret);
	return symbol_set_label(s, module, module, ret);
}
