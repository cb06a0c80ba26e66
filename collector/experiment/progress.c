/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/stream.h"

void progress_begin(struct progress *p, size_t total, size_t done, unsigned rest_s)
{
	*p = (struct progress){.total = total,
		.done = done,
		.rest_s = rest_s,
		.terminal = stream_is_terminal(stderr)};
}

/* A run is taken to last as long as those before it did, and each but the first rests. */
static void print_left(const struct progress *p)
{
	size_t left = p->total > p->done ? p->total - p->done : 0;
	uint64_t left_s;

	if (p->terminal)
		fputs(p->aim, stderr);
	if (!p->timed || !left)
		return;
	left_s = p->runs_ns / p->timed * left / 1000000000 +
		 (uint64_t)p->rest_s * (left - !p->resting);
	if (left_s >= 3600)
		fprintf(stderr, ", about %llu h %02llu min left", (unsigned long long)left_s / 3600,
			(unsigned long long)left_s % 3600 / 60);
	else if (left_s >= 60)
		fprintf(stderr, ", about %llu min %02llu s left", (unsigned long long)left_s / 60,
			(unsigned long long)left_s % 60);
	else
		fprintf(stderr, ", about %llu s left", (unsigned long long)left_s);
}

static void print_head(const struct progress *p, const struct run_request *q)
{
	fprintf(stderr, "run %zu of %s%zu: %s%s%s%s, %u %s%s, %s %u", p->done + 1,
		p->aim[0] ? "about " : "", p->total, q->ops->name, q->variant ? " (" : "",
		q->variant ? q->variant : "", q->variant ? ")" : "", q->lanes,
		q->attach ? "lane" : "core", q->lanes == 1 ? "" : "s",
		q->counted ? "repetition" : "warm-up", q->repetition);
	if (q->label[0])
		fprintf(stderr, "%s", q->label);
}

void progress_aim(struct progress *p, const struct stopping *s, bool looked)
{
	const struct until_aim *aim = s->o ? &s->o->until : NULL;
	char width[32];

	if (!aim || !(aim->share > 0))
		return;
	p->total = stopping_expected(s);
	snprintf(width, sizeof(width), s->width < 1 ? "%.2g" : "%.0f", 100 * s->width);
	snprintf(p->aim, sizeof(p->aim), ", no interval yet, aim ±%g %%", 100 * aim->share);
	if (isfinite(s->width))
		snprintf(p->aim, sizeof(p->aim), ", now ±%s %%, aim ±%g %%", width,
			100 * aim->share);
	if (!looked || !isfinite(s->width))
		return;
	fprintf(stderr, "%safter %u %s of each: ±%s %% (%s), aim ±%g %%%s\n",
		p->terminal ? "\r\033[K" : "", s->blocks, s->blocks == 1 ? "run" : "runs", width,
		s->widest, 100 * aim->share,
		s->end == STOPPING_REACHED ? ": reached"
		: s->end == STOPPING_RUNS  ? ": not reached in --max-runs"
		: s->end == STOPPING_TIME  ? ": not reached in --max-time"
					   : "");
}

void progress_rest(struct progress *p, uint64_t seconds)
{
	if (!p->terminal)
		return;
	fprintf(stderr, STREAM_ONE_LINE "resting %llu s before run %zu of %s%zu",
		(unsigned long long)seconds, p->done + 1, p->aim[0] ? "about " : "", p->total);
	p->resting = true;
	print_left(p);
	p->resting = false;
	fputs(STREAM_WRAPS, stderr);
	fflush(stderr);
}

void progress_run(struct progress *p, const struct run_request *request)
{
	p->run_begin_ns = clock_ns();
	if (!p->terminal)
		return;
	fputs(STREAM_ONE_LINE, stderr);
	print_head(p, request);
	print_left(p);
	fputs(STREAM_WRAPS, stderr);
	fflush(stderr);
}

void progress_stop(const struct progress *p)
{
	if (p->terminal)
		fprintf(stderr, "\r\033[K");
}

void progress_attached(const char *what, const struct run_request *q, unsigned seconds)
{
	fprintf(stderr,
		"%sattached to %s (%s, %u %s): measuring until it ends, until SIGINT, or for %u "
		"s (--timeout)\n",
		stream_is_terminal(stderr) ? "\r\033[K" : "", what, q->ops->name, q->lanes,
		q->lanes == 1 ? "lane" : "lanes", seconds);
}

void progress_fetching(const char *path, uint64_t done_bytes, uint64_t all_bytes)
{
	const char *slash = strrchr(path, '/');

	if (!stream_is_terminal(stderr))
		return;
	fprintf(stderr, STREAM_ONE_LINE "debuginfod: debug file of %s", slash ? slash + 1 : path);
	if (all_bytes)
		fprintf(stderr, ", %llu of %llu MiB", (unsigned long long)done_bytes >> 20,
			(unsigned long long)all_bytes >> 20);
	fputs(STREAM_WRAPS, stderr);
	fflush(stderr);
}

void progress_done(
	struct progress *p, const struct run_request *request, const struct run_result *r)
{
	if (p->terminal)
		fprintf(stderr, "\r\033[K");
	print_head(p, request);
	if (!r->ok) {
		fprintf(stderr, ": FAILED: %s", r->error);
	} else {
		if (r->has_boot && !r->has_runtime)
			fprintf(stderr, ": boot %.3f s", (double)r->boot_ns / 1e9);
		else if (r->has_boot)
			fprintf(stderr, ": boot %.3f s, run time %.3f s", (double)r->boot_ns / 1e9,
				(double)r->runtime_ns / 1e9);
		else
			fprintf(stderr, ": %.3f s", (double)r->runtime_ns / 1e9);
		if (!run_books_closed(r))
			fprintf(stderr, ", books NOT closed");
		if (r->audit.any && !r->audit.agrees)
			fprintf(stderr, ", audit disagrees");
	}
	p->done++;
	p->timed++;
	p->runs_ns += clock_ns() - p->run_begin_ns;
	p->resting = true;
	if (!p->terminal && p->done < p->total)
		print_left(p);
	p->resting = false;
	fputc('\n', stderr);
}
