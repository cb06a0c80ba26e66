/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The machine's packages, cores and hardware threads (hwloc), and where the lanes of a run go.
 *
 * CPU numbers are Linux's (hwloc's "physical" or OS index of a processing unit, PU). What the
 * collector may not use (cgroup cpuset, affinity of the process at the time of topology_load()) is
 * left out of every placement. Isolated CPUs (isolcpus=) are outside of every process's affinity
 * from the start, and get a lane where they are named, or where the affinity has them.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct topology;

struct topology_counts {
	unsigned packages;
	unsigned cores;
	unsigned pus;         /**< hardware threads that are online */
	unsigned pus_allowed; /**< of them, those that may be used */
	unsigned numa_nodes;
	unsigned core_kinds; /**< more than 1: performance and efficiency cores; 0: not known */
	bool smt;            /**< some core has more than one hardware thread */
};

/** Sets of CPUs, all of them online. */
enum topology_set {
	TOPOLOGY_FREE,            /**< lanes and helpers may go there */
	TOPOLOGY_BY_NAME,         /**< isolated: only where --pin names them */
	TOPOLOGY_NOT_IN_CPUSET,   /**< held back by the cgroup */
	TOPOLOGY_NOT_IN_AFFINITY, /**< held back by the process's affinity (taskset) alone */
	TOPOLOGY_ISOLATED,        /**< isolcpus=, or an isolated cpuset */
	TOPOLOGY_TICKLESS,        /**< nohz_full= */
	TOPOLOGY_SETS,
};

/** What limits a made-up machine, as lists such as "2-3,7"; NULL: nothing. */
struct topology_limits {
	const char *not_in_cpuset;
	const char *not_in_affinity;
	const char *isolated;
	const char *tickless;
};

/** Where the lanes of one run go. Release with placement_done(). */
struct placement {
	unsigned lanes;
	int *lane_cpus;   /**< one Linux CPU for each lane; NULL: not pinned */
	int *helper_cpus; /**< CPUs for all other threads of the stack; NULL: anywhere */
	size_t n_helper_cpus;
	unsigned cpus_allowed; /**< of the machine, to whom nothing is said */
	unsigned smt_lanes; /**< lanes on a core of which lanes use several hardware threads; 0 if
			       not pinned */
	unsigned sharing_lanes;  /**< lanes whose CPU is another lane's too; all of them where they
				    are not pinned and more than the CPUs */
	unsigned isolated_lanes; /**< lanes on isolated CPUs */
	unsigned tickless_lanes; /**< lanes on nohz_full CPUs */
};

/**
 * The machine's topology: all of it, whatever part this process may use. Call environment_drop()
 * before: hwloc's variables would make another machine of it. -ENOMEM, -EIO with a message.
 */
int topology_load(struct topology **ret, struct error *error);

/**
 * A made-up machine in hwloc's notation, such as "package:1 core:4 pu:2": for --topology, and for
 * tests. @limits may be NULL. -EINVAL (a user error), -ENOMEM.
 */
int topology_load_synthetic(const char *description, const struct topology_limits *limits,
	struct topology **ret, struct error *error);

void topology_free(struct topology *t);

const struct topology_counts *topology_counts(const struct topology *t);

/** The CPUs of @set as a list such as "2-3,7", malloced; NULL if it has none (or no memory). */
char *topology_list(const struct topology *t, enum topology_set set);

/**
 * Place @lanes lanes by @pin:
 *	cores	one lane for each core first, then the second hardware threads
 *	threads	hardware threads in the order of the topology, so siblings come together
 *	none	no pinning
 *	0,2-3	these Linux CPUs, in this order
 * With @overcommit there may be more lanes than CPUs: the CPUs are dealt out again in the same
 * order, so that no two of them differ by more than one lane.
 * Helpers get the CPUs of cores without a lane; if there is none, the hardware threads that no
 * lane uses; if there is none either, no CPUs of their own. They get no isolated ones.
 * Returns 0, -EINVAL (@pin is no mode, names a CPU that is not there or twice, or there are more
 * lanes than CPUs without @overcommit; a user error) or -ENOMEM.
 */
int topology_place(const struct topology *t, unsigned lanes, const char *pin, bool overcommit,
	struct placement *ret, struct error *error);

void placement_done(struct placement *p);

/** hwloc's XML of the machine, malloced. -ENOMEM, -EIO. */
int topology_xml(const struct topology *t, char **ret, struct error *error);

/**
 * A line for people, such as "1 package, 4 cores, 8 hardware threads (2 per core), 1 NUMA node",
 * malloced, or NULL if out of memory.
 */
char *topology_describe(const struct topology *t);

/**
 * The machine's build alone, by which two can be compared: packages, caches with their sizes,
 * cores, hardware threads and memory nodes, without numbers that change from boot to boot or from
 * one machine to its twin. "Machine[memory:1]{Package{L3(8192K){L2(512K){...}*4}}}", malloced;
 * NULL if out of memory.
 */
char *topology_shape(const struct topology *t);
