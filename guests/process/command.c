/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/process/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

/* Takes @text, which may be NULL after a failed allocation of the caller's. */
static void strv_add_owned(struct strv *v, char *text)
{
	if (!v->error && (!text || ARRAY_MORE(v->items, v->n, 2) < 0))
		v->error = -ENOMEM;
	if (v->error) {
		free(text);
		return;
	}
	v->items[v->n++] = text;
	v->items[v->n] = NULL;
}

void strv_add(struct strv *v, const char *text)
{
	strv_add_owned(v, strdup(text));
}

void strv_addf(struct strv *v, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	strv_add_owned(v, text);
}

void strv_add_all(struct strv *v, char *const *list)
{
	for (; list && *list; list++)
		strv_add(v, *list);
}

int strv_take(struct strv *v, char ***ret)
{
	int r = v->error;

	if (r == 0 && !v->items) {
		v->items = calloc(1, sizeof(*v->items));
		if (!v->items)
			r = -ENOMEM;
	}
	if (r == 0)
		*ret = TAKE_PTR(v->items);
	strv_clear(v);
	return r;
}

void strv_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

void strv_freep(char ***list)
{
	strv_free(*list);
}

void strv_clear(struct strv *v)
{
	strv_free(v->items);
	*v = (struct strv){0};
}
