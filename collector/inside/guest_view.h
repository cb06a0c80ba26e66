/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The inside of a guest during one run: its memory, its symbols, its threads; and what its samples
 * are in these terms. Made before the stack starts, it outlives the stack: addresses become names
 * when the run is written.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/books/profile.h"
#include "collector/inside/guest_facts.h"
#include "collector/inside/guest_memory.h"
#include "collector/inside/guest_sched.h"
#include "collector/inside/guest_spaces.h"
#include "collector/symbols/symbols.h"
#include "common/error.h"
#include "guests/inside.h"
#include "probes/records.h"

/** A thread of the guest, told by its FS base and its name, on one lane. */
struct guest_thread {
	int lane;
	uint64_t fs_base;
	char name[PROBE_NAME_SIZE]; /**< by the guest's own scheduler; "": not known */
	uint64_t samples;
	uint64_t switches; /**< times it was another thread's successor between two samples */
};

#define GUEST_PROCESS_SIZE 32

/** A process of the guest, or a thread of its kernel, by its name. */
struct guest_process {
	char name[GUEST_PROCESS_SIZE];
	uint64_t samples; /**< for it */
	uint64_t user;    /**< of these in user mode */
};

struct guest_frame {
	uint64_t address; /**< of a caller: of its call */
	struct symbol symbol;
	bool kernel; /**< the guest kernel's, else the program's */
};

/* Why the frames of a stack are not all there is: after enum guest_end. */
#define GUEST_END_OUTSIDE                                                                          \
	GUEST_END_COUNT /* a frame outside any known text: it and those below it                   \
			   are cut */
#define GUEST_ENDS (GUEST_END_COUNT + 1)

/** What is known of all on-CPU samples of the lanes in user mode or in the guest. */
struct guest_counts {
	uint64_t samples;          /**< that could have guest frames */
	uint64_t taken;            /**< that have */
	uint64_t known;            /**< whose innermost frame is a known function's */
	uint64_t kernel;           /**< whose innermost address is the kernel's, by its value */
	uint64_t kernel_known;     /**< of these: in its symbols' text */
	uint64_t ends[GUEST_ENDS]; /**< by why the stack ends */
};

struct guest_view;

/**
 * Read the guest's scheduler as it is now; it has @cpus CPUs at most. *ret is to be released. -ENODATA: where it lies is not known (yet); *ret_why (may be NULL) is then why it
 * never will be, for people, or NULL. -ENOMEM.
 */
int guest_view_sched(const struct guest_view *v, unsigned cpus, struct sched_snapshot *ret,
	const char **ret_why);

/** The same of its timers. */
int guest_view_timers(const struct guest_view *v, unsigned cpus, struct timers_snapshot *ret,
	const char **ret_why);

/** The same read once (sched_glance()). -ENODATA, -ENOMEM. */
int guest_view_glance(const struct guest_view *v, unsigned cpus, struct sched_snapshot *ret);

/** Where in QEMU's memory the guest's run queues are, by CPU, @cpus at most: how many are known. */
size_t guest_view_queues(const struct guest_view *v, unsigned cpus,
	struct guest_queue_place ret[static GUEST_QUEUES_MAX]);

/** Where samples find the thread that a CPU is at work for (OSv). -ENODATA: not known (yet). */
int guest_view_current(const struct guest_view *v, struct guest_task_layout *ret);

/** For the words of a sentence and of the store: "root", "outside text" ... */
extern const char *const guest_end_names[GUEST_ENDS];

/**
 * @inside is taken over. @names is borrowed and outlives the view. @work_dir keeps what is read
 * from a guest's memory once for all runs. -ENOMEM, or what is wrong with the table of subsystems.
 */
int guest_view_new(struct guest_inside *inside, struct symbols *names, const char *work_dir,
	struct guest_view **ret, struct error *error);

/** See guest_memory_open(). Once is enough. */
int guest_view_open_memory(struct guest_view *v, pid_t pid,
	struct guest_ram_block ret_blocks[static GUEST_RAM_BLOCKS], size_t *ret_n,
	struct error *error);

/** The same once more, where memory was plugged in or taken away: @n ranges now, @bytes in all. */
int guest_view_move_memory(struct guest_view *v, pid_t pid, const struct guest_range *ranges,
	size_t n, uint64_t bytes, struct guest_ram_block ret_blocks[static GUEST_RAM_BLOCKS],
	size_t *ret_n, struct error *error);

/** Where its page tables are by its kernel's symbols, as far as these are known by now. 0, -ENOENT.
 */
int guest_view_find_root(const struct guest_view *v, struct guest_root *ret);

/**
 * A sample and its frames, in order of time: threads and address spaces are learnt, and whether its
 * registers can be trusted. @boot: the first phase.
 */
void guest_view_sample(
	struct guest_view *v, const struct record_sample *s, const uint64_t *frames, bool boot);

/** There is no unwind table of a Linux kernel in the guest by a file: its memory may have one. */
void guest_view_want_table(struct guest_view *v);

/**
 * To be called after each sample: begins to look at what a Linux kernel in the guest of QEMU process @pid
 * tells of itself (guest_facts.h), and looks whether that is known. True: something is, and @ret has it; each
 * thing once.
 */
bool guest_view_find_facts(struct guest_view *v, pid_t pid, struct guest_facts *ret);

/**
 * Find where the guest has its program and its libraries, in its memory as it is now, and other
 * programs of which there are files. To be called
 * more than once while the program runs: text that was not used yet is not there yet. -EAGAIN: too
 * early, no sample of the program was taken; -ENOMEM.
 */
int guest_view_find_program(struct guest_view *v, enum guest_search what);

/**
 * The next address space in which something was found, from number *@at on, which is moved behind it;
 * NULL: there is no more. *ret_root: the root of its page tables.
 */
struct symbol_space *guest_view_space(struct guest_view *v, size_t *at, uint64_t *ret_root);

/**
 * Take the kernel's symbols: from a file, or from the table that the kernel itself carries, while
 * it runs. -ENOMEM, or what is wrong, with a message.
 */
int guest_view_find_kernel(struct guest_view *v, struct error *error);

/**
 * Do the registers that were read under emulation (guest_check.h) seem to be a vCPU's? If not,
 * -EBADMSG with the user's sentence: the view has no threads then, and its frames mean nothing.
 */
int guest_view_judge(const struct guest_view *v, struct error *error);

/**
 * Look up the source lines of all frames of @profile, and the functions inlined in them, from the
 * debug information that the program, its libraries and the kernel's symbols come with. Without it
 * there are none. -ENOMEM.
 */
int guest_view_find_lines(struct guest_view *v, const struct profile *profile);

/**
 * The frames of @e as the guest has them, innermost first, at most PROBE_STACK_DEPTH + 1; inlined
 * functions are their symbols' only. *ret_end says why there are no more. Returns their number, or
 * -ENOMEM.
 */
int guest_view_frames(struct guest_view *v, const struct profile_entry *e,
	struct guest_frame ret[static PROBE_STACK_DEPTH + 1], unsigned *ret_end);

/** The subsystem of the guest that @e was in: a static text. "" if @e has no guest frame. */
const char *guest_view_subsystem(struct guest_view *v, const struct profile_entry *e);

/**
 * The process of the guest that @e was at work for: its name when the sample was taken, so that one that
 * called exec has two; of a thread of the kernel in brackets. Where the kernel does not tell, the
 * program's file name, else "process 0x..." by the root of its page tables. False: not known, or the guest has
 * no processes.
 */
bool guest_view_process(const struct guest_view *v, const struct profile_entry *e,
	char ret[static GUEST_PROCESS_SIZE]);

/** Add @e, all its samples, to @counts. */
void guest_view_count(
	struct guest_view *v, const struct profile_entry *e, struct guest_counts *counts);

/** The guest's threads, but for those of the boot. */
const struct guest_thread *guest_view_threads(const struct guest_view *v, size_t *ret_n);

const struct guest_inside *guest_view_inside(const struct guest_view *v);

/** NULL is fine. */
void guest_view_free(struct guest_view *v);
