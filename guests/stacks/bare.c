/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bare: our own unikernel in QEMU, with the program linked in. See docs/bare.md. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "guests/guest.h"
#include "guests/guest_program.h"
#include "guests/process/beside.h"
#include "guests/process/command.h"
#include "guests/qemu/qemu.h"
#include "guests/verdict.h"

#define KERNEL_BYTES ((uint64_t)64 << 20)
#define COMMAND_MAX  2000 /* QEMU's boot code cuts at 2,048 without a word */
#define CPUS_MAX     255
#define SAYS_CRASHED "bare: crashed: "
#define SAYS_STATUS  "bare: exit status"
#define SAYS_PROGRAM "bare: program"
#define CALIBRATOR   "calibrator.elf" /* the same kernel with another program */

#define NOISE_KERNEL "bare-noise.elf"

/* Which kernel has a program of ours linked in; the first is what is meant where none is named. */
static const struct {
	const char *program, *kernel;
} linked[] = {{"mandelbrot", "bare.elf"}, {"noise", NOISE_KERNEL}, {"kernels", "bare-kernels.elf"}};

static const char *kernel_of(const struct guest_spec *spec)
{
	const char *slash = spec->program ? strrchr(spec->program, '/') : NULL;

	for (size_t i = 0; slash && i < ARRAY_SIZE(linked); i++)
		if (strcmp(slash + 1, linked[i].program) == 0)
			return linked[i].kernel;
	return linked[0].kernel;
}

/* The word for which another program than mandelbrot is started, or NULL. */
static const char *calibrator_word(const struct guest_spec *spec)
{
	static const char *const names[] = {"burn", "hostile", "crash"};

	for (char *const *a = spec->arguments; a && *a; a++) {
		size_t dashes = strspn(*a, "-"), length = strcspn(*a + dashes, "=");

		for (size_t i = 0; i < ARRAY_SIZE(names) && dashes; i++)
			if (strlen(names[i]) == length &&
				strncmp(*a + dashes, names[i], length) == 0)
				return *a;
	}
	return NULL;
}

static int no_calibrator(const char *word, struct error *error)
{
	return error_set(error, -ENOENT,
		"the guest bare: %s is an option of the calibrator, which belongs to the tests and "
		"is not installed: use the collector of a build of guestscope, or name that "
		"build's tests/calibrator/" CALIBRATOR " with --kernel",
		word);
}

static int find_kernel(const struct guest_spec *spec, char **ret, struct error *error)
{
	const char *word = spec->kernel ? NULL : calibrator_word(spec), *name = kernel_of(spec);
	const char *const kernel_names[] = {name, NULL};
	int r = spec->kernel ? -ENOENT : beside_find(word ? CALIBRATOR : name, ret);

	if (r == -ENOENT && word)
		return no_calibrator(word, error);
	if (r == -ENOENT)
		r = guest_find_kernel("bare", spec->kernel, kernel_names, ret, error);
	else if (r < 0)
		return error_set_errno(error, r, "%s", name);
	return r < 0 ? r
		     : qemu_check_elf(*ret, true,
			       "the guest bare: a static ELF program for x86-64 is expected "
			       "(bare.elf of this build)",
			       error);
}

static int bare_available(const struct guest_spec *spec, struct error *error)
{
	return qemu_stack_available(spec, find_kernel, error);
}

/* What noise's kernels without an operating system are called (guests/bare/noise-system.c). */
static bool has_noise_kernel(const char *name)
{
	static const char *const names[] = {"fwq", "ftq", "detour"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int bare_runs(const struct guest_spec *spec, struct error *error)
{
	bool is_noise = !spec->own && strcmp(kernel_of(spec), NOISE_KERNEL) == 0;

	for (char *const *a = is_noise ? spec->arguments : NULL; a && a[0] && a[1]; a++)
		if (strcmp(a[0], "-kernel") == 0 && !has_noise_kernel(a[1]))
			return error_set(error, -ENOEXEC,
				"noise's kernel %s needs an operating system, and bare is none: it "
				"has fwq, ftq and detour",
				a[1]);
	if (!spec->own)
		return 0;
	return error_set(error, -ENOEXEC,
		"%s cannot run in it: the program, mandelbrot, noise or kernels, is linked into its kernel, and nothing is loaded",
		spec->program);
}

/* The guest parts its command line at blanks, and QEMU's boot code ends it at 2 KiB. */
static int append_word(char *line, size_t *used, const char *word, struct error *error)
{
	size_t length = strlen(word);

	if (length == 0 || strpbrk(word, " \t\n"))
		return error_set_user(error, -EINVAL,
			"argument '%s' cannot be handed to bare: it is empty or has blanks", word);
	if (*used + length + 2 > COMMAND_MAX)
		return error_set_user(error, -E2BIG,
			"the arguments are too long for bare (over %d bytes)", COMMAND_MAX);
	if (*used)
		line[(*used)++] = ' ';
	memcpy(line + *used, word, length + 1);
	*used += length;
	return 0;
}

static int make_append(const struct guest_spec *spec, char *ret_line, struct error *error)
{
	_cleanup_(strv_freep) char **argv = NULL;
	size_t used = 0;
	int r = guest_program_argv(spec, "bare", "none", &argv);

	if (r < 0)
		return error_set_errno(error, r, "command line of bare");
	/* The guest itself puts a name for argv[0]. */
	for (size_t i = 1; argv[i] && r == 0; i++)
		r = append_word(ret_line, &used, argv[i], error);
	return r;
}

static int bare_prepare(struct guest *g, struct error *error)
{
	_cleanup_free_ char *kernel = NULL;
	char append[COMMAND_MAX] = "";
	struct qemu_machine m;
	int r;

	if (g->spec.lanes > CPUS_MAX)
		return error_set_user(error, -EINVAL, "bare has at most %d vCPUs, not %u", CPUS_MAX,
			g->spec.lanes);
	r = find_kernel(&g->spec, &kernel, error);
	if (r == 0)
		r = make_append(&g->spec, append, error);
	if (r < 0)
		return r;
	m = (struct qemu_machine){.cpu_tcg = "max",
		.cpu_kvm = "host",
		.kernel = kernel,
		.append = append,
		.kernel_bytes = KERNEL_BYTES,
		.inside = {.subsystems = "bare",
			.one_ring = true,
			.root = {.name = "memory_root_table"}},
		.symbols = kernel,
		.program_inside = true};
	return qemu_prepare(g, &m, error);
}

static int bare_verdict(struct guest *g, const char *console, size_t length, struct error *error)
{
	static const char *const failures[] = {SAYS_CRASHED, NULL};
	int r = qemu_verdict(g, console, length, error);

	if (r == 0)
		r = verdict_failures("the guest", failures, true, console, length, error);
	if (r == 0)
		r = verdict_status(SAYS_STATUS, "", console, length, error);
	return r == -ENODATA ? verdict_ended_early("the guest", console, length, error) : r;
}

static const struct guest_boot_line boot_lines[] = {{BOOT_KERNEL, SAYS_PROGRAM}};

static const struct guest_boot bare_boot = {
	.steps = {BOOT_PROCESS_START, BOOT_QEMU_SETUP, BOOT_FIRMWARE, BOOT_KERNEL, BOOT_PROGRAM},
	.n_steps = 5,
	.lines = boot_lines,
	.n_lines = ARRAY_SIZE(boot_lines),
	.emulation = QEMU_EMULATION,
};

static const struct guest_no_machine no_machines[] = {
	{MACHINE_MICROVM, "it measures its clock by the ACPI timer, which is not there"}, {0}};

const struct guest_ops guest_bare = {
	.name = "bare",
	.title = "our own unikernel in QEMU: the floor",
	.farewell = SAYS_STATUS,
	.boot = &bare_boot,
	.no_machines = no_machines,
	.available = bare_available,
	.runs = bare_runs,
	.prepare = bare_prepare,
	.verdict = bare_verdict,
	QEMU_OPS,
};
