/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/store/store_writer.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/store_stacks.h"
#include "collector/store/store_writer_internal.h"
#include "collector/unwind/unwind.h"
#include "common/cleanup.h"

int store_insert(
	struct store_writer *s, struct error *error, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement = NULL;
	va_list ap;
	int r;

	if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return store_error(s, error);
	va_start(ap, types);
	for (int i = 1; types[i - 1]; i++) {
		if (types[i - 1] == 'i') {
			sqlite3_bind_int64(statement, i, va_arg(ap, int64_t));
		} else if (types[i - 1] == 's') {
			sqlite3_bind_text(
				statement, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		} else if (types[i - 1] == 'b') {
			const void *bytes = va_arg(ap, const void *);

			sqlite3_bind_blob64(statement, i, bytes, va_arg(ap, size_t), SQLITE_STATIC);
		} else if (types[i - 1] == 'o') {
			int is_set = va_arg(ap, int);
			int64_t value = va_arg(ap, int64_t);

			if (is_set)
				sqlite3_bind_int64(statement, i, value);
		} else if (types[i - 1] == 'f') {
			int is_set = va_arg(ap, int);
			double value = va_arg(ap, double);

			if (is_set)
				sqlite3_bind_double(statement, i, value);
		}
	}
	va_end(ap);
	r = sqlite3_step(statement) == SQLITE_DONE ? 0 : store_error(s, error);
	sqlite3_finalize(statement);
	return r;
}

int store_writer_set(
	struct store_writer *s, const char *key, const json_t *value, struct error *error)
{
	static const char sql[] = "INSERT OR REPLACE INTO experiment VALUES (?, ?)";
	_cleanup_free_ char *text = NULL;

	if (json_is_string(value))
		return store_insert(s, error, sql, "ss", key, json_string_value(value));
	if (json_is_integer(value))
		return store_insert(s, error, sql, "si", key, (int64_t)json_integer_value(value));
	if (json_is_boolean(value))
		return store_insert(s, error, sql, "si", key, (int64_t)json_is_true(value));
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	return store_insert(s, error, sql, "ss", key, text);
}

int store_writer_warn(struct store_writer *s, const char *text, struct error *error)
{
	return store_insert(s, error, "INSERT INTO warning VALUES (NULL, ?)", "s", text);
}

static const char *phase_name(const struct run_result *r, unsigned phase)
{
	return phase < r->n_phases ? r->phases[phase].name : "all";
}

static int write_run(struct store_writer *s, const struct run_settings *settings,
	const struct run_request *q, const struct run_result *r, struct error *error)
{
	return store_insert(s, error,
		"INSERT INTO run (id, guest, cores, scenario, repetition, position, accel, status,"
		" error, start_ns, end_ns, boot_ns, runtime_ns, guest_runtime_ns, lost_events,"
		" closed, audited, residual_ns, start_utc, split, frequency_hz, command,"
		" raster_sha256, block, counted, label, variant)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		"isisiisssoooooiooossossiiss", (int64_t)q->id, q->ops->name, (int64_t)q->lanes,
		settings->scenario, (int64_t)q->repetition, (int64_t)q->position,
		accel_name(q->accel), r->ok ? "ok" : "failed", r->ok ? NULL : r->error,
		r->start_ns != 0, (int64_t)r->start_ns, r->end_ns != 0, (int64_t)r->end_ns,
		r->has_boot, (int64_t)r->boot_ns, r->has_runtime, (int64_t)r->runtime_ns,
		r->has_guest_runtime, (int64_t)r->guest_runtime_ns, (int64_t)r->lost_events,
		r->has_books, (int64_t)run_books_closed(r), r->audit.any, (int64_t)r->audit.agrees,
		r->has_books, (int64_t)r->books.residual_ns, r->start_utc,
		settings->exact_split && !q->ops->is_vm ? "exact" : "sampled",
		settings->frequency_hz != 0, (int64_t)settings->frequency_hz, r->command,
		r->raster_sha256[0] ? r->raster_sha256 : NULL, (int64_t)q->block,
		(int64_t)q->counted, q->label, q->variant);
}

static int write_accounts(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = 0;

	for (unsigned i = 0; i < r->n_phases && q == 0; i++)
		q = store_insert(s, error, "INSERT INTO phase VALUES (?,?,?,?)", "isii", run,
			r->phases[i].name, (int64_t)r->phases[i].start_ns,
			(int64_t)r->phases[i].end_ns);
	for (size_t i = 0; i < r->boot.n && q == 0; i++) {
		const struct boot_time *t = &r->boot.steps[i];

		q = store_insert(s, error, "INSERT INTO boot_step VALUES (?,?,?,?,?,?)", "iisiis",
			run, (int64_t)i, t->name, (int64_t)t->start_ns, (int64_t)t->end_ns,
			t->source);
	}
	for (size_t i = 0; i < r->books.n && q == 0; i++) {
		const struct account *a = &r->books.accounts[i];
		bool helper = a->lane == PROBE_LANE_NONE;

		q = store_insert(s, error, "INSERT INTO account VALUES (?,?,?,?,?,?,?,?,?,?)",
			"isissiioos", run, phase_name(r, a->phase), (int64_t)a->lane,
			helper ? "helper" : state_table[a->state].name, a->detail, (int64_t)a->ns,
			(int64_t)a->exact, !a->exact, (int64_t)a->samples, a->count != 0,
			(int64_t)a->count,
			a->state == STATE_PREEMPTED && !helper ? detail_taker(a->taker) : NULL);
	}
	for (size_t i = 0; i < r->audit.n && q == 0; i++) {
		const struct audit_row *a = &r->audit.rows[i];

		q = store_insert(s, error, "INSERT INTO audit VALUES (?,?,?,?,?,?,?)", "isisiii",
			run, phase_name(r, a->phase), (int64_t)a->lane, a->what,
			(int64_t)a->books_ns, (int64_t)a->other_ns, (int64_t)a->bound_ns);
	}
	return q;
}

static int write_timeline(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	const struct timeline *t = r->timeline;
	int q = 0;

	for (size_t i = 0; t && i < t->n_details && q == 0; i++) {
		const struct timeline_detail *d = &t->details[i];
		char detail[DETAIL_SIZE];

		detail_text(d->state, &d->detail, detail);
		q = store_insert(s, error, "INSERT INTO timeline_detail VALUES (?,?,?,?,?)",
			"iisss", run, (int64_t)i, state_table[d->state].name, detail,
			d->state == STATE_PREEMPTED ? detail_taker(PROBE_DETAIL_TAKER(&d->detail))
						    : NULL);
	}
	for (size_t i = 0; t && i < t->n_blocks && q == 0; i++) {
		const struct timeline_block *b = &t->blocks[i];

		if (b->lane == PROBE_LANE_NONE)
			continue;
		q = store_insert(s, error, "INSERT INTO timeline VALUES (?,?,?,?,?,?,?,?,?,?)",
			"isiiiiiiib", run, phase_name(r, b->part), (int64_t)b->lane,
			(int64_t)b->begin_ns, (int64_t)b->end_ns, (int64_t)b->intervals,
			(int64_t)b->merged, (int64_t)b->merged_ns, (int64_t)b->lost_ns, b->data,
			b->bytes);
	}
	return q;
}

static int write_program(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < r->n_counters && q == 0; i++) {
		const struct run_counter *c = &r->counters[i];

		q = store_insert(s, error, "INSERT INTO counter VALUES (?,?,?,?,?,?)", "iisooo",
			run, (int64_t)c->lane, c->name, c->counted, c->value, c->counted,
			(int64_t)c->enabled_ns, c->counted, (int64_t)c->running_ns);
	}
	for (size_t i = 0; i < r->n_workers && q == 0; i++) {
		const struct run_worker *w = &r->workers[i];

		q = store_insert(s, error, "INSERT INTO worker VALUES (?,?,?,?,?,?,?)", "iiiiiii",
			run, (int64_t)w->worker, (int64_t)w->cpu, (int64_t)w->busy_ns,
			(int64_t)w->tasks, (int64_t)w->steals, (int64_t)w->parks);
	}
	for (size_t i = 0; i < r->n_pins && q == 0; i++) {
		const struct run_pin *p = &r->pins[i];

		q = store_insert(s, error, "INSERT INTO pin VALUES (?,?,?,?)", "iios", run,
			(int64_t)p->lane, p->planned_cpu >= 0, (int64_t)p->planned_cpu,
			p->cpus[0] ? p->cpus : NULL);
	}
	for (size_t i = 0; i < r->n_rows && q == 0; i++) {
		const struct run_row *w = &r->rows[i];

		q = store_insert(s, error, "INSERT INTO row VALUES (?,?,?,?,?)", "iiiii", run,
			(int64_t)w->task, (int64_t)w->lane, (int64_t)w->start_ns,
			(int64_t)w->end_ns);
	}
	for (size_t i = 0; i < r->n_warnings && q == 0; i++)
		q = store_insert(
			s, error, "INSERT INTO warning VALUES (?,?)", "is", run, r->warnings[i]);
	return q;
}

/* As much of a column as there is room for. */
static void copy_text(sqlite3_stmt *query, int column, char *ret, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(query, column);

	snprintf(ret, size, "%s", text ? text : "");
}

static int write_output(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	const struct run_said *said = &r->said;
	int q = 0;

	for (size_t i = 0; i < r->n_metrics && q == 0; i++) {
		const struct run_metric *m = &r->metrics[i];

		q = store_insert(s, error, "INSERT INTO metric VALUES (?,?,?,?)", "isfs", run,
			m->rule->name, (int)m->known, m->value, output_wish_name(m->rule->wish));
	}
	if (q < 0 || !said->sha256[0])
		return q;
	return store_insert(s, error, "INSERT INTO output VALUES (?,?,?,?,?,?)", "isiiss", run,
		said->sha256, (int64_t)said->lines, (int64_t)said->bytes, said->last, said->result);
}

int store_writer_first_output(
	struct store_writer *s, unsigned *ret_run, struct run_said *ret, struct error *error)
{
	sqlite3_stmt *query = NULL;
	const char *text;
	int r;

	if (sqlite3_prepare_v2(s->db,
		    "SELECT run.id, sha256, lines, bytes, last, result FROM output JOIN run ON"
		    " run.id = run WHERE status = 'ok' ORDER BY position LIMIT 1",
		    -1, &query, NULL) != SQLITE_OK)
		return store_error(s, error);
	r = sqlite3_step(query);
	if (r != SQLITE_ROW) {
		r = r == SQLITE_DONE ? -ENODATA : store_error(s, error);
		sqlite3_finalize(query);
		return r;
	}
	*ret = (struct run_said){.lines = (uint64_t)sqlite3_column_int64(query, 2),
		.bytes = (uint64_t)sqlite3_column_int64(query, 3)};
	*ret_run = (unsigned)sqlite3_column_int(query, 0);
	copy_text(query, 1, ret->sha256, sizeof(ret->sha256));
	copy_text(query, 4, ret->last, sizeof(ret->last));
	text = (const char *)sqlite3_column_text(query, 5);
	ret->result = text ? strdup(text) : NULL;
	r = text && !ret->result ? -ENOMEM : 0;
	sqlite3_finalize(query);
	return r;
}

static int write_sleeps(struct store_writer *s, int64_t run, int64_t id, const struct run_thread *t,
	struct error *error)
{
	int q = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(t->sleeps) && q == 0; i++)
		if (t->sleeps[i].ns)
			q = store_insert(s, error, "INSERT INTO thread_blocked VALUES (?,?,?,?)",
				"iisi", run, id, t->sleeps[i].detail, (int64_t)t->sleeps[i].ns);
	return q;
}

static int write_threads(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < r->n_threads && q == 0; i++) {
		const struct run_thread *t = &r->threads[i];

		q = store_insert(s, error,
			"INSERT INTO thread VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			"iiiiiosiiiiiiii", run, (int64_t)i, (int64_t)t->threads, (int64_t)t->pid,
			(int64_t)t->tgid, t->parent != 0, (int64_t)t->parent, t->name,
			(int64_t)t->start_ns, (int64_t)t->end_ns, (int64_t)t->cpu_ns,
			(int64_t)t->wait_ns, (int64_t)t->wait_siblings_ns, (int64_t)t->blocked_ns,
			(int64_t)t->switches, (int64_t)t->migrations);
		if (q == 0)
			q = write_sleeps(s, run, (int64_t)i, t, error);
	}
	return q;
}

static int write_guest(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	const struct guest_thread *threads;
	size_t n = 0;
	int q = 0;

	if (!r->view)
		return 0;
	threads = guest_view_threads(r->view, &n);
	for (size_t i = 0; i < n && q == 0; i++)
		q = store_insert(s, error, "INSERT INTO guest_thread VALUES (?,?,?,?,?,?)",
			"iiiiis", run, (int64_t)threads[i].lane, (int64_t)threads[i].fs_base,
			(int64_t)threads[i].samples, (int64_t)threads[i].switches,
			threads[i].name[0] ? threads[i].name : NULL);
	for (size_t i = 0; i < r->n_guest_processes && q == 0; i++)
		q = store_insert(s, error, "INSERT INTO guest_process VALUES (?,?,?,?)", "isii",
			run, r->guest_processes[i].name, (int64_t)r->guest_processes[i].samples,
			(int64_t)r->guest_processes[i].user);
	return q;
}

static int write_walks(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	static const struct {
		const char *name, *sql;
		const char *const *why;
	} sides[STACK_SIDES] = {
		{"host", "INSERT INTO host_stack_end VALUES (?,?,?,?)", unwind_end_names},
		{"guest", "INSERT INTO guest_stack_end VALUES (?,?,?,?)", guest_end_names},
	};
	int q = 0;

	for (unsigned side = 0; side < STACK_SIDES; side++) {
		const struct stack_walks *w = &r->walks[side];

		for (size_t i = 0; i < w->n_ends && q == 0; i++)
			q = store_insert(s, error, sides[side].sql, "issi", run, w->ends[i].module,
				sides[side].why[w->ends[i].why], (int64_t)w->ends[i].samples);
		for (size_t i = 0; i < w->n_modules && q == 0; i++)
			q = store_insert(s, error, "INSERT INTO stack_module VALUES (?,?,?,?,?)",
				"isssi", run, sides[side].name, w->modules[i].module,
				unwind_way_names[w->modules[i].way], (int64_t)w->modules[i].frames);
	}
	return q;
}

static int write_exits(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < r->n_exits && q == 0; i++) {
		const struct exit_sum *e = &r->exits[i];
		const struct probe_detail detail = {.number = e->cause};
		char reason[DETAIL_SIZE];

		detail_text(STATE_KERNEL, &detail, reason);
		q = store_insert(s, error, "INSERT INTO exit_sampling VALUES (?,?,?,?)", "isii",
			run, reason, (int64_t)e->stacks, (int64_t)sqrt(e->variance));
	}
	return q;
}

static int write_samples(struct store_writer *s, const struct run_settings *settings,
	const struct run_request *request, const struct run_result *r, struct error *error)
{
	static const char *const kinds[] = {
		[PROFILE_ONCPU] = "oncpu", [PROFILE_OFFCPU] = "offcpu", [PROFILE_EXITS] = "exits"};
	const struct store_guest guest = {r->view, request->accel == ACCEL_TCG};

	for (size_t i = 0; i < r->profile.n; i++) {
		const struct profile_entry *e = r->profile.entries[i];
		int64_t stack = 0;
		int q = store_stacks_put(s->stacks, settings->names, &guest, e, &stack);

		if (q < 0)
			return store_error(s, error);
		q = store_insert(s, error, "INSERT INTO sample VALUES (?,?,?,?,?,?,?,?,?,?,?)",
			"isissoiiois", (int64_t)request->id, phase_name(r, e->phase),
			(int64_t)e->lane, e->thread, kinds[e->kind], stack != 0, stack,
			(int64_t)e->weight_ns, (int64_t)e->count,
			e->n_guest != 0 && e->guest_thread != GUEST_THREAD_UNKNOWN,
			(int64_t)e->guest_thread, (int64_t)i,
			e->guest_task.kind == GUEST_TASK_THREAD ? e->guest_task.name : NULL);
		if (q < 0)
			return q;
	}
	return 0;
}

static int write_sample_times(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	const struct sample_times *t = r->profile.times;
	int q = 0;

	for (size_t i = 0; t && i < t->n && q == 0; i++) {
		const struct sample_block *b = &t->blocks[i];

		q = store_insert(s, error, "INSERT INTO sample_time VALUES (?,?,?,?,?)", "iiiib",
			run, (int64_t)b->lane, (int64_t)b->begin_ns, (int64_t)b->samples, b->data,
			b->bytes);
	}
	return q;
}

int store_writer_run(struct store_writer *s, const struct run_settings *settings,
	const struct run_request *request, const struct run_result *result, struct error *error)
{
	int r = store_sql(s, "BEGIN IMMEDIATE", error);

	if (r < 0)
		return r;
	r = write_run(s, settings, request, result, error);
	if (r == 0)
		r = write_accounts(s, request->id, result, error);
	if (r == 0)
		r = write_timeline(s, request->id, result, error);
	if (r == 0)
		r = write_program(s, request->id, result, error);
	if (r == 0)
		r = write_output(s, request->id, result, error);
	if (r == 0)
		r = store_write_distributions(s, request->id, result, error);
	if (r == 0)
		r = store_write_detours(s, request->id, result, error);
	if (r == 0)
		r = write_threads(s, request->id, result, error);
	if (r == 0)
		r = write_guest(s, request->id, result, error);
	if (r == 0)
		r = store_write_sched(s, request->id, result, error);
	if (r == 0)
		r = write_walks(s, request->id, result, error);
	if (r == 0)
		r = write_exits(s, request->id, result, error);
	if (r == 0)
		r = write_samples(s, settings, request, result, error);
	if (r == 0)
		r = write_sample_times(s, request->id, result, error);
	if (r == 0)
		r = store_sql(s, "COMMIT", error);
	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
