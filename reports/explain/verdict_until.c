/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What came of --until: how narrow the intervals are, and why there are no more runs. */
#include <string.h>

#include <jansson.h>

#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

static const struct {
	const char *end, *words;
} ends[] = {
	{"reached", "was reached"},
	{"runs", "was not reached within --max-runs"},
	{"time", "was not reached within --max-time"},
};

static const char *end_words(const char *end)
{
	for (size_t i = 0; end && i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(ends[i].end, end) == 0)
			return ends[i].words;
	return "has not been reached so far";
}

static void say_aim(struct verdict *v, const json_t *record)
{
	const char *of = json_string_value(json_object_get(record, "a")),
		   *to = json_string_value(json_object_get(record, "b")),
		   *what = json_string_value(json_object_get(record, "of"));

	if (of && to)
		say(v, "the ratio of %.*s to %.*s", said_of(of), of, said_of(to), to);
	else
		say(v, "every mean %s time", what && strcmp(what, "boot") == 0 ? "boot" : "run");
}

static void say_look(struct verdict *v, const json_t *record, const json_t *look)
{
	const json_t *width = json_object_get(look, "width");
	const char *widest = json_string_value(json_object_get(look, "widest"));
	size_t n = json_array_size(json_object_get(record, "looks")),
	       planned = json_array_size(json_object_get(record, "planned")) +
			 (json_integer_value(json_object_get(record, "max_time_s")) > 0);

	say(v, ": after %lld runs of each the widest interval is ",
		(long long)json_integer_value(json_object_get(look, "runs")));
	if (json_is_number(width))
		say(v, "±%s %%", format_points(100 * json_number_value(width)).text);
	else
		say(v, "not known");
	if (widest)
		say(v, " (%.*s)", said_of(widest), widest);
	say(v, ", corrected for up to %zu looks (each at %.2f %%; this was look %zu).", planned,
		100 * json_number_value(json_object_get(record, "level")), n);
}

static void say_record(const json_t *record, const char *of, struct verdicts *v)
{
	const json_t *looks = json_object_get(record, "looks");
	const char *end = json_string_value(json_object_get(record, "ended"));
	size_t n = json_array_size(looks);
	struct verdict *verdict;

	if (!json_is_number(json_object_get(record, "share")) || n == 0)
		return;
	verdict = verdict_begin(v, end && strcmp(end, "reached") == 0);
	say(verdict, "The aim of --until%s, ", of);
	say_aim(verdict, record);
	say(verdict, " known to ±%s %%, %s",
		format_points(100 * json_number_value(json_object_get(record, "share"))).text,
		end_words(end));
	say_look(verdict, record, json_array_get(looks, n - 1));
}

void verdicts_of_until(const struct summary *s, struct verdicts *v)
{
	static const char key[] = "until";
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_settings; i++) {
		const char *of = t->settings[i].key + strlen(key);
		json_t *record;

		/* Of several stores each has its own: "until (folder)". */
		if (strncmp(t->settings[i].key, key, strlen(key)) != 0 ||
			(*of && strncmp(of, " (", 2) != 0))
			continue;
		record = json_loads(t->settings[i].value, 0, NULL);
		say_record(record, of, v);
		json_decref(record);
	}
}
