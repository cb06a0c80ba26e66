/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/gate/quantity.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"

bool quantity_find(const struct configuration *c, const char *what, struct quantity *ret)
{
	const struct configuration_metric *m = configuration_metric(c, what);

	*ret = (struct quantity){.n = c->series.n, .wish = WISH_LOWER, .is_time = true};
	if (strcmp(what, QUANTITY_RUNTIME) == 0)
		ret->values = c->series.runtime_ns;
	else if (strcmp(what, QUANTITY_BOOT) == 0)
		ret->values = c->series.boot_ns;
	else if (strcmp(what, QUANTITY_CPU) == 0)
		ret->values = c->series.cpu_ns;
	else if (m && m->known.n > 0)
		*ret = (struct quantity){m->values, c->series.n, m->wish, false};
	return ret->values;
}

size_t quantity_known(const struct quantity *q)
{
	size_t n = 0;

	for (size_t i = 0; q->values && i < q->n; i++)
		n += isfinite(q->values[i]);
	return n;
}

const char *quantity_title(const char *what)
{
	if (strcmp(what, QUANTITY_RUNTIME) == 0)
		return "run time";
	return strcmp(what, QUANTITY_CPU) == 0 ? "CPU time" : what;
}

static bool is_called(const char *name, const char *text, size_t length)
{
	return strlen(name) == length && strncmp(name, text, length) == 0;
}

static const char *find_name(const struct summary *s, const char *text, size_t length)
{
	static const char *const times[] = {QUANTITY_RUNTIME, QUANTITY_BOOT, QUANTITY_CPU};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (is_called(times[i], text, length))
			return times[i];
	for (size_t i = 0; i < s->n_configurations; i++)
		for (size_t k = 0; k < s->configurations[i].n_metrics; k++)
			if (is_called(s->configurations[i].metrics[k].name, text, length))
				return s->configurations[i].metrics[k].name;
	return NULL;
}

int quantity_next(const struct summary *s, const char **at, const char **ret, struct error *error)
{
	size_t length = strcspn(*at, ",");
	const char *name = find_name(s, *at, length);

	/* Behind a comma there is another one. */
	if (!name || ((*at)[length] && !(*at)[length + 1]))
		return error_set_user(error, -EINVAL,
			"A has no metric \"%.*s\"; times are called \"" QUANTITY_RUNTIME
			"\", \"" QUANTITY_CPU "\" and \"" QUANTITY_BOOT "\"",
			name ? 0 : (int)length, *at);
	*at += length + ((*at)[length] != '\0');
	*ret = name;
	return 0;
}
