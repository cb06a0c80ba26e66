/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/series.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "workload/digits.h"

void series_encode_head(char ret_body[MARKER_LINE_MAX], const struct series_head *h)
{
	int used = snprintf(ret_body, MARKER_LINE_MAX,
		"series kernel=%s worker=%" PRIu64 " t=%" PRIu64 " step=%" PRIu64 " n=%" PRIu64
		" total=%" PRIu64,
		h->kernel, h->worker, h->begin_ns, h->step_ns, h->n, h->total);

	if (h->tick_ns)
		snprintf(ret_body + used, MARKER_LINE_MAX - (size_t)used, " tick=%" PRIu64,
			h->tick_ns);
}

int series_encode_values(char ret_body[MARKER_LINE_MAX], const struct series_head *h,
	const uint32_t *values, size_t *from)
{
	char data[DISTRIBUTION_DATA_MAX], *to = data;
	size_t first = *from;

	while (*from < h->n && (size_t)(to - data) + DIGITS_MAX <= sizeof(data))
		to = digits_put(to, values[(*from)++]);
	if (to == data)
		return 0;
	snprintf(ret_body, MARKER_LINE_MAX,
		"values kernel=%s worker=%" PRIu64 " from=%zu data=%.*s", h->kernel, h->worker,
		first, (int)(to - data), data);
	return 1;
}

int series_decode_head(const struct marker *m, struct series_head *ret)
{
	const char *kernel = marker_get(m, "kernel");
	struct series_head h = {.worker = 0};
	const struct {
		const char *key;
		uint64_t *value;
	} fields[] = {
		{"worker", &h.worker},
		{"t", &h.begin_ns},
		{"step", &h.step_ns},
		{"n", &h.n},
		{"total", &h.total},
		{"tick", &h.tick_ns},
	};

	if (strcmp(m->kind, "series") != 0 || !kernel)
		return -ENODATA;
	if (!distribution_kernel_is_good(kernel))
		return -EBADMSG;
	memcpy(h.kernel, kernel, strlen(kernel) + 1);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int r = marker_get_u64(m, fields[i].key, fields[i].value);

		if (r == -ENODATA && fields[i].value == &h.tick_ns)
			continue;
		if (r < 0)
			return r == -ENODATA ? r : -EBADMSG;
		if (*fields[i].value > INT64_MAX)
			return -EBADMSG;
	}
	if (h.n > SERIES_MAX || h.n > h.total || h.step_ns == 0 ||
		h.step_ns > (INT64_MAX - h.begin_ns) / (h.n + 1))
		return -EBADMSG;
	*ret = h;
	return 0;
}

int series_decode_values(
	const struct marker *m, uint32_t *values, size_t n, size_t *ret_from, size_t *ret_n)
{
	const char *text = marker_get(m, "data");
	uint64_t from, value;
	size_t i;

	if (strcmp(m->kind, "values") != 0 || !text || marker_get_u64(m, "from", &from) < 0)
		return -ENODATA;
	if (from > n)
		return -EBADMSG;
	for (i = (size_t)from; *text; i++) {
		if (i == n || digits_get(&text, &value) < 0 || value > UINT32_MAX)
			return -EBADMSG;
		values[i] = (uint32_t)value;
	}
	*ret_from = (size_t)from;
	*ret_n = i - (size_t)from;
	return 0;
}
