/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_check.h"

#include <errno.h>
#include <stddef.h>

#include "common/cleanup.h"

/* A single sample may have hit a moment at which they differ. */
#define SAMPLES_TO_JUDGE 8
/* QEMU's own functions may use RBP as they like, generated code never does: where the address is
 * right, much more than this share agrees, and none where it is wrong. */
#define AT_ENV_MIN 0.01
#define MAPPED_MIN 0.5

void guest_check_add(struct guest_check *c, const struct record_sample *s)
{
	const struct guest_sample *g = &s->guest;

	if (!g->n_frames || s->mode == SAMPLE_GUEST || s->guest_left) /* KVM's */
		return;
	if (s->mode == SAMPLE_USER) {
		c->user++;
		c->at_env += g->at_env;
	}
	if (g->end == GUEST_END_PAGING_OFF || g->end == GUEST_END_FIVE_LEVEL)
		return;
	c->paged++;
	c->text_mapped += g->text_mapped;
	c->stack_mapped += g->stack_mapped;
}

int guest_check_judge(const struct guest_check *c, struct error *error)
{
	const struct {
		uint64_t n, agree;
		double least;
		const char *what;
	} rows[] = {
		{c->user, c->at_env, AT_ENV_MIN,
			"generated code keeps the address of the processor's state in RBP, and "
			"that agrees"},
		{c->paged, c->text_mapped, MAPPED_MIN,
			"the instruction pointer is an address of code"},
		{c->paged, c->stack_mapped, MAPPED_MIN,
			"the stack pointer is an address of the guest's memory"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].n >= SAMPLES_TO_JUDGE &&
			(double)rows[i].agree < rows[i].least * (double)rows[i].n)
			return error_set(error, -EBADMSG,
				"no stacks of the guest: what was read as its registers is "
				"something else: %s in %llu of %llu samples only; this QEMU is "
				"not known well enough",
				rows[i].what, (unsigned long long)rows[i].agree,
				(unsigned long long)rows[i].n);
	return 0;
}
