/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The peer of the runtime of kernels: the same tasks from the same kernels, under OpenMP's schedule(dynamic). Takes
 * kernels' options; prints the time of its phase compute in ns.
 */
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>

#include "workload/kernels-options.h"
#include "workload/kernels.h"
#include "workload/pin.h"

static int run_tasks(struct kernel_job *job, uint32_t n_tasks, task_fn what, struct error *error)
{
	(void)error;
#pragma omp parallel for schedule(dynamic)
	for (uint32_t task = 0; task < n_tasks; task++)
		what(job, task);
	return 0;
}

int main(int argc, char **argv)
{
	struct error error = {.text = ""};
	char sha256[SHA256_HEX_SIZE];
	struct kernels_options o;
	struct kernel_job job;
	int r = kernels_options_parse(argc, argv, &o, &error);

	if (r == 0) {
		job = (struct kernel_job){.kernel = o.kernel, .class = o.class, .run = run_tasks};
		omp_set_num_threads((int)(o.cores ? o.cores : pin_count_plain()));
		r = o.kernel->set_up(&job, &error);
		if (r == 0)
			r = kernel_compute(&job, &error);
		if (r == 0)
			r = kernel_verify(&job, sha256, &error);
		o.kernel->release(&job);
	}
	if (r < 0) {
		fprintf(stderr, "openmp_kernels: %s\n", error.text);
		return 1;
	}
	printf("%" PRIu64 "\n", job.compute_ns);
	return 0;
}
