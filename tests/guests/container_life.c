/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A collector in small, for the tests of native and container stacks:
 *
 *	container_life [options] GUEST PROGRAM [ARGUMENT...]
 *
 *	--work DIR		the work folder, which the keeper removes at the end
 *	--nonce HEX		--cores N	--pin CPU,...
 *	--runtime-arg WORD	one more option for docker run; may be repeated
 *	--repeat N		so many runs in one experiment
 *	--stop-at-ready		end the run, not orderly, once the program says that it is ready
 *	--tar FILE		only write the container's file system to FILE
 *
 * The program's output goes to standard output; lines of ours there begin with '#'. While the
 *program is ready they tell what the stack says of itself (program, cgroup, usage, throttled,
 *helpers). Exit status: 0, 1 with "# failed: ..." , 2 usage, 3 with "# not available: ...".
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/proc.h"
#include "guests/containers/cgroup.h"
#include "guests/guest.h"
#include "guests/guest_files.h"
#include "guests/images/image.h"
#include "guests/images/tarball.h"
#include "guests/keeper/keeper.h"
#include "guests/stacks/stacks.h"

#define WORDS_MAX 64
#define TEXT_MAX  65536

static void show_cgroup(const char *folder, const char *when)
{
	uint64_t usage = 0, throttled = 0;
	int r = cgroup_read_usage_ns(folder, &usage),
	    s = cgroup_read_throttled_ns(folder, &throttled);

	printf("# %s usage %d %llu throttled %d %llu\n", when, r, (unsigned long long)usage, s,
		(unsigned long long)throttled);
}

static void show_facts(struct guest *g)
{
	pid_t helpers[32];
	size_t n = g->ops->helpers ? g->ops->helpers(g, helpers, 32) : 0;
	const char *cgroup = g->ops->cgroup ? g->ops->cgroup(g) : NULL;

	printf("# path %s\n", g->program_path ? g->program_path : "-");
	for (size_t i = 0; i < n; i++) {
		struct proc_stat s;

		if (proc_read_stat(helpers[i], &s) == 0)
			printf("# helper %d %s\n", (int)helpers[i], s.comm);
	}
	printf("# cgroup %s\n", cgroup ? cgroup : "-");
	if (cgroup)
		show_cgroup(cgroup, "begin");
	fflush(stdout);
}

static void read_output(struct guest *g, char *text, size_t *used, bool stop_at_ready)
{
	bool ready = false;

	for (;;) {
		struct pollfd p = {.fd = g->console_fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, ready ? 100 : -1) == 0) {
			if (g->ops->cgroup && g->ops->cgroup(g))
				show_cgroup(g->ops->cgroup(g), "later");
			continue;
		}
		n = read(g->console_fd, text + *used, TEXT_MAX - 1 - *used);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return;
		fwrite(text + *used, 1, (size_t)n, stdout);
		*used += (size_t)n;
		text[*used] = '\0';
		if (!ready && strstr(text, "ready\n")) {
			ready = true;
			show_facts(g);
			if (stop_at_ready)
				return;
		}
		fflush(stdout);
	}
}

static int live(struct guest *g, bool stop_at_ready, struct error *error)
{
	static char text[TEXT_MAX];
	size_t used = 0;
	int r = g->ops->prepare(g, error);

	if (r == 0)
		r = g->ops->start(g, error);
	if (r < 0)
		return r;
	printf("# client %d\n# note %s\n", (int)g->pid, g->note);
	fflush(stdout);
	r = guest_release(g);
	if (r < 0)
		return r;
	read_output(g, text, &used, stop_at_ready);
	if (!stop_at_ready && g->ops->verdict)
		r = g->ops->verdict(g, text, used, error);
	g->ops->stop(g, !stop_at_ready);
	g->ops->stop(g, true); /* twice is fine */
	return r;
}

/* As container.c does it. */
static int list_files(const char *program, struct image *ret, char **ret_path, struct error *error)
{
	static const struct guest_libraries libraries = {.add = tarball_add_needs};
	const struct guest_spec spec = {.program = program};
	int r = tarball_add_folders(ret, error);

	*ret_path = guest_program_place(&spec, "");
	return r < 0 ? r : guest_add_program(&spec, *ret_path, &libraries, true, ret, error);
}

static int write_tar(const char *program, const char *file)
{
	struct error error = {0};
	struct image files = {0};
	char *path = NULL;
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : list_files(program, &files, &path, &error);

	if (r == 0)
		r = tarball_write(fd, &files, &error);
	if (r < 0)
		printf("# failed: %s\n", error.text);
	else
		printf("%s\n", path);
	free(path);
	image_clear(&files);
	if (fd >= 0)
		close(fd);
	return r < 0;
}

static int experiment(
	const struct guest_ops *ops, struct guest_spec *spec, unsigned repeat, bool stop_at_ready)
{
	struct error error = {0}, last = {0};
	int r, worst = 0;

	r = ops->available(spec, &error);
	if (r < 0) {
		printf("# not available: %s\n", error.text);
		return 3;
	}
	r = keeper_start(&spec->keeper, &error);
	if (r == 0)
		r = keeper_add(spec->keeper, KEEPER_FOLDER, spec->work_dir, &error);
	for (unsigned i = 0; i < repeat && r == 0; i++) {
		struct guest *g = NULL;
		char nonce[32];

		snprintf(nonce, sizeof(nonce), "%s%02x", spec->nonce, i);
		struct guest_spec one = *spec;
		one.nonce = nonce;
		r = guest_new(ops, &one, &g);
		if (r == 0)
			r = live(g, stop_at_ready, &error);
		guest_free(g);
	}
	if (r < 0) {
		printf("# failed: %s\n", error.text);
		worst = 1;
	}
	fflush(stdout);
	if (keeper_finish(spec->keeper, &last) < 0) {
		printf("# left behind: %s\n", last.text);
		worst = 1;
	}
	return worst;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"work", 1, NULL, 'w'}, {"nonce", 1, NULL, 'n'},
		{"cores", 1, NULL, 'c'}, {"pin", 1, NULL, 'p'}, {"runtime-arg", 1, NULL, 'r'},
		{"repeat", 1, NULL, 'R'}, {"stop-at-ready", 0, NULL, 's'}, {"tar", 1, NULL, 't'},
		{NULL, 0, NULL, 0}};
	struct guest_spec spec = {.lanes = 1, .nonce = "0123abcd"};
	const char *tar = NULL;
	char *runtime_args[WORDS_MAX] = {NULL};
	int cpus[WORDS_MAX], o, n_cpus = 0, n_args = 0;
	bool stop_at_ready = false;
	unsigned repeat = 1;

	while ((o = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (o == 'w')
			spec.work_dir = optarg;
		else if (o == 'n')
			spec.nonce = optarg;
		else if (o == 'c')
			spec.lanes = (unsigned)atoi(optarg);
		else if (o == 'r' && n_args < WORDS_MAX - 1)
			runtime_args[n_args++] = optarg;
		else if (o == 'R')
			repeat = (unsigned)atoi(optarg);
		else if (o == 's')
			stop_at_ready = true;
		else if (o == 't')
			tar = optarg;
		else if (o == 'p')
			for (char *rest, *p = strtok_r(optarg, ",", &rest); p && n_cpus < WORDS_MAX;
				p = strtok_r(NULL, ",", &rest))
				cpus[n_cpus++] = atoi(p);
		else
			return 2;
	}
	if (argc - optind < 2 || !guest_find(argv[optind]))
		return 2;
	if (tar)
		return write_tar(argv[optind + 1], tar);
	if (!spec.work_dir)
		return 2;
	spec.program = argv[optind + 1];
	spec.arguments = argv + optind + 2;
	spec.lane_cpus = n_cpus ? cpus : NULL;
	spec.runtime_args = runtime_args;
	return experiment(guest_find(argv[optind]), &spec, repeat, stop_at_ready);
}
