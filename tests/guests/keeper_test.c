/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keeper: what it refuses, what it removes, and what it leaves alone. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/proc.h"
#include "guests/containers/cgroup.h"
#include "guests/keeper/keeper.h"
#include "guests/process/tree.h"

static char base[64]; /* a folder of ours, new for every test */

static int make_base(void **state)
{
	(void)state;
	strcpy(base, "/tmp/" TREE_PREFIX "keeper-XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int remove_base(void **state)
{
	(void)state;
	return tree_remove(base, NULL);
}

static void put_file(const char *folder, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void dangerous_paths_are_refused(void **state)
{
	static const char *const paths[] = {"/", "/etc", "/home/user", "/tmp", "guestscope-x",
		"./guestscope-x", "", "/tmp/guestscope-x/..", "/tmp/guestscope-x/../../etc",
		"/tmp//guestscope-x", "/tmp/guestscope-x/", "/tmp/./guestscope-x",
		"/tmp/my-guestscope-x", "/tmp/guestscope"};
	struct keeper *k = NULL;

	(void)state;
	assert_int_equal(keeper_start(&k, NULL), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(keeper_add(k, KEEPER_FOLDER, paths[i], NULL), -EPERM);
		assert_int_equal(tree_remove(paths[i], NULL), -EPERM);
	}
	assert_int_equal(keeper_finish(k, NULL), 0);
}

static void strange_names_of_containers_and_images_are_refused(void **state)
{
	static const struct {
		enum keeper_kind kind;
		const char *what;
		int r;
	} cases[] = {
		{KEEPER_CONTAINER, "docker database", -EPERM},
		{KEEPER_CONTAINER, "docker guestscope-", -EPERM},
		{KEEPER_CONTAINER, "docker guestscope-a b", -EPERM},
		{KEEPER_CONTAINER, "docker guestscope-a|.*", -EPERM},
		{KEEPER_CONTAINER, "docker --all", -EPERM},
		{KEEPER_CONTAINER, "kubectl guestscope-a", -EINVAL},
		{KEEPER_CONTAINER, "guestscope-a", -EINVAL},
		{KEEPER_IMAGE, "docker debian", -EPERM},
		{KEEPER_IMAGE, "docker guestscope/a:latest", -EPERM},
		{KEEPER_IMAGE, "podman guestscope/a", -EPERM},
	};
	struct keeper *k = NULL;

	(void)state;
	assert_int_equal(keeper_start(&k, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(keeper_add(k, cases[i].kind, cases[i].what, NULL), cases[i].r);
	assert_int_equal(keeper_finish(k, NULL), 0);
}

static void folder_on_the_list_goes_and_one_taken_off_stays(void **state)
{
	char going[128], staying[128], deep[192];
	struct keeper *k = NULL;

	(void)state;
	snprintf(going, sizeof(going), "%s/going", base);
	snprintf(staying, sizeof(staying), "%s/staying", base);
	snprintf(deep, sizeof(deep), "%s/deep", going);
	assert_int_equal(mkdir(going, 0700), 0);
	assert_int_equal(mkdir(staying, 0700), 0);
	assert_int_equal(mkdir(deep, 0700), 0);
	put_file(deep, "file");
	assert_int_equal(keeper_start(&k, NULL), 0);
	assert_int_equal(keeper_add(k, KEEPER_FOLDER, going, NULL), 0);
	assert_int_equal(keeper_add(k, KEEPER_FOLDER, staying, NULL), 0);
	keeper_remove(k, KEEPER_FOLDER, staying);
	keeper_remove(k, KEEPER_FOLDER, "/tmp/guestscope-never-registered");
	assert_true(exists(going));
	assert_int_equal(keeper_finish(k, NULL), 0);
	assert_false(exists(going));
	assert_true(exists(staying));
}

static void links_are_removed_and_not_followed(void **state)
{
	char outside[] = "/tmp/other-keeper-XXXXXX", inner[128], link_path[256];

	(void)state;
	assert_non_null(mkdtemp(outside));
	put_file(outside, "precious");
	snprintf(inner, sizeof(inner), "%s/tree", base);
	snprintf(link_path, sizeof(link_path), "%s/tree/link", base);
	assert_int_equal(mkdir(inner, 0700), 0);
	assert_int_equal(symlink(outside, link_path), 0);
	assert_int_equal(tree_remove(inner, NULL), 0);
	assert_false(exists(inner));
	/* and a link in place of the folder itself, or of one above it */
	assert_int_equal(symlink(outside, inner), 0);
	assert_true(tree_remove(inner, NULL) < 0);
	snprintf(link_path, sizeof(link_path), "%s/sub", inner);
	assert_int_equal(mkdir(link_path, 0700), 0);
	assert_true(tree_remove(link_path, NULL) < 0);
	assert_true(exists(link_path));
	assert_int_equal(rmdir(link_path), 0);
	snprintf(link_path, sizeof(link_path), "%s/precious", outside);
	assert_true(exists(link_path));
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(rmdir(outside), 0);
}

static void folder_of_another_user_is_refused(void **state)
{
	char path[128];

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(path, sizeof(path), "%s/foreign", base);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(tree_remove(path, NULL), -EPERM);
	assert_true(exists(path));
	assert_int_equal(rmdir(path), 0);
}

static void wait_until_gone(const char *path)
{
	for (int i = 0; i < 500 && exists(path); i++)
		usleep(10000);
	assert_false(exists(path));
}

static void keeper_outlives_signals_and_a_killed_owner(void **state)
{
	char path[128];
	int up[2], status;
	char go;
	pid_t owner;

	(void)state;
	snprintf(path, sizeof(path), "%s/work", base);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(pipe(up), 0);
	owner = fork();
	if (owner == 0) {
		struct keeper *k = NULL;

		setsid();
		if (keeper_start(&k, NULL) < 0 || keeper_add(k, KEEPER_FOLDER, path, NULL) < 0)
			_exit(1);
		go = 'g';
		if (write(up[1], &go, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(up[1]);
	assert_int_equal(read(up[0], &go, 1), 1);
	kill(-owner, SIGINT); /* as a terminal would: to the whole group */
	kill(-owner, SIGKILL);
	assert_int_equal(waitpid(owner, &status, 0), owner);
	/* the keeper holds no descriptor of its owner's: our pipe has ended */
	assert_int_equal(read(up[0], &go, 1), 0);
	close(up[0]);
	wait_until_gone(path);
}

static void without_a_keeper_nothing_is_registered(void **state)
{
	(void)state;
	assert_int_equal(keeper_add(NULL, KEEPER_FOLDER, "/tmp/guestscope-x", NULL), 0);
	keeper_remove(NULL, KEEPER_FOLDER, "/tmp/guestscope-x");
	assert_int_equal(keeper_finish(NULL, NULL), 0);
}

static void put_text(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void cgroup_counts_are_read_in_both_versions(void **state)
{
	uint64_t value = 0;

	(void)state;
	assert_int_equal(cgroup_read_usage_ns(base, &value), -ENODATA);
	assert_int_equal(cgroup_read_throttled_ns(base, &value), -ENODATA);
	put_text(
		"cpu.stat", "usage_usec 1234\nuser_usec 1000\nnr_throttled 2\nthrottled_usec 77\n");
	assert_int_equal(cgroup_read_usage_ns(base, &value), 0);
	assert_int_equal(value, 1234000);
	assert_int_equal(cgroup_read_throttled_ns(base, &value), 0);
	assert_int_equal(value, 77000);
	put_text("cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 123456789\n");
	put_text("cpuacct.usage", "42000000001\n");
	assert_int_equal(cgroup_read_usage_ns(base, &value), 0);
	assert_int_equal(value, 42000000001);
	assert_int_equal(cgroup_read_throttled_ns(base, &value), 0);
	assert_int_equal(value, 123456789);
}

static void own_process_has_a_parent_a_name_and_a_group(void **state)
{
	char *folder = NULL;
	struct proc_stat s;
	int r;

	(void)state;
	assert_int_equal(proc_read_stat(getpid(), &s), 0);
	assert_int_equal(s.ppid, getppid());
	assert_string_equal(s.comm, "keeper_test");
	assert_int_equal(proc_read_stat(0x7fffffff, &s), -ESRCH);
	r = guest_cgroup_of_pid(getpid(), "cpu", &folder, NULL);
	assert_true(r == 0 || r == -ENODEV); /* a container may show no hierarchy */
	if (r == 0)
		assert_true(exists(folder));
	free(folder);
	folder = NULL;
	if (guest_cgroup_of_pid(getpid(), "cpuacct", &folder, NULL) == 0) {
		uint64_t usage = 0;

		r = cgroup_read_usage_ns(folder, &usage);
		assert_true((r == 0 && usage > 0) || r == -ENODATA);
	}
	free(folder);
	assert_int_equal(guest_cgroup_of_pid(0x7fffffff, "cpu", &folder, NULL), -ESRCH);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)
	const struct CMUnitTest tests[] = {
		TEST(dangerous_paths_are_refused),
		TEST(strange_names_of_containers_and_images_are_refused),
		TEST(folder_on_the_list_goes_and_one_taken_off_stays),
		TEST(links_are_removed_and_not_followed),
		TEST(folder_of_another_user_is_refused),
		TEST(keeper_outlives_signals_and_a_killed_owner),
		TEST(without_a_keeper_nothing_is_registered),
		TEST(cgroup_counts_are_read_in_both_versions),
		TEST(own_process_has_a_parent_a_name_and_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
