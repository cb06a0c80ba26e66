/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The stacks ("guests") behind one interface.
 *
 * A stack is one file in the folder stacks that defines a `const struct guest_ops`, and a word in the
 * table of stacks/stacks.h. The life of a run, all from one thread of the collector:
 *
 *	guest_new()		what to run; nothing happens yet
 *	ops->prepare()		make what the stack needs (disk, initramfs, image) and the command
 *				line, g->argv; not timed, cached in work_dir
 *	ops->start()		fork the stack's process, held just before its exec; pid is known
 *	guest_release()		let it exec: this instant is the start of the boot
 *	read g->console_fd	the program's standard output (markers, text, the guest kernel's
 *				words) until EOF
 *	ops->lanes()		VMs: the vCPU threads by QMP, once the process is there
 *	ops->stop()		end it, orderly or not; reap it; idempotent
 *	ops->verdict()		did the stack itself say that it failed?
 *	guest_free()		stop() if need be, remove what prepare() made for this run
 *
 * Guests know nothing of probes, books or the store. Whatever they start dies with the collector,
 * even when that is killed by SIGKILL: children have PR_SET_PDEATHSIG, and what is not a child
 * (containers, images, temporary folders) is registered with the keeper (keeper/keeper.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "guests/boot_plan.h"

struct guest_inside;
struct keeper;

enum accel {
	ACCEL_NONE, /**< no virtual machine */
	ACCEL_AUTO,
	ACCEL_KVM,
	ACCEL_TCG,
};

/** The type of QEMU's machine (machine_type.h). */
enum machine {
	MACHINE_PC,
	MACHINE_Q35,
	MACHINE_MICROVM,
};

/** A type that a stack does not boot on, and why not. */
struct guest_no_machine {
	enum machine machine;
	const char *why; /**< NULL ends a list */
};

/** "none", "auto", "kvm", "tcg". */
const char *accel_name(enum accel accel);

/** How the lanes of a stack are recognised among its threads, from outside, from their birth. */
enum lane_kind {
	LANES_WORKERS, /**< threads that the workload names "worker/N" */
	LANES_VCPUS,   /**< threads that QEMU names "CPU N/KVM" or "CPU N/TCG" */
};

/** Where a server in a stack is reached. */
enum guest_network {
	NETWORK_NONE,      /**< nowhere */
	NETWORK_HOST,      /**< it listens on the host itself */
	NETWORK_FORWARDED, /**< a port of the host is handed on to the stack's */
};

/** A file or folder that goes along with a program. */
struct guest_with {
	const char *source; /**< on the host, absolute */
	const char *path;   /**< in the stack, absolute */
};

/** What to run. Strings and arrays stay the caller's and must outlive the guest. */
struct guest_spec {
	unsigned lanes;    /**< how many vCPUs or workers */
	const char *image; /**< of containers: the user's own, measured as it is; or NULL */
	const char
		*program; /**< the workload's binary on the host (absolute); in @image, where it is
				there, or NULL: its entry point */
	char *const
		*arguments; /**< its arguments without argv[0] and -cores, -file; NULL-terminated */
	bool own; /**< the program is the user's: it gets @arguments and no others, and what
			       follows; guest_program.h replaces words in them */
	char *const *environment; /**< NAME=VALUE of an own program, NULL-ended, or NULL */
	const char *cwd;          /**< the folder that an own program runs in, absolute, or NULL */
	const struct guest_with *with; /**< what goes along with an own program */
	size_t n_with;
	unsigned run;         /**< what {run} stands for ... */
	uint64_t seed;        /**< ... and {seed} */
	unsigned port;        /**< that an own program serves, inside the stack; 0: none */
	unsigned host_port;   /**< where that is reached at GUEST_HOST (guest_port.h) */
	enum accel accel;     /**< ACCEL_KVM or ACCEL_TCG for VMs (already decided) */
	enum machine machine; /**< of VMs */
	const char *kernel;   /**< --kernel, or NULL: search */
	const char *symbols;  /**< --symbols, or NULL */
	const char *disk;     /**< --disk, or NULL */
	const char *append;   /**< --append: the machine's command line, or NULL */
	bool alone; /**< nothing of ours runs in the stack: @arguments are QEMU's, or @disk and @append say it all */
	uint64_t memory_bytes; /**< what the program needs for itself (raster and buffers) */
	uint64_t ram_bytes;    /**< of a virtual machine, whole MiB; 0: as memory_bytes says */
	const int *lane_cpus;  /**< host CPU (Linux number) of each lane, or NULL: not pinned */
	const int *
		helper_cpus; /**< host CPUs for all other threads of the stack, or NULL: anywhere */
	size_t n_helper_cpus;
	const char *
		work_dir; /**< an existing private folder for files and sockets of the experiment */
	const char *nonce; /**< [0-9a-f]{8,16}, unique for the run: names of containers, paths */
	char *const *runtime_args; /**< more options for `docker run` and its like, NULL-ended, or
				      NULL */
	struct keeper
		*keeper; /**< told what outlives the collector (keeper.h), or NULL: not told */
};

struct guest;

/** A lane that the stack itself names (QMP). */
struct guest_lane {
	unsigned lane;
	pid_t tid;
};

struct guest_ops {
	const char *name;  /**< as in --guest */
	const char *title; /**< a few words for people */
	enum lane_kind lane_kind;
	bool is_vm;
	bool takes_image; /**< it can run a container image of the user's */
	enum guest_network network;
	const struct guest_boot *boot; /**< its boot's steps, or NULL: it is not taken apart */
	/** VMs: the types of machine that it does not boot on; NULL: it boots on all. */
	const struct guest_no_machine *no_machines;
	/** VMs: how the console's first line begins that follows the program's output, where no
	 * lines but the program's and, with time stamps, a kernel's are before it. NULL: others
	 * write there, too. */
	const char *farewell;

	/**
	 * Could this stack run here, as far as can be told without running it (programs, daemon,
	 * kernel file)? 0, or -ENOENT, -EACCES, -ECONNREFUSED, -EINVAL ... with a message that
	 * names what is missing and the command that fixes it.
	 */
	int (*available)(const struct guest_spec *spec, struct error *error);
	/** Start what can be started without a program, as a run does, for what available() cannot see. For --doctor, where it
	 * says 0: a second or less. -EIO with the reason. NULL: nothing to try. */
	int (*trial)(struct error *error);

	/**
	 * Can this stack run the user's own program of the spec, as far as its files tell? 0, or
	 * -ENOEXEC, -ENOENT ... with a message that says why not. NULL op: it can.
	 */
	int (*runs)(const struct guest_spec *spec, struct error *error);

	/** In the line by which the stack itself tells that the program has ended, just before its exit
	 * status; it then ends without a marker. NULL: a marker always comes. */
	const char *end_words;

	/** In the line by which the stack itself names a process that the program left behind, just
	 * before the name. NULL: it does not. */
	const char *left_words;

	/** Make what the stack needs. Must be called before describe and start. */
	int (*prepare)(struct guest *g, struct error *error);

	/**
	 * Fork the stack's process, stopped before its exec. Sets g->pid, g->console_fd and, where
	 * the program does not run as descendant of g->pid (docker), g->program_path: the file name
	 * that its exec will carry, unique to this run.
	 */
	int (*start)(struct guest *g, struct error *error);

	/**
	 * The vCPU threads by the hypervisor's own word, at most @max of them. Returns their
	 * number, 0 if there is nothing to tell (workers), -EAGAIN if the process is not that far
	 * yet. Also pins them (and the helpers) to the CPUs of the spec. NULL: nothing to tell.
	 */
	int (*lanes)(struct guest *g, struct guest_lane *ret, size_t max, struct error *error);

	/**
	 * Does the server answer at its port? 1; 0: not yet; -EADDRNOTAVAIL: it listens where nobody
	 * can reach it, which may change; others: it cannot be told; with a message. Called again and
	 * again, so it must not wait. NULL: where there is no network.
	 */
	int (*answers)(struct guest *g, struct error *error);

	/** Ask a program that would go on for ever to end. Returns whether it will, for which stop() then
	 * waits. NULL: there is nobody to ask. */
	bool (*ask_end)(struct guest *g);

	/** Machines that are alone: has the guest shut down? It is then still there, as it was. NULL: its
	 * process ends. */
	bool (*shut_down)(struct guest *g);

	/** End the stack and reap it. @orderly: give it a moment first. Idempotent. */
	void (*stop)(struct guest *g, bool orderly);

	/**
	 * The pids of host processes that work for the stack beside it (dockerd, containerd-shim):
	 * at most @max; returns their number. NULL: none.
	 */
	size_t (*helpers)(struct guest *g, pid_t *ret, size_t max);

	/** The folder of the cgroup that limits the lanes, or NULL (for its cpu.stat). NULL op:
	 * none. */
	const char *(*cgroup)(struct guest *g);

	/** After the end of the output: did the stack itself say that it failed (OSv backtrace,
	 * kernel panic, exit status)? @console is the whole text. 0 or -EIO with the message. */
	int (*verdict)(struct guest *g, const char *console, size_t length, struct error *error);

	/** Release what belongs to the stack's private data. */
	void (*destroy)(struct guest *g);
};

struct guest {
	const struct guest_ops *ops;
	struct guest_spec spec;
	char **argv;      /**< the command line that starts the stack; set by prepare() */
	char **variables; /**< NAME=VALUE that its environment has beside ours, or NULL */
	int folder_fd;    /**< the folder that it is started in; 0: ours. Closed by guest_free() */
	char *note;       /**< more for describe: what was made, versions; may be NULL */
	char *copies;   /**< what of the host's files is where in the stack, a line each; or NULL */
	char *identity; /**< hexadecimal, of what the user brought, where that is no file; or NULL */
	char *program_path;          /**< see start(); NULL: the program is g->pid or its child */
	struct guest_inside *inside; /**< VMs, set by prepare(): see inside.h; may be NULL */
	pid_t pid;                   /**< the stack's process, or 0 */
	pid_t program; /**< natively and in containers the first process of an own program, once the
			  caller has seen its exec; 0 else */
	int pidfd;     /**< pidfd of it, or negative: readable when it has ended */
	int event_fd;  /**< readable when shut_down() may say something else; or negative */
	int console_fd;  /**< where the output comes from, non-blocking, close-on-exec */
	int release_fd;  /**< write end that holds the child */
	int wait_status; /**< of waitpid, once reaped */
	bool reaped;
	bool killed; /**< it still ran when we ended it */
	void *data;  /**< the stack's own */
};

/** A new guest of @ops; the spec is copied (shallow). -ENOMEM. */
int guest_new(const struct guest_ops *ops, const struct guest_spec *spec, struct guest **ret);

/** Let the held child exec. 0 or -errno. */
int guest_release(struct guest *g);

/** Stop if need be, and release everything. NULL is fine. */
void guest_free(struct guest *g);

/**
 * Where a kernel for guest @name lies: @given if not NULL, else the first of @candidates
 * (NULL-ended file names) found in $GUESTSCOPE_GUESTS/<name>/, $GUESTSCOPE_GUESTS/,
 * ~/.local/share/guestscope/guests/<name>/, /usr/share/guestscope/guests/<name>/. The file must be
 * readable. -ENOENT, -EACCES with a message. *ret_path is malloced.
 */
int guest_find_kernel(const char *name, const char *given, const char *const *candidates,
	char **ret_path, struct error *error);

/**
 * The first of @candidates in the folders that guest_find_kernel() looks in. @ret_where tells these
 * folders, for a message. -ENOENT without a message, others with one. *ret_path is malloced.
 */
int guest_find_file(const char *name, const char *const *candidates, char **ret_path,
	char *ret_where, size_t where_size, struct error *error);

/**
 * `auto` by the rule of the manual: KVM only where /dev/kvm opens and the processor reports vmx or
 * svm; else TCG. For ACCEL_KVM asked for by name: 0 or -ENODEV with the reason.
 * *ret_reason (may be NULL) gets a static sentence for the user.
 */
int accel_resolve(enum accel asked, enum accel *ret, const char **ret_reason, struct error *error);
