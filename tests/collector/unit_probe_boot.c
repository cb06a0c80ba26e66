/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of collector/probes/probe_boot.h: a breakpoint is taken off once, by a thread of its own.
 * libbpf is played here (linked with --wrap); built with ThreadSanitizer, as these are the
 * collector's only threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/probes/probe_boot.h"
#include "probes/records.h"
/* After it. */
#include "probes/guestscope.skel.h"

#define BUSY_US 20000 /* as long as a kernel may need */

struct bpf_link {
	pthread_t attached_by;
};

struct bpf_link *__wrap_bpf_program__attach_uprobe_opts(const struct bpf_program *program,
	pid_t pid, const char *path, size_t offset, const struct bpf_uprobe_opts *options);
int __wrap_bpf_link__destroy(struct bpf_link *link);

static unsigned n_attached, n_destroyed, n_by_others;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct bpf_link *__wrap_bpf_program__attach_uprobe_opts(const struct bpf_program *program,
	pid_t pid, const char *path, size_t offset, const struct bpf_uprobe_opts *options)
{
	struct bpf_link *link = malloc(sizeof(*link));

	(void)program;
	(void)pid;
	(void)path;
	(void)offset;
	(void)options;
	assert_non_null(link);
	link->attached_by = pthread_self();
	n_attached++;
	return link;
}

int __wrap_bpf_link__destroy(struct bpf_link *link)
{
	usleep(BUSY_US);
	pthread_mutex_lock(&lock);
	n_destroyed++;
	n_by_others += !pthread_equal(link->attached_by, pthread_self());
	pthread_mutex_unlock(&lock);
	free(link);
	return 0;
}

static struct probe_boot *attach(void)
{
	static struct guestscope_bpf bpf;
	const struct probe_boot_plan plan = {
		.pid = getpid(), .program = "/proc/self/exe", .emulation = "main"};
	struct probe_boot *b = NULL;
	struct error error = {0};

	n_attached = n_destroyed = n_by_others = 0;
	if (probe_boot_attach(&bpf, &plan, &b, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(n_attached, 2);
	return b;
}

static void what_was_seen_is_taken_off_once_by_other_threads(void **state)
{
	struct probe_boot *b = attach();

	(void)state;
	for (int i = 0; i < 3; i++) {
		probe_boot_seen(b, BOOT_ENTRY);
		probe_boot_seen(b, BOOT_GUEST);
		probe_boot_seen(b, BOOT_EVENTS);
	}
	probe_boot_detach(b);
	assert_int_equal(n_destroyed, 2);
	assert_int_equal(n_by_others, 2);
}

static void what_was_never_seen_is_taken_off_in_the_end(void **state)
{
	struct probe_boot *b = attach();

	(void)state;
	probe_boot_seen(b, BOOT_GUEST);
	probe_boot_detach(b);
	assert_int_equal(n_destroyed, 2);
	assert_int_equal(n_by_others, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_seen_is_taken_off_once_by_other_threads),
		cmocka_unit_test(what_was_never_seen_is_taken_off_in_the_end),
	};

	return cmocka_run_group_tests_name("probe_boot", tests, NULL, NULL);
}
