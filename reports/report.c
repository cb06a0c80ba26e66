/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "reports/boot.h"
#include "reports/flames.h"
#include "reports/folded.h"
#include "reports/page.h"
#include "reports/summary.h"

/** Where files go, and what they are made from. */
struct job {
	const struct summary *summary;
	const char *target;
	int target_fd;
	report_written_t written;
	void *userdata;
	struct error *error;
};

/** What one flame graph file is made from. */
struct flame_file {
	const struct flame_kind *kind;
	const struct cell *cell;
	const struct stack_tree *tree;
};

typedef int (*write_t)(const struct summary *s, const struct flame_file *flame, FILE *out);

static int store_error(const struct summary *s, int r, struct error *error)
{
	const char *text = store_reader_error(s->store);

	return *text ? error_set(error, r, "%s", text) : r;
}

/** Fill the temporary file. Says in @job->error what is wrong if it is the folder's or the store's.
 */
static int fill(const struct job *job, const char *temporary, const char *name, write_t write,
	const struct flame_file *flame)
{
	int fd = openat(job->target_fd, temporary,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	FILE *out;
	int r;

	if (fd < 0)
		return error_set_errno(job->error, -errno, "cannot write %s/%s", job->target, name);
	out = fdopen(fd, "w");
	if (!out) {
		r = -errno;
		close(fd);
		return error_set_errno(job->error, r, "cannot write %s/%s", job->target, name);
	}
	errno = 0;
	r = write(job->summary, flame, out);
	if (r == -EIO && errno > 0)
		r = -errno;
	if (fclose(out) != 0 && r >= 0)
		r = errno > 0 ? -errno : -EIO;
	if (r == -EBADMSG)
		return store_error(job->summary, r, job->error);
	if (r < 0)
		return error_set_errno(job->error, r, "cannot write %s/%s", job->target, name);
	return 0;
}

static int write_file(
	const struct job *job, const char *name, write_t write, const struct flame_file *flame)
{
	char temporary[32];
	int r;

	snprintf(temporary, sizeof(temporary), ".new-%ld", (long)getpid());
	r = fill(job, temporary, name, write, flame);
	if (r >= 0 && renameat(job->target_fd, temporary, job->target_fd, name) < 0)
		r = error_set_errno(job->error, -errno, "cannot write %s/%s", job->target, name);
	if (r < 0) {
		unlinkat(job->target_fd, temporary, 0);
		return r;
	}
	if (job->written) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", job->target, name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		job->written(path, job->userdata);
	}
	return 0;
}

static int write_folded(const struct summary *s, const struct flame_file *flame, FILE *out)
{
	(void)s;
	return folded_write(flame->tree, out);
}

static int write_svg(const struct summary *s, const struct flame_file *flame, FILE *out)
{
	return flame_draw(s, flame->kind, flame->cell, flame->tree, true, 0, out);
}

static int write_page(const struct summary *s, const struct flame_file *flame, FILE *out)
{
	(void)flame;
	return page_write(s, out);
}

static int write_cells(const struct summary *s, const struct flame_file *flame, FILE *out)
{
	(void)flame;
	return summary_write_cells_csv(s, out);
}

static int write_runs(const struct summary *s, const struct flame_file *flame, FILE *out)
{
	(void)flame;
	return summary_write_runs_csv(s, out);
}

static int write_boot(const struct summary *s, const struct flame_file *flame, FILE *out)
{
	(void)flame;
	return boot_write_csv(s, out);
}

static int write_flame(
	const struct job *job, const struct flame_file *flame, const char *suffix, write_t write)
{
	_cleanup_free_ char *name = flame_name(flame->kind, flame->cell), *file = NULL;

	if (!name || asprintf(&file, "%s%s", name, suffix) < 0) {
		file = NULL;
		return error_set_errno(job->error, -ENOMEM, "cannot write to %s", job->target);
	}
	return write_file(job, file, write, flame);
}

static int write_flames(const struct job *job, bool svg)
{
	for (size_t i = 0; i < job->summary->n_cells; i++) {
		for (size_t k = 0; k < FLAME_KINDS; k++) {
			_cleanup_stack_tree_ struct stack_tree *tree = NULL;
			struct flame_file flame = {&flame_table[k], &job->summary->cells[i], NULL};
			int r = flame_tree(job->summary, flame.kind, flame.cell, &tree);

			if (r < 0)
				return store_error(job->summary, r, job->error);
			flame.tree = tree;
			if (tree)
				r = write_flame(job, &flame, ".folded", write_folded);
			if (r >= 0 && tree && svg)
				r = write_flame(job, &flame, ".svg", write_svg);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int make_folded(const struct job *job)
{
	return write_flames(job, false);
}

static int make_csv(const struct job *job)
{
	int r = write_file(job, "summary.csv", write_cells, NULL);

	if (r >= 0)
		r = write_file(job, "runs.csv", write_runs, NULL);
	return r < 0 ? r : write_file(job, "boot.csv", write_boot, NULL);
}

static int make_all(const struct job *job)
{
	int r = write_flames(job, true);

	if (r >= 0)
		r = make_csv(job);
	return r < 0 ? r : write_file(job, "index.html", write_page, NULL);
}

const char *const report_formats[] = {"folded", "csv", NULL};
static int (*const makers[])(const struct job *job) = {make_folded, make_csv};

static int run_job(struct store_reader *store, struct job *job, int (*make)(const struct job *job))
{
	_cleanup_summary_ struct summary *s = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r = summary_make(store, &s);

	if (r < 0)
		return error_set_errno(job->error, r, "cannot sum the store up");
	if (mkdir(job->target, 0777) < 0 && errno != EEXIST)
		return error_set_errno(
			job->error, -errno, "cannot make the folder %s", job->target);
	fd = open(job->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(
			job->error, -errno, "cannot open the folder %s", job->target);
	job->summary = s;
	job->target_fd = fd;
	return make(job);
}

int report_export(struct store_reader *store, const char *format, const char *target,
	report_written_t written, void *userdata, struct error *error)
{
	struct job job = {
		.target = target, .written = written, .userdata = userdata, .error = error};

	for (size_t i = 0; report_formats[i]; i++)
		if (strcmp(report_formats[i], format) == 0)
			return run_job(store, &job, makers[i]);
	return error_set_user(
		error, -EINVAL, "unknown format \"%s\": there are folded and csv", format);
}

int report_write(struct store_reader *store, const char *target, struct error *error)
{
	struct job job = {.target = target, .error = error};

	return run_job(store, &job, make_all);
}

int report_make(const char *experiment_dir, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	_cleanup_free_ char *target = NULL;
	int r = store_reader_open(experiment_dir, &store, error);

	if (r < 0)
		return r;
	if (asprintf(&target, "%s/report", experiment_dir) < 0) {
		target = NULL;
		return error_set_errno(error, -ENOMEM, "cannot report on %s", experiment_dir);
	}
	return report_write(store, target, error);
}

int report_text(const char *experiment_dir, FILE *out, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	int r = store_reader_open(experiment_dir, &store, error);

	if (r < 0)
		return r;
	r = summary_text(store, out);
	return r < 0 ? error_set_errno(error, r, "cannot write the summary") : 0;
}

int report_json(const char *experiment_dir, json_t **ret, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	int r = store_reader_open(experiment_dir, &store, error);

	if (r < 0)
		return r;
	r = summary_json(store, ret);
	return r < 0 ? error_set_errno(error, r, "cannot sum the store up") : 0;
}
