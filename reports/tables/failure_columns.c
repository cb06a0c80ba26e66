/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The columns of how a failed run's guest ended. */

#include <stdlib.h>
#include <string.h>

#include "reports/tables/columns.h"

static struct format_text owner(const void *row, enum look *look)
{
	const struct failure_timer *t = row;
	struct format_text ret = {"nobody"};

	*look = t->owner_kind ? LOOK_PLAIN : LOOK_ALARM;
	if (!t->owner_kind)
		return ret;
	if (strcmp(t->owner_kind, "cpu") == 0)
		snprintf(ret.text, sizeof(ret.text), "CPU %lld itself", (long long)t->owner);
	else
		snprintf(ret.text, sizeof(ret.text), "%.20s (%lld)",
			t->owner_name ? t->owner_name : "?", (long long)t->owner);
	return ret;
}

static struct format_text list(const void *row, enum look *look)
{
	const struct failure_timer *t = row;
	struct format_text ret = {"none"};

	*look = t->fault ? LOOK_ALARM : LOOK_PLAIN;
	if (t->list_cpu != STORE_NULL)
		snprintf(ret.text, sizeof(ret.text), "CPU %lld", (long long)t->list_cpu);
	return ret;
}

/* From the guest's clock, as it was then: "in 12.3 ms", "1.2 ms ago". */
static struct format_text from_now(int64_t ns, int64_t clock_ns)
{
	struct format_text ret = {"-"};
	double left_ns = (double)ns - (double)clock_ns;

	if (ns == STORE_NULL || clock_ns == STORE_NULL)
		return ret;
	snprintf(ret.text, sizeof(ret.text), left_ns < 0 ? "%.24s ago" : "in %.24s",
		format_time(left_ns < 0 ? -left_ns : left_ns).text);
	return ret;
}

static struct format_text timer_due(const void *row, enum look *look)
{
	const struct failure_timer *t = row;

	*look = LOOK_PLAIN;
	return from_now(t->due_ns, t->clock_ns);
}

static struct format_text cpu_due(const void *row, enum look *look)
{
	const struct failure_cpu *c = row;

	*look = LOOK_PLAIN;
	return from_now(c->next_ns, c->clock_ns);
}

static struct format_text counted(const void *row, enum look *look)
{
	const struct failure_cpu *c = row;
	struct format_text ret = {"-"};

	*look = c->counted != STORE_NULL && c->timers != STORE_NULL && c->counted != c->timers
			? LOOK_ALARM
			: LOOK_PLAIN;
	/* OSv counts without sign; one too few is 2^64 - 1. */
	if (c->counted != STORE_NULL)
		snprintf(ret.text, sizeof(ret.text), "%lld", (long long)c->counted);
	return ret;
}

static struct format_text cpu_name(const void *row, enum look *look)
{
	const struct failure_cpu *c = row;
	struct format_text ret;

	*look = c->trouble ? LOOK_ALARM : LOOK_PLAIN;
	snprintf(ret.text, sizeof(ret.text), "CPU %lld", (long long)c->cpu);
	return ret;
}

#define ROW struct failure_cpu
const struct column failure_cpu_columns[] = {
	TABLE,
	{.type = COLUMN_OWN, .own = cpu_name, SHOWN(1, "", -8, "CPU")},
	COL("cpu", NULL, NUMBER, cpu),
	COL("thread_name", NULL, TEXT, thread_name, .none = "(not known)",
		SHOWN(2, "has it", 17, "thread that has it"), .field = PAGE_CODE),
	COL("thread", NULL, NUMBER, thread, ON_PAGE(3, "#its id")),
	COL("queued", NULL, NUMBER, queued, SHOWN(4, "queued", 8, "#threads queued for it")),
	COL("timers", NULL, NUMBER, timers, SHOWN(5, "timers", 7, "#timers in its lists")),
	COL("counted", NULL, NUMBER, counted),
	{.type = COLUMN_OWN, .own = counted, SHOWN(6, "by its count", 13, "#by their own count")},
	COL("misfiled", NULL, NUMBER, misfiled,
		SHOWN(7, "mismarked", 10, "#lists wrongly marked as empty, or not")),
	COL("clock_ns", NULL, NUMBER, clock_ns),
	COL("next_ns", NULL, NUMBER, next_ns),
	{.type = COLUMN_OWN, .own = cpu_due, SHOWN(8, "next timer", 15, "#next timer")},
	COL("trouble", NULL, TEXT, trouble, ON_PAGE(9, "what is wrong"), .field = PAGE_WIDE),
	COL("torn", NULL, NUMBER, torn),
	{},
};
#undef ROW

#define ROW struct failure_thread
const struct column failure_thread_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name, SHOWN(1, "thread", 20, "thread"), .field = PAGE_CODE),
	COL("id", NULL, NUMBER, id, SHOWN(2, "id", 6, "#id")),
	COL("state", NULL, TEXT, state, SHOWN(3, "state", -14, "state")),
	COL("cpu", NULL, NUMBER, cpu, SHOWN(4, "CPU", 5, "#CPU")),
	COL("cpu_ns", NULL, TIME, cpu_ns, SHOWN(5, "CPU s", 10, "#CPU s")),
	COL("torn", NULL, NUMBER, torn, ON_PAGE(6, "#changed meanwhile")),
	{},
};
#undef ROW

#define ROW struct failure_timer
const struct column failure_timer_columns[] = {
	TABLE,
	{.type = COLUMN_OWN, .own = owner, SHOWN(1, "timer of", -26, "timer of")},
	COL("owner_kind", NULL, TEXT, owner_kind),
	COL("owner", NULL, NUMBER, owner),
	COL("owner_name", NULL, TEXT, owner_name),
	COL("owner_cpu", NULL, NUMBER, owner_cpu, SHOWN(2, "on CPU", 7, "#on CPU")),
	{.type = COLUMN_OWN, .own = list, SHOWN(3, "in the list of", 16, "#in the list of")},
	COL("list_cpu", NULL, NUMBER, list_cpu),
	COL("links_cpu", NULL, NUMBER, links_cpu, ON_PAGE(4, "#else: linked into that of CPU")),
	COL("state", NULL, TEXT, state, SHOWN(5, "state", -10, "state")),
	COL("due_ns", NULL, NUMBER, due_ns),
	{.type = COLUMN_OWN, .own = timer_due, SHOWN(6, "due", 16, "#due")},
	COL("fault", NULL, TEXT, fault, ON_PAGE(7, "what is wrong"), .field = PAGE_WIDE),
	COL("torn", NULL, NUMBER, torn, ON_PAGE(8, "#changed meanwhile")),
	{},
};
#undef ROW
