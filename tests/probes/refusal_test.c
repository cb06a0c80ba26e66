/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of collector/probes/probe_load.h and probe_refusal.h: what the kernel refuses is told by
 * its cause, and of the parts only the refused one is missing. This file stands between the library
 * and libbpf, and says that programs are of another kind or for another event than they are, so
 * that the verifier itself refuses them; filters of system calls do the rest. Needs root and BTF.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/machine/rights.h"
#include "common/cleanup.h"
#include "common/version.h"
#include "tests/probes/watch.h"

static const char *refused = ""; /* the program that is to be refused by the verifier */
static const char *stuck = "";   /* the one that cannot be attached */

/* In the library's way to libbpf. */
int bpf_object__load_skeleton(struct bpf_object_skeleton *skeleton)
{
	int (*next)(struct bpf_object_skeleton *) = NULL;
	struct bpf_program *program = bpf_object__find_program_by_name(*skeleton->obj, refused);

	*(void **)&next = dlsym(RTLD_NEXT, "bpf_object__load_skeleton");
	if (program && bpf_program__type(program) == BPF_PROG_TYPE_PERF_EVENT)
		bpf_program__set_type(program, BPF_PROG_TYPE_SOCKET_FILTER);
	else if (program)
		bpf_program__set_attach_target(program, 0, "softirq_entry");
	return next(skeleton);
}

struct bpf_link *bpf_program__attach(const struct bpf_program *program)
{
	struct bpf_link *(*next)(const struct bpf_program *) = NULL;

	if (strcmp(bpf_program__name(program), stuck) == 0) {
		errno = EBUSY;
		return NULL;
	}
	*(void **)&next = dlsym(RTLD_NEXT, "bpf_program__attach");
	return next(program);
}

static char warnings[8192];

static void on_warning(const char *sentence, void *userdata)
{
	size_t n = strlen(warnings);

	(void)userdata;
	snprintf(warnings + n, sizeof(warnings) - n, "%s\n", sentence);
}

static char folder[] = "/tmp/guestscope-refusal-XXXXXX";

static int open_everything(struct probe_set **ret, struct error *error)
{
	const struct probe_callbacks callbacks = {.warn = on_warning};
	struct probe_options o = plain;

	o.exact_split = true;
	o.boot = true;
	o.guest = GUEST_TCG;
	o.exec_path = "/some/program";
	o.log_dir = folder;
	warnings[0] = '\0';
	return probe_set_open(&o, &callbacks, ret, error);
}

static void assert_says(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no \"%s\" in: %s", words, text);
}

/* Who refused what, for whom, and where all of it is. */
static void assert_tells_of_the_verifier(const char *text, const char *program)
{
	_cleanup_free_ char *path = NULL, *all = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	struct utsname u;
	size_t size = 0;

	assert_int_equal(uname(&u), 0);
	assert_says(text, program);
	assert_says(text, u.release);
	assert_says(text, version_probes_compiler);
	assert_says(text, "the verifier of Linux");
	assert_null(strstr(text, "root"));
	assert_true(asprintf(&path, "%s/probes.log", folder) > 0);
	assert_says(text, path);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_true(getdelim(&all, &size, '\0', f) > 0);
	assert_says(all, program);
	assert_says(all, "BEGIN PROG LOAD LOG");
}

/* Not asked for by open_everything(), whose guest is emulated. */
static bool of_kvm(enum probe_part part)
{
	return part == PROBE_PART_KVM || part == PROBE_PART_EXITS;
}

static void a_part_that_the_verifier_refuses_is_left_out_and_told_of(void **state)
{
	static const struct {
		const char *program;
		enum probe_part part;
		const char *cost;
	} cases[] = {
		{"on_sample_guest", PROBE_PART_GUEST, "no stacks of the guest"},
		{"on_sys_enter", PROBE_PART_SYSCALLS, "told apart by samples"},
		{"on_boot_exit", PROBE_PART_BOOT, "boot is not taken apart"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct probe_set *probes = NULL;
		struct error error = {0};

		refused = cases[i].program;
		assert_int_equal(open_everything(&probes, &error), 0);
		for (enum probe_part part = 0; part < PROBE_PARTS; part++)
			assert_int_equal(probe_set_has(probes, part),
				part != cases[i].part && !of_kvm(part));
		assert_says(warnings, cases[i].cost);
		assert_tells_of_the_verifier(warnings, cases[i].program);
		assert_ptr_equal(strchr(warnings, '\n'), warnings + strlen(warnings) - 1);
		probe_set_close(probes);
	}
	refused = "";
}

static void a_run_without_the_refused_parts_still_measures(void **state)
{
	struct probe_options options = plain;
	struct watch w;

	(void)state;
	refused = "on_sample";
	options.log_dir = folder;
	watch(&w, &options, program_burns, NULL);
	assert_false(probe_set_has(w.probes, PROBE_PART_SAMPLING));
	assert_int_equal(w.n_samples, 0);
	assert_near(cpu_time(&w, 1), w.truth->cpu_ns[1], 5 * MS);
	watch_done(&w);
	refused = "";
}

static void a_part_that_cannot_be_attached_is_left_out_and_told_of(void **state)
{
	struct probe_set *probes = NULL;
	struct error error = {0};

	(void)state;
	stuck = "on_sys_exit";
	assert_int_equal(open_everything(&probes, &error), 0);
	stuck = "";
	assert_false(probe_set_has(probes, PROBE_PART_SYSCALLS));
	assert_true(probe_set_has(probes, PROBE_PART_GUEST));
	assert_says(warnings, "cannot attach the eBPF program on_sys_exit");
	assert_says(warnings, strerror(EBUSY));
	probe_set_close(probes);
}

static void what_the_books_need_is_an_error_that_blames_no_rights(void **state)
{
	struct probe_set *probes = NULL;
	struct error error = {0};

	(void)state;
	refused = "on_sched_switch";
	assert_true(open_everything(&probes, &error) < 0);
	refused = "";
	assert_null(probes);
	assert_false(error.user);
	assert_tells_of_the_verifier(error.text, "on_sched_switch");
	assert_null(strchr(error.text, '\n'));
}

/* Calls @check in a process of its own. */
static void apart(int (*check)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* From now on system call @number fails. */
static bool forbid(int number)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	return filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) == 0 &&
	       seccomp_load(filter) == 0;
}

static int open_is_refused_for_the_filter(void)
{
	struct probe_set *probes = NULL;
	struct error error = {0};

	if (!forbid(SCMP_SYS(bpf)) || open_everything(&probes, &error) != -EPERM)
		return 1;
	return strstr(error.text, "seccomp") && !strstr(error.text, "CAP_") ? 0 : 2;
}

static int open_is_without_samples_for_the_filter(void)
{
	struct probe_set *probes = NULL;
	struct error error = {0};

	if (!forbid(SCMP_SYS(perf_event_open)) || open_everything(&probes, &error) < 0)
		return 1;
	if (probe_set_has(probes, PROBE_PART_SAMPLING) || probe_set_has(probes, PROBE_PART_GUEST))
		return 2;
	return strstr(warnings, "no on-CPU samples") && strstr(warnings, "seccomp") ? 0 : 3;
}

static void a_filter_without_bpf_is_named_as_the_cause(void **state)
{
	(void)state;
	apart(open_is_refused_for_the_filter);
}

static void a_filter_without_perf_event_open_costs_the_samples(void **state)
{
	(void)state;
	apart(open_is_without_samples_for_the_filter);
}

static int open_is_refused_for_the_types(void)
{
	struct probe_set *probes = NULL;
	struct error error = {0};

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL) < 0)
		return 1;
	if (open_everything(&probes, &error) != -ENOENT)
		return 2;
	return strstr(error.text, "CONFIG_DEBUG_INFO_BTF") ? 0 : 3;
}

static void a_kernel_without_types_is_named_as_the_cause(void **state)
{
	(void)state;
	apart(open_is_refused_for_the_types);
}

static int open_names_all_rights(void)
{
	struct probe_set *probes = NULL;
	struct error error = {0};

	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	if (open_everything(&probes, &error) != -EPERM || probes)
		return 2;
	for (const struct right *right = rights_table; right->name; right++)
		if (!strstr(error.text, right->name))
			return 3;
	return strstr(error.text, "root") ? 0 : 4;
}

static void without_rights_the_message_names_all_that_are_needed(void **state)
{
	(void)state;
	apart(open_names_all_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_that_the_verifier_refuses_is_left_out_and_told_of),
		cmocka_unit_test(a_run_without_the_refused_parts_still_measures),
		cmocka_unit_test(a_part_that_cannot_be_attached_is_left_out_and_told_of),
		cmocka_unit_test(what_the_books_need_is_an_error_that_blames_no_rights),
		cmocka_unit_test(a_filter_without_bpf_is_named_as_the_cause),
		cmocka_unit_test(a_filter_without_perf_event_open_costs_the_samples),
		cmocka_unit_test(a_kernel_without_types_is_named_as_the_cause),
		cmocka_unit_test(without_rights_the_message_names_all_that_are_needed),
	};
	_cleanup_free_ char *log = NULL;
	int r;

	if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		fprintf(stderr, "skipped: needs root and a kernel with BTF\n");
		return 77;
	}
	if (!mkdtemp(folder) || asprintf(&log, "%s/probes.log", folder) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(log);
	rmdir(folder);
	return r;
}
