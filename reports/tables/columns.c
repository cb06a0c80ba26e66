/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/tables/columns.h"

#include <math.h>

#define ROW struct store_run
const struct column run_columns[] = {
	TABLE,
	COL("id", "run", NUMBER, id),
	COL("guest", "guest", TEXT, guest),
	COL("cores", "cores", NUMBER, cores),
	COL("scenario", "scenario", TEXT, scenario),
	COL("variant", "variant", TEXT, variant),
	COL("label", "label", TEXT, label),
	COL("accel", "accel", TEXT, accel),
	COL("block", "block", NUMBER, block),
	COL("counted", "counted", BOOL, counted),
	COL("repetition", "repetition", NUMBER, repetition),
	COL("position", "position", NUMBER, position),
	COL("start_utc", "start_utc", TEXT, start_utc),
	COL("status", "status", TEXT, status),
	COL("boot_ns", "boot_s", TIME, boot_ns, ON_PAGE(1, "#boot s")),
	COL("runtime_ns", "runtime_s", TIME, runtime_ns, ON_PAGE(2, "#run s")),
	COL("guest_runtime_ns", "guest_runtime_s", TIME, guest_runtime_ns),
	{},
};

const struct column run_columns_end[] = {
	TABLE,
	COL("residual_ns", "residual_s", TIME, residual_ns, ON_PAGE(1, "#residual"),
		.format = format_time),
	COL("lost_events", "lost_events", LOST, lost_events, ON_PAGE(2, "#lost")),
	COL("closed", "closed", TRUTH, closed, ON_PAGE(3, "closed")),
	COL("audited", "audited", TRUTH, audited, ON_PAGE(4, "audited")),
	COL("error", "error", TEXT, error),
	COL("split", NULL, TEXT, split),
	COL("frequency_hz", NULL, NUMBER, frequency_hz),
	COL("raster_sha256", NULL, TEXT, raster_sha256),
	{},
};
#undef ROW

static struct format_text variation(const void *row, enum look *look)
{
	const struct statistic *time = &((const struct configuration *)row)->runtime_ns;

	(void)look;
	return format_percent(statistic_stddev(time), time->mean);
}

static struct format_text residual(const void *row, enum look *look)
{
	const struct book *window = &((const struct configuration *)row)->window;

	(void)look;
	return window->has_accounts ? format_percent(window->residual_ns, window->lane_time_ns)
				    : (struct format_text){"-"};
}

#define ROW struct configuration
const struct column configuration_columns[] = {
	TABLE,
	COL("guest", "guest", TEXT, guest),
	COL("cores", "cores", NUMBER, cores),
	COL("scenario", "scenario", TEXT, scenario),
	COL("variant", "variant", TEXT, variant),
	COL("label", "label", TEXT, label),
	COL("name", NULL, TEXT, name),
	COL("accel", "accel", TEXT, accel),
	COL("runs", "runs", COUNT, n_runs),
	COL("warmups", NULL, COUNT, n_warmups),
	COL("runs_ok", "runs_ok", PART, n_ok, WHOLE(n_runs), SHOWN(1, "runs", 6, "#measured")),
	COL("runs_closed", "runs_closed", PART, n_closed, WHOLE(n_ok),
		SHOWN(7, "closed", 7, "#books closed")),
	COL("runs_audited", "runs_audited", PART, n_audited, WHOLE(n_ok),
		SHOWN(8, "audited", 8, "#clocks agree")),
	COL("audit_worst", NULL, REAL, audit_worst),
	COL("lost_events", "lost_events", LOST, lost_events, SHOWN(6, "lost", 5, "#lost events")),
	COL("boot_ns", "boot", STATISTIC, boot_ns, SHOWN(2, "boot s", 14, NULL)),
	COL("runtime_ns", "runtime", STATISTIC, runtime_ns, SHOWN(3, "run s", 15, NULL)),
	COL("guest_runtime_ns", "guest_runtime", STATISTIC, guest_runtime_ns),
	COL("residual_ns", NULL, STATISTIC, residual_ns),
	{NULL, NULL, COLUMN_OWN, .own = variation, SHOWN(4, "cv %", 6, NULL)},
	{NULL, NULL, COLUMN_OWN, .own = residual, SHOWN(5, "resid %", 8, "#residual %")},
	{},
};
#undef ROW

#define ROW struct boot_part
const struct column boot_columns[] = {
	TABLE,
	COL("name", "step", TEXT, name),
	COL("source", "source", TEXT, source),
	COL("n", "runs", COUNT, n),
	COL("mean", "mean_s", NS, mean_ns, SHOWN(1, "mean ms", 9, "#mean ms"), .format = format_ms),
	COL("stddev", "stddev_s", NS, stddev_ns, SHOWN(2, "s.d.", 8, "#σ ms"), .format = format_ms),
	COL("median", "median_s", NS, median_ns, SHOWN(3, "median", 8, "#median ms"),
		.format = format_ms),
	COL("min", "min_s", NS, min_ns),
	COL("max", "max_s", NS, max_ns),
	{},
};
#undef ROW

static const char *detail_state(const void *row)
{
	const struct book_detail *d = row;

	return d->state == STATE_COUNT ? "helper" : state_label(d->state);
}

static bool is_sampled(const void *row)
{
	return !((const struct book_detail *)row)->exact;
}

static struct format_text how(const void *row, enum look *look)
{
	(void)look;
	if (is_sampled(row))
		return (struct format_text){"sampled"};
	return (struct format_text){"exact"};
}

static struct format_text low_to_high(const void *row, enum look *look)
{
	const struct book_detail *d = row;
	struct format_text t;

	(void)look;
	snprintf(t.text, sizeof(t.text), "%.28s to %.28s", format_seconds(d->low_ns).text,
		format_seconds(d->high_ns).text);
	return t;
}

#define ROW struct thread_group
const struct column thread_columns[] = {
	TABLE,
	COL("name", "thread", TEXT, name, .none = "(no name)", SHOWN(1, "thread", 20, "thread"),
		.field = PAGE_CODE),
	COL("threads", "threads", REAL, threads, SHOWN(2, "threads", 8, "#threads"),
		.format = format_count),
	COL("processes", "processes", REAL, processes, ON_PAGE(3, "#processes"),
		.format = format_count),
	COL("cpu_ns", "cpu", NS, cpu_ns, SHOWN(4, "CPU s", 9, "#on a CPU s")),
	COL("wait_siblings_ns", "wait_siblings", NS, wait_siblings_ns,
		SHOWN(5, "for its own s", 14, "#waiting for its own s")),
	COL("wait_others_ns", "wait_others", NS, wait_others_ns,
		SHOWN(6, "for others s", 13, "#waiting for others s")),
	COL("blocked_ns", "blocked", NS, blocked_ns, SHOWN(7, "asleep s", 10, "#asleep s")),
	COL("blocked_for", "blocked_for", TEXT, cause, SHOWN(8, "mostly for", -20, "mostly for")),
	COL("switches", "switches", REAL, switches, ON_PAGE(9, "#switches"),
		.format = format_count),
	COL("migrations", "migrations", REAL, migrations, ON_PAGE(10, "#migrations"),
		.format = format_count),
	{},
};
#undef ROW

#define ROW struct stack_share
const struct column stack_end_columns[] = {
	TABLE,
	COL("side", "side", TEXT, side, SHOWN(1, "side", 6, "side")),
	COL("why", "why", TEXT, what, SHOWN(2, "ends at, or for", 26, "ends at, or for")),
	COL("module", "module", TEXT, module, SHOWN(3, "in", 26, "in"), .field = PAGE_CODE),
	COL("samples", "samples", REAL, count, SHOWN(4, "samples", 10, "#samples"),
		.format = format_count),
	COL(NULL, NULL, SHARE, count, WHOLE(whole), SHOWN(5, "% of side", 10, "#% of the side")),
	{},
};

const struct column stack_module_columns[] = {
	TABLE,
	COL("side", "side", TEXT, side, SHOWN(1, "side", 6, "side")),
	COL("module", "module", TEXT, module, SHOWN(2, "code of", 22, "code of"),
		.none = "not known", .field = PAGE_CODE),
	COL("way", "way", TEXT, what, SHOWN(3, "walked by", 32, "walked by")),
	COL("frames", "frames", REAL, count, SHOWN(4, "frames", 10, "#frames"),
		.format = format_count),
	COL(NULL, NULL, SHARE, count, WHOLE(whole), SHOWN(5, "% of side", 10, "#% of the side")),
	{},
};
#undef ROW

#define ROW struct process_time
const struct column process_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name, ON_PAGE(1, "process"), .field = PAGE_CODE),
	COL("samples", NULL, REAL, samples, ON_PAGE(2, "#samples"), .format = format_count),
	COL(NULL, NULL, SHARE, samples, WHOLE(whole), ON_PAGE(3, "#% of the guest")),
	COL("user", NULL, REAL, user, ON_PAGE(4, "#in user mode"), .format = format_count),
	{},
};
#undef ROW

static struct format_text lost_range(const void *row, enum look *look)
{
	const struct guest_queueing *q = row;
	struct format_text t;

	(void)look;
	snprintf(t.text, sizeof(t.text), "%.28s to %.28s",
		format_percent(q->lost_low_ns, q->lane_ns).text,
		format_percent(q->lost_high_ns, q->lane_ns).text);
	return t;
}

#define ROW struct guest_queueing
const struct column guest_queueing_columns[] = {
	TABLE,
	COL("phase", NULL, TEXT, phase, SHOWN(1, "phase", 12, "phase")),
	COL("lane_time_ns", NULL, NS, lane_ns),
	COL("samples", NULL, REAL, ticks),
	COL("queued", NULL, REAL, queued, SHOWN(2, "queued", 8, "#threads queued for a vCPU"),
		.format = format_number),
	COL("queued_by_books", NULL, REAL, booked, ON_PAGE(3, "#by their books"),
		.format = format_number),
	COL("most", NULL, REAL, most, SHOWN(4, "most", 6, "#at most"), .format = format_count),
	COL("lost_ns", NULL, NS, lost_ns, ON_PAGE(5, "#lost parallelism s")),
	COL("lost_low_ns", NULL, NS, lost_low_ns),
	COL("lost_high_ns", NULL, NS, lost_high_ns),
	COL(NULL, NULL, SHARE, lost_ns, WHOLE(lane_ns), SHOWN(6, "lost %", 8, "#% of lane time")),
	{.type = COLUMN_OWN, .own = lost_range, SHOWN(7, "95 % interval", 16, "#95 % interval, %")},
	COL("lost_within_ns", NULL, NS, within_ns,
		SHOWN(8, "90 % in s", 11, "#90 % of it within s")),
	COL("stuck_ns", NULL, NS, stuck_ns, ON_PAGE(9, "#double scheduling s")),
	COL(NULL, NULL, SHARE, stuck_ns, WHOLE(lane_ns),
		SHOWN(10, "double %", 9, "#% of lane time")),
	COL("stuck_count", NULL, REAL, stuck_count, ON_PAGE(11, "#times"), .format = format_count),
	{},
};
#undef ROW

static struct format_text queued_range(const void *row, enum look *look)
{
	const struct guest_work *w = row;
	struct format_text t = {"-"};

	(void)look;
	if (isnan(w->queued_ns))
		return w->idle || isnan(w->unknown_ns) ? t : (struct format_text){"not read"};
	if (w->exact)
		return (struct format_text){"exact"};
	snprintf(t.text, sizeof(t.text), "%.28s to %.28s", format_seconds(w->queued_low_ns).text,
		format_seconds(w->queued_high_ns).text);
	return t;
}

/* Absent and unknown, where there is no room for both. */
static struct format_text other_time(const void *row, enum look *look)
{
	const struct guest_work *w = row;

	(void)look;
	return format_seconds(w->absent_ns + w->unknown_ns);
}

#define ROW struct detour_share
const struct column detour_share_columns[] = {
	TABLE,
	COL("cause", "cause", TEXT, cause, SHOWN(1, "cause", 16, "cause")),
	COL("detail", "detail", TEXT, detail, SHOWN(2, "who, which", 28, "who, which")),
	COL("taken_by", "taken_by", TEXT, taken_by, ON_PAGE(3, "of")),
	COL("detours", "detours", REAL, detours, SHOWN(4, "detours", 9, "#detours"),
		.format = format_count),
	COL("ns", NULL, NS, ns, SHOWN(5, "s", 9, "#s")),
	COL(NULL, NULL, SHARE, ns, WHOLE(whole_ns), SHOWN(6, "% of all", 8, "#% of all")),
	COL("around_ns", NULL, NS, around_ns, ON_PAGE(7, "#around s")),
	COL("sampled_ns", NULL, NS, sampled_ns, ON_PAGE(8, "#by samples s")),
	{},
};
#undef ROW

#define ROW struct guest_work
const struct column guest_work_columns[] = {
	TABLE,
	COL("phase", NULL, TEXT, phase, ON_PAGE(1, "phase")),
	COL("name", NULL, TEXT, name, .none = "(no name)", SHOWN(2, "thread", 20, "thread"),
		.field = PAGE_CODE),
	COL("threads", NULL, REAL, threads, SHOWN(3, "threads", 7, "#threads"),
		.format = format_count),
	COL("cpu_ns", NULL, NS, cpu_ns, SHOWN(4, "CPU s", 8, "#CPU s a run")),
	COL(NULL, NULL, SHARE, cpu_ns, WHOLE(whole_ns),
		SHOWN(5, "% CPUs", 7, "#% of the guest's CPUs")),
	COL("queued_ns", NULL, NS, queued_ns, ON_PAGE(6, "#queued s")),
	COL("queued_low_ns", NULL, NS, queued_low_ns),
	COL("queued_high_ns", NULL, NS, queued_high_ns),
	COL("queued_is_exact", NULL, BOOL, exact),
	{.type = COLUMN_OWN, .own = queued_range, ON_PAGE(7, "#95 % interval, s")},
	COL("waiting_ns", NULL, NS, waiting_ns, ON_PAGE(8, "#waiting s")),
	COL("absent_ns", NULL, NS, absent_ns, ON_PAGE(9, "#not there s")),
	COL("unknown_ns", NULL, NS, unknown_ns, ON_PAGE(10, "#not known s")),
	COL("over_ns", NULL, NS, over_ns, ON_PAGE(11, "#beyond the phase s")),
	COL("within_ns", NULL, NS, within_ns),
	COL("switches_per_s", NULL, REAL, switches, SHOWN(12, "switch/s", 9, "#switches/s"),
		.format = format_number),
	COL("preemptions_per_s", NULL, REAL, preemptions,
		SHOWN(13, "preempt/s", 10, "#preemptions/s"), .format = format_number),
	COL("migrations_per_s", NULL, REAL, migrations, SHOWN(14, "moves/s", 8, "#migrations/s"),
		.format = format_number),
	{},
};
/* In a terminal, where the two are too wide for one. */
const struct column guest_book_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name, .none = "(no name)", SHOWN(1, "thread", 14, NULL)),
	COL("threads", NULL, REAL, threads, SHOWN(2, "threads", 7, NULL), .format = format_count),
	COL("cpu_ns", NULL, NS, cpu_ns, SHOWN(3, "running s", 9, NULL)),
	COL("queued_ns", NULL, NS, queued_ns, SHOWN(4, "queued s", 8, NULL)),
	{.type = COLUMN_OWN, .own = queued_range, SHOWN(5, "95 % interval", 14, NULL)},
	COL("waiting_ns", NULL, NS, waiting_ns, SHOWN(6, "waiting s", 9, NULL)),
	{.type = COLUMN_OWN, .own = other_time, SHOWN(7, "other s", 8, NULL)},
	{},
};
#undef ROW

#define ROW struct book_detail
const struct column detail_columns[] = {
	TABLE,
	{"state", NULL, COLUMN_TEXT, .text = detail_state},
	COL("detail", NULL, TEXT, detail, .none = "(all)", ON_PAGE(1, "detail"),
		.field = PAGE_CODE),
	COL("ns", NULL, NS, ns, ON_PAGE(2, "#s a run")),
	COL(NULL, NULL, SHARE, ns, WHOLE(lane_time_ns), ON_PAGE(3, "#% of run time × lanes")),
	COL("count", NULL, REAL, count, ON_PAGE(4, "#events a run"), .format = format_count),
	COL("exact", NULL, BOOL, exact),
	{.type = COLUMN_OWN, .own = how, ON_PAGE(5, "how")},
	COL("samples", NULL, REAL, samples, .only = is_sampled),
	COL("low_ns", NULL, NS, low_ns, .only = is_sampled),
	COL("high_ns", NULL, NS, high_ns, .only = is_sampled),
	{.type = COLUMN_OWN,
		.own = low_to_high,
		.only = is_sampled,
		ON_PAGE(6, "#95 % interval, s")},
	{},
};
#undef ROW

static double audit_difference(const void *row)
{
	const struct store_audit *a = row;

	return (double)a->books_ns - (double)a->other_ns;
}

bool audit_agrees(const struct store_audit *a)
{
	return a->bound_ns != STORE_NULL && fabs(audit_difference(a)) <= (double)a->bound_ns;
}

static struct format_text audit_result(const void *row, enum look *look)
{
	const struct store_audit *a = row;

	*look = audit_agrees(a) ? LOOK_GOOD : a->bound_ns == STORE_NULL ? LOOK_NIL : LOOK_ALARM;
	if (*look == LOOK_NIL)
		return (struct format_text){"no bound"};
	if (*look == LOOK_GOOD)
		return (struct format_text){"agrees"};
	return (struct format_text){"differs"};
}

#define ROW struct store_audit
const struct column audit_result_columns[] = {
	TABLE,
	COL("books_ns", NULL, TIME, books_ns, ON_PAGE(1, "#books s")),
	COL("other_ns", NULL, TIME, other_ns, ON_PAGE(2, "#clock s")),
	{.type = COLUMN_REAL,
		.number = audit_difference,
		ON_PAGE(3, "#difference"),
		.format = format_time},
	COL("bound_ns", NULL, TIME, bound_ns, ON_PAGE(4, "#tolerance"), .format = format_time),
	{.type = COLUMN_OWN, .own = audit_result, ON_PAGE(5, "result")},
	{},
};
#undef ROW

#define ROW struct store_audit
const struct column audit_columns[] = {
	TABLE,
	COL("phase", NULL, TEXT, phase, ON_PAGE(1, "phase")),
	COL("lane", NULL, NUMBER, lane, ON_PAGE(2, "#lane")),
	COL("what", NULL, TEXT, what, ON_PAGE(3, "clock")),
	{"", NULL, COLUMN_OBJECT, .of = audit_result_columns, .place = 4},
	{},
};
#undef ROW

#define ROW struct store_warning
const struct column warning_columns[] = {
	TABLE,
	COL("run", NULL, NUMBER, run),
	COL("text", NULL, TEXT, text),
	{},
};
#undef ROW
