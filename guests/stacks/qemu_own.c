/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu: a machine of the user's own, by QEMU's arguments. Nothing of ours is in it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guests/guest_program.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu.h"
#include "guests/qemu/qemu_own.h"

/* The user's words, with {cores} and the like replaced. */
static int find_words(const struct guest_spec *spec, char ***ret, struct error *error)
{
	int r = guest_program_words(spec, ret);

	return r < 0 ? error_set_errno(error, r, "command line of QEMU") : 0;
}

static int own_available(const struct guest_spec *spec, struct error *error)
{
	static const char *const files[] = {"kernel", "initrd"};
	_cleanup_(strv_freep) char **words = NULL;
	int r = qemu_available(error);

	if (r == 0)
		r = guest_symbols_available(spec->symbols, error);
	if (r == 0)
		r = find_words(spec, &words, error);
	if (r == 0)
		r = qemu_check_own(spec, words, error);
	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++) {
		const char *file = qemu_own_option(words, files[i]);

		if (file && access(file, R_OK) < 0)
			r = error_set_errno(error, -errno, "cannot read -%s %s", files[i], file);
	}
	return r;
}

static int own_prepare(struct guest *g, struct error *error)
{
	_cleanup_(strv_freep) char **words = NULL;
	int r = find_words(&g->spec, &words, error);

	return r < 0 ? r : qemu_prepare_own(g, words, qemu_own_option(words, "kernel"), error);
}

/* Where its firmware ends and what its kernel says is not known. */
static const struct guest_boot own_boot = {
	.steps = {BOOT_PROCESS_START, BOOT_QEMU_SETUP, BOOT_PROGRAM},
	.n_steps = 3,
	.emulation = QEMU_EMULATION,
};

const struct guest_ops guest_qemu = {
	.name = "qemu",
	.title = "a machine of your own in QEMU, by its arguments",
	.boot = &own_boot,
	.available = own_available,
	.prepare = own_prepare,
	.verdict = qemu_verdict,
	QEMU_OPS,
};
