/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/symbols/proc_maps.h: sizes tell when maps have to be read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/symbols/proc_maps.h"

#define BYTES (64 << 10)

static struct proc_maps_sizes sizes_of(pid_t pid)
{
	struct proc_maps_sizes sizes = {0};

	assert_int_equal(proc_maps_sizes(pid, &sizes), 0);
	return sizes;
}

static void sizes_change_when_code_is_mapped(void **state)
{
	struct proc_maps_sizes before = sizes_of(getpid()), now = sizes_of(getpid());
	void *code;

	(void)state;
	assert_true(proc_maps_same_sizes(&before, &now));
	code = mmap(NULL, BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	now = sizes_of(getpid());
	assert_false(proc_maps_same_sizes(&before, &now));
	assert_int_equal(now.pages - before.pages, BYTES / sysconf(_SC_PAGESIZE));
	munmap(code, BYTES);
}

static void a_fork_has_the_sizes_of_its_parent_until_it_executes(void **state)
{
	struct proc_maps_sizes parent, child;
	int go[2], ready[2];
	pid_t pid;
	char c = 0;

	(void)state;
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(ready), 0);
	parent = sizes_of(getpid());
	pid = fork();
	if (pid == 0) {
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		dup2(go[0], STDIN_FILENO); /* nothing more comes: the shell waits */
		dup2(ready[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", "echo; read x", (char *)NULL);
		_exit(1);
	}
	child = sizes_of(pid);
	assert_true(proc_maps_same_sizes(&parent, &child));
	assert_int_equal(write(go[1], &c, 1), 1);
	assert_int_equal(read(ready[0], &c, 1), 1);
	child = sizes_of(pid);
	assert_false(proc_maps_same_sizes(&parent, &child));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(proc_maps_sizes(pid, &child) < 0);
}

static void nothing_is_the_same_as_what_is_not_known(void **state)
{
	struct proc_maps_sizes none = {0};

	(void)state;
	assert_false(proc_maps_same_sizes(&none, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_change_when_code_is_mapped),
		cmocka_unit_test(a_fork_has_the_sizes_of_its_parent_until_it_executes),
		cmocka_unit_test(nothing_is_the_same_as_what_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
