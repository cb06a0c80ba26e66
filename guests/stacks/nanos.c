/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nanos: a unikernel in QEMU that runs one program of Linux's, on a TFS disk made here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/console.h"
#include "guests/guest.h"
#include "guests/guest_files.h"
#include "guests/guest_process.h"
#include "guests/guest_program.h"
#include "guests/images/elf_needs.h"
#include "guests/images/image.h"
#include "guests/images/tfs.h"
#include "guests/init/words.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu.h"
#include "guests/verdict.h"
#include "init_preload.h"

#define PICTURE_PATH   "/tmp/mandelbrot.png"
#define PROGRAM_FOLDER "/bin"
#define PRELOAD_PLACE  "/guestscope/mark.so"
#define PRELOAD        "LD_PRELOAD="
#define KERNEL_BYTES   ((uint64_t)256 << 20)
#define KERNEL_WHOLE   "kernel.elf" /* kernel.img is the same without symbols */
#define SAYS_SIGNAL    "*** signal" /* "received by tid ...", with the registers after it */
#define SAYS_ENDED     "guestscope end by=init status="
/* What the kernel writes to QEMU's exit port: of the status seven bits survive. */
#define STATUS_BITS  0x7f
#define REAP_WAIT_MS 2000

static const char *const kernel_names[] = {KERNEL_WHOLE, "kernel.img", NULL};

static int find_kernel(const struct guest_spec *spec, char **ret, struct error *error)
{
	static const char expected[] = "a Nanos kernel: kernel.elf or kernel.img of a build or a "
				       "release of Nanos is expected";
	int r = guest_find_kernel("nanos", spec->kernel, kernel_names, ret, error);

	if (r == 0)
		r = qemu_check_elf(*ret, true, expected, error);
	if (r == 0 && !qemu_kernel_reads(*ret, TFS_MAGIC))
		r = error_set(error, -EINVAL, "%s is not %s", *ret, expected);
	return r;
}

static int nanos_available(const struct guest_spec *spec, struct error *error)
{
	return qemu_stack_available(spec, find_kernel, error);
}

static int nanos_runs(const struct guest_spec *spec, struct error *error)
{
	_cleanup_(elf_needs_free) struct elf_needs needs = {0};
	_cleanup_(strv_freep) char **files = NULL;
	int r = guest_executables(spec, &files, error);

	if (r < 0)
		return r;
	if (!files[0] || strcmp(files[0], spec->program) != 0)
		return error_set(error, -ENOEXEC,
			"%s is a script, and Nanos has no second process to start its interpreter in",
			spec->program);
	r = elf_needs_find(spec->program, NULL, NULL, &needs, error);
	if (r == 0 && spec->own && !needs.interpreter)
		r = error_set(error, -ENOEXEC,
			"%s is linked statically: in Nanos a library of ours marks the run's begin "
			"and end, and a dynamic linker has to load it",
			spec->program);
	return r;
}

static bool sets(char *const *list, const char *variable)
{
	size_t length = strcspn(variable, "=") + 1;

	for (; *list; list++)
		if (strncmp(*list, variable, length) == 0)
			return true;
	return false;
}

/* The user's variables, then what is missing of those that a program needs. */
static int make_environment(const struct guest_spec *spec, char ***ret)
{
	/* The last: hwloc complains about folders that are not there. */
	static const char *const defaults[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/",
		"LD_LIBRARY_PATH=" GUEST_LIBRARY_FOLDER, "HWLOC_HIDE_ERRORS=2"};
	_cleanup_(strv_freep) char **own = NULL;
	const char *preload = NULL;
	struct strv v = {0};
	int r = guest_program_environment(spec, &own);

	for (size_t i = 0; i < ARRAY_SIZE(defaults) && r == 0; i++)
		if (!sets(own, defaults[i]))
			strv_add(&v, defaults[i]);
	for (char **variable = own; r == 0 && *variable; variable++)
		if (strncmp(*variable, PRELOAD, strlen(PRELOAD)) == 0)
			preload = *variable + strlen(PRELOAD);
		else
			strv_add(&v, *variable);
	if (spec->own)
		strv_addf(&v, PRELOAD PRELOAD_PLACE "%s%s", preload ? ":" : "",
			preload ? preload : "");
	if (r == 0)
		return strv_take(&v, ret);
	strv_clear(&v);
	return r;
}

/* What the kernel is told: end QEMU with the program's status, say errors only. */
static int make_options(const struct guest_spec *spec, char ***ret)
{
	struct strv v = {0};

	strv_add(&v, "debug_exit=t");
	strv_add(&v, "log_level=err");
	if (spec->cwd)
		strv_addf(&v, "cwd=%s", spec->cwd);
	if (spec->port) {
		strv_add(&v, "ipaddr=" GUEST_ADDRESS);
		strv_add(&v, "netmask=" GUEST_NETMASK);
		strv_add(&v, "gateway=" GUEST_GATEWAY);
	}
	return strv_take(&v, ret);
}

static int add_files(struct guest *g, const char *place, struct image *image, struct error *error)
{
	const struct guest_spec *spec = &g->spec;
	int r = guest_add_program(spec, place, &guest_plain_libraries, false, image, error);

	if (r == 0 && spec->own)
		r = image_add_bytes(
			image, PRELOAD_PLACE, 0755, init_preload, sizeof(init_preload) - 1, error);
	if (r == 0)
		r = guest_note_copies(g, image, "disk", NULL, error);
	if (r < 0)
		return r;
	r = image_add_folder(image, "/tmp", 0755, error);
	return r == -EEXIST ? 0 : r;
}

static int make_disk(struct guest *g, char **ret_path, struct error *error)
{
	const struct guest_spec *spec = &g->spec;
	_cleanup_(strv_freep) char **argv = NULL, **environment = NULL, **options = NULL;
	_cleanup_free_ char *place = guest_program_place(spec, PROGRAM_FOLDER);
	struct image_start start = {.program = place};
	struct image image = {.start = &start};
	int r = place ? 0 : -ENOMEM;

	if (r == 0)
		r = guest_program_argv(spec, place, PICTURE_PATH, &argv);
	if (r == 0)
		r = make_environment(spec, &environment);
	if (r == 0)
		r = make_options(spec, &options);
	if (r < 0)
		return error_set_errno(error, r, "Nanos's disk");
	start.arguments = argv;
	start.environment = environment;
	start.options = options;
	r = add_files(g, place, &image, error);
	if (r == 0)
		r = image_write_cached(
			&image, tfs_write, spec->work_dir, "nanos-", ret_path, error);
	image_clear(&image);
	return r;
}

static int nanos_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL, *disk = NULL, *whole = NULL;
	struct qemu_machine m;
	int r = find_kernel(&g->spec, &kernel, error);

	if (r == 0)
		r = make_disk(g, &disk, error);
	if (r < 0)
		return r;
	whole = qemu_kernel_beside(kernel, KERNEL_WHOLE);
	if (!whole)
		return error_set_errno(error, -ENOMEM, "Nanos");
	m = (struct qemu_machine){.cpu_tcg = "max,la57=off",
		.cpu_kvm = "host,la57=off",
		.kernel = kernel,
		.low_pvh = true,
		.exit_port = true,
		.disks = {{.file = disk, .format = "raw", .writable = true}},
		.kernel_bytes = KERNEL_BYTES,
		.inside = {.subsystems = "nanos", .randomised = true},
		.symbols = whole};
	return qemu_prepare(g, &m, error);
}

/* What the kernel gave for the program's status, or -ENODATA: QEMU ended otherwise. Its own failure
 * looks as a status of 0 does. */
static int exit_code(const struct guest *g, const char *console, size_t length)
{
	int status = g->reaped && WIFEXITED(g->wait_status) ? WEXITSTATUS(g->wait_status) : 0;
	const char *line;
	size_t n;

	if (!(status & 1) ||
		(status == 1 && console_find(console, length, QEMU_PROGRAM ":", false, &line, &n)))
		return -ENODATA;
	return status >> 1 & STATUS_BITS;
}

static int nanos_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	char words[CONSOLE_WORDS_SIZE];
	int code, r;

	(void)guest_reap(g, REAP_WAIT_MS);
	code = exit_code(g, console, length);
	r = code < 0 ? qemu_verdict(g, console, length, error) : 0;
	if (r == 0)
		r = verdict_status(SAYS_ENDED, " inside Nanos", console, length, error);
	if (r == -ENODATA && code > 0)
		r = verdict_signal(SAYS_SIGNAL, console, length, error);
	if (r != -ENODATA || code == 0)
		return r == -ENODATA ? 0 : r;
	if (code < 0)
		return verdict_ended_early("Nanos", console, length, error);
	console_last_words(words, console, length);
	return error_set(
		error, -EIO, "the program ended with status %d inside Nanos%s", code, words);
}

/* It says so, or what addresses it has, when all is set up, before it reads the program. */
static const struct guest_boot_line boot_lines[] = {{BOOT_KERNEL, "NET: "}};

static const struct guest_boot nanos_boot = {
	.steps = {BOOT_PROCESS_START, BOOT_QEMU_SETUP, BOOT_FIRMWARE, BOOT_KERNEL, BOOT_PROGRAM},
	.n_steps = 5,
	.lines = boot_lines,
	.n_lines = ARRAY_SIZE(boot_lines),
	.emulation = QEMU_EMULATION,
};

const struct guest_ops guest_nanos = {
	.name = "nanos",
	.title = "Nanos unikernel in QEMU",
	.boot = &nanos_boot,
	.farewell = SAYS_SIGNAL,
	.available = nanos_available,
	.runs = nanos_runs,
	.prepare = nanos_prepare,
	.verdict = nanos_verdict,
	QEMU_NETWORK_OPS,
	QEMU_OPS,
};
