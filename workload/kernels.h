/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * kernels: small parallel programs that the field knows, with results that are known.
 *
 * A kernel divides its work into tasks whose number depends on its class alone, and adds up what they give in the order
 * of their numbers. So its results are the same, to the last bit, for any number of workers and on any stack.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "workload/runtime.h"
#include "workload/sha256.h"

/** The largest number of tasks that a kernel makes at once. */
#define KERNEL_TASKS_MAX   4096
#define KERNEL_METRICS_MAX 2

/** How much there is to do. */
enum kernel_class { CLASS_S, CLASS_W, CLASS_A, KERNEL_CLASSES };

extern const char *const kernel_class_names[KERNEL_CLASSES];

struct kernel;

/** What a kernel found out about the machine. */
struct kernel_metric {
	const char *unit;
	double value;
	bool higher; /**< is better */
};

struct kernel_job {
	const struct kernel *kernel;
	enum kernel_class class;
	/** Do tasks 0 to @n_tasks - 1 on all workers; when it returns all are done. As runtime_run(). */
	int (*run)(struct kernel_job *job, uint32_t n_tasks, task_fn what, struct error *error);
	void *runner; /**< for @run */
	void *own;    /**< the kernel's, from its set_up() to its release() */
	uint64_t compute_ns;
	struct sha256 digest; /**< of its results */
	struct kernel_metric metrics[KERNEL_METRICS_MAX];
	size_t n_metrics;
};

struct kernel {
	const char *name;
	const char *title;
	const char *against; /**< what its results are held against */
	/** The SHA-256 of what it gives to the digest, by class: computed once, and the same ever since. */
	const char *sha256[KERNEL_CLASSES];
	/** Take memory and make the data. 0, or a negative errno with a message; as the next two. */
	int (*set_up)(struct kernel_job *job, struct error *error);
	/** The part that is measured. */
	int (*compute)(struct kernel_job *job, struct error *error);
	/** Hold the results against what is known, give them to the digest, and add metrics. */
	int (*verify)(struct kernel_job *job, struct error *error);
	/** Whatever set_up() did, even if it failed. */
	void (*release)(struct kernel_job *job);
};

/** All of them, ended by NULL. */
extern const struct kernel *const kernel_table[];

extern const struct kernel kernel_ep, kernel_cg, kernel_is, kernel_stencil, kernel_triad,
	kernel_chase;

/** Compute between two looks at the clock. */
int kernel_compute(struct kernel_job *job, struct error *error);

/** kernel->verify(), and the digest: -EBADMSG with a message where a result is not what it has to be. */
int kernel_verify(struct kernel_job *job, char ret_sha256[SHA256_HEX_SIZE], struct error *error);

/** For kernel->verify(). */
void kernel_add_metric(struct kernel_job *job, const char *unit, double value, bool higher);

/** Likewise: @n of something in the time of compute(), in millions a second. */
void kernel_add_rate(struct kernel_job *job, const char *unit, double n);

/** -EBADMSG: @what should be @wanted and is @found, which differs by more than the share @tolerance of it. */
int kernel_check(const struct kernel_job *job, const char *what, double found, double wanted,
	double tolerance, struct error *error);

/** -ENOMEM with a message, for @bytes. */
int kernel_no_memory(size_t bytes, struct error *error);
