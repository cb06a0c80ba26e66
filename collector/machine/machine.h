/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Facts about the machine that bear on a measurement, from /proc and /sys, and the sentences of
 * warning that follow from them. What the machine does not tell is absent.
 *
 * Each function takes @root, the folder in which proc/ and sys/ are looked for; NULL is "/".
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/machine/topology.h"
#include "common/error.h"

/**
 * The facts as a JSON object with these keys, each there only where it is known:
 *	kernel, kernel_version, architecture, hostname	strings (uname)
 *	cpu_model, cpu_vendor, hypervisor (true or false), cpu_flags_virtualisation ("vmx", "svm")
 *	governor	array of the distinct governors; cpufreq_driver
 *	frequency_khz	object: min, max (limits of the hardware), current (array, one for each CPU)
 *	boost		true or false
 *	smt_active	true or false
 *	mitigations	object: name of the vulnerability to the kernel's line
 *	clocksource, clocksources
 *	thp		transparent huge pages: always, madvise or never
 *	aslr		kernel.randomize_va_space, an integer
 *	memory_bytes, swap_bytes, swap_used_bytes
 *	cmdline		the kernel's command line
 *	nmi_watchdog	true or false (it takes a hardware counter)
 *	isolated_cpus	text, where there are any
 * Returns a new reference, or NULL if out of memory.
 */
json_t *machine_facts(const char *root);

/** The oldest kernel on which the probes are tested. */
#define MACHINE_OLDEST_KERNEL "6.1"

/** Is the running kernel that one or a later one? True where that cannot be told. */
bool machine_kernel_is_known(void);

/** The kernel's events have process numbers and times of the first of each. */
enum machine_namespace {
	MACHINE_PID_NAMESPACE,
	MACHINE_TIME_NAMESPACE,
};

/** Are we in the one that the kernel began with? True where that cannot be told. */
bool machine_in_first_namespace(enum machine_namespace which);

/** Calls @warn with each sentence that a reader of the results should know; it is not kept. */
typedef void (*machine_warn_t)(const char *sentence, void *userdata);

/**
 * Warnings that follow from @facts (of machine_facts()) and from where the lanes run: governor,
 * boost, SMT siblings that share a core, clock source, a hypervisor below, swap in use, cores of
 * different kinds, lanes without CPUs of their own, isolated and ordinary CPUs mixed, variables of
 * the environment that programs inherit. @t and @placement may be NULL.
 */
void machine_warnings(const json_t *facts, const struct topology *t,
	const struct placement *placement, machine_warn_t warn, void *userdata);
