/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all kernels have in common. */
#include <errno.h>
#include <string.h>

#include "workload/emit.h"
#include "workload/kernels.h"

const char *const kernel_class_names[KERNEL_CLASSES] = {"S", "W", "A"};

const struct kernel *const kernel_table[] = {
	&kernel_ep, &kernel_cg, &kernel_is, &kernel_stencil, &kernel_triad, &kernel_chase, NULL};

int kernel_compute(struct kernel_job *job, struct error *error)
{
	uint64_t begin_ns = emit_now_ns();
	int r = job->kernel->compute(job, error);

	job->compute_ns = emit_now_ns() - begin_ns;
	if (job->compute_ns == 0) /* a clock that stands still */
		job->compute_ns = 1;
	return r;
}

int kernel_verify(struct kernel_job *job, char ret_sha256[SHA256_HEX_SIZE], struct error *error)
{
	const char *wanted = job->kernel->sha256[job->class];
	int r;

	sha256_begin(&job->digest);
	r = job->kernel->verify(job, error);
	if (r < 0)
		return r;
	sha256_end(&job->digest, ret_sha256);
	if (strcmp(ret_sha256, wanted) == 0)
		return 0;
	return error_set(error, -EBADMSG,
		"kernel %s, class %s: the SHA-256 of the results is %.16s..., and should be %.16s...: "
		"this stack does not compute as others do",
		job->kernel->name, kernel_class_names[job->class], ret_sha256, wanted);
}

void kernel_add_metric(struct kernel_job *job, const char *unit, double value, bool higher)
{
	if (job->n_metrics < KERNEL_METRICS_MAX)
		job->metrics[job->n_metrics++] = (struct kernel_metric){unit, value, higher};
}

void kernel_add_rate(struct kernel_job *job, const char *unit, double n)
{
	kernel_add_metric(job, unit, n * 1e3 / (double)job->compute_ns, true);
}

int kernel_check(const struct kernel_job *job, const char *what, double found, double wanted,
	double tolerance, struct error *error)
{
	double off = __builtin_fabs(found - wanted);

	/* Written so that NaN fails. */
	if (off <= tolerance * __builtin_fabs(wanted))
		return 0;
	return error_set(error, -EBADMSG,
		"kernel %s, class %s: %s is %.9f, and should be %.9f (%s)", job->kernel->name,
		kernel_class_names[job->class], what, found, wanted, job->kernel->against);
}

int kernel_no_memory(size_t bytes, struct error *error)
{
	return error_no_memory(error, " for a kernel's data (%zu MiB)", bytes >> 20);
}
