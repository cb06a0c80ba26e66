/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/distribution.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "workload/digits.h"

#define SUB_BITS  7
#define SUB_COUNT (1UL << SUB_BITS)

size_t distribution_bucket(uint64_t value)
{
	unsigned shift;

	if (value < 2 * SUB_COUNT)
		return (size_t)value;
	shift = 63U - (unsigned)__builtin_clzll(value) - SUB_BITS;
	return (size_t)shift * SUB_COUNT + (size_t)(value >> shift);
}

uint64_t distribution_low(size_t bucket)
{
	size_t shift = bucket < 2 * SUB_COUNT ? 0 : bucket / SUB_COUNT - 1;

	return (uint64_t)(bucket - shift * SUB_COUNT) << shift;
}

uint64_t distribution_high(size_t bucket)
{
	return bucket + 1 < DISTRIBUTION_BUCKETS ? distribution_low(bucket + 1) - 1 : UINT64_MAX;
}

static void add_largest(struct distribution *d, uint64_t value, uint64_t at_ns)
{
	size_t i = d->n_largest;

	if (i == DISTRIBUTION_LARGEST && value <= d->largest[i - 1].value)
		return;
	if (i < DISTRIBUTION_LARGEST)
		d->n_largest++;
	else
		i--;
	for (; i > 0 && d->largest[i - 1].value < value; i--)
		d->largest[i] = d->largest[i - 1];
	d->largest[i] = (struct distribution_value){value, at_ns};
}

void distribution_add(struct distribution *d, uint64_t value, uint64_t at_ns)
{
	if (d->n == 0 || value < d->min)
		d->min = value;
	if (value > d->max)
		d->max = value;
	d->n++;
	d->sum += value;
	d->buckets[distribution_bucket(value)]++;
	add_largest(d, value, at_ns);
}

uint64_t distribution_quantile(const uint64_t *buckets, uint64_t n, uint64_t max, double q)
{
	double exact = q * (double)n;
	uint64_t rank = exact > 0 ? (uint64_t)exact : 0, seen = 0;

	if (n == 0)
		return 0;
	/* 0.9 times 10 is no more than 9, whatever its last bit is. */
	rank += (double)rank + 1e-9 * (double)n < exact;
	if (rank == 0)
		rank = 1;
	for (size_t i = 0; i < DISTRIBUTION_BUCKETS; i++) {
		seen += buckets[i];
		if (seen >= rank)
			return distribution_high(i) < max ? distribution_high(i) : max;
	}
	return max;
}

static void put_number(char *body, const char *key, uint64_t value)
{
	size_t used = strlen(body);

	snprintf(body + used, MARKER_LINE_MAX - used, " %s=%" PRIu64, key, value);
}

void distribution_encode_head(char ret_body[MARKER_LINE_MAX], const struct distribution_head *h)
{
	snprintf(ret_body, MARKER_LINE_MAX, "distribution kernel=%s", h->kernel);
	put_number(ret_body, "worker", h->worker);
	put_number(ret_body, "n", h->n);
	put_number(ret_body, "sum", h->sum);
	put_number(ret_body, "min", h->min);
	put_number(ret_body, "max", h->max);
	put_number(ret_body, "time", h->time_ns);
	if (h->lost_ns != DISTRIBUTION_NONE)
		put_number(ret_body, "lost", h->lost_ns);
	if (h->quantum_ns)
		put_number(ret_body, "quantum", h->quantum_ns);
	if (h->threshold_ns)
		put_number(ret_body, "threshold", h->threshold_ns);
}

int distribution_encode_buckets(char ret_body[MARKER_LINE_MAX], const struct distribution_head *h,
	const struct distribution *d, size_t *from)
{
	char data[DISTRIBUTION_DATA_MAX], *to = data;
	size_t next = 0;

	for (; *from < DISTRIBUTION_BUCKETS; ++*from) {
		if (!d->buckets[*from])
			continue;
		if ((size_t)(to - data) + 2UL * DIGITS_MAX > sizeof(data))
			break;
		to = digits_put(to, *from - next);
		to = digits_put(to, d->buckets[*from]);
		next = *from + 1;
	}
	if (to == data)
		return 0;
	snprintf(ret_body, MARKER_LINE_MAX, "buckets kernel=%s worker=%" PRIu64 " data=%.*s",
		h->kernel, h->worker, (int)(to - data), data);
	return 1;
}

int distribution_encode_largest(char ret_body[MARKER_LINE_MAX], const struct distribution_head *h,
	const struct distribution *d)
{
	char data[2 * DISTRIBUTION_LARGEST * DIGITS_MAX], *to = data;
	uint64_t base = UINT64_MAX;

	_Static_assert(sizeof(data) <= DISTRIBUTION_DATA_MAX, "all of the largest are in one line");
	if (d->n_largest == 0)
		return 0;
	for (size_t i = 0; i < d->n_largest; i++)
		if (d->largest[i].at_ns < base)
			base = d->largest[i].at_ns;
	for (size_t i = 0; i < d->n_largest; i++) {
		to = digits_put(to, d->largest[i].value);
		to = digits_put(to, d->largest[i].at_ns - base);
	}
	snprintf(ret_body, MARKER_LINE_MAX,
		"largest kernel=%s worker=%" PRIu64 " t=%" PRIu64 " data=%.*s", h->kernel,
		h->worker, base, (int)(to - data), data);
	return 1;
}

/* 0 where @key lacks and @missing is not NULL: *ret is *@missing then. */
static int get(const struct marker *m, const char *key, const uint64_t *missing, uint64_t *ret)
{
	int r = marker_get_u64(m, key, ret);

	if (r == -ENODATA && missing) {
		*ret = *missing;
		return 0;
	}
	if (r < 0)
		return r == -ENODATA ? r : -EBADMSG;
	return *ret > INT64_MAX ? -EBADMSG : 0;
}

bool distribution_kernel_is_good(const char *kernel)
{
	size_t n = strlen(kernel);

	return n > 0 && n < DISTRIBUTION_NAME &&
	       strspn(kernel, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int distribution_decode_head(const struct marker *m, struct distribution_head *ret)
{
	static const uint64_t zero, none = DISTRIBUTION_NONE;
	const char *kernel = marker_get(m, "kernel");
	struct distribution_head h = {.worker = 0};
	const struct {
		const char *key;
		const uint64_t *missing;
		uint64_t *value;
	} fields[] = {
		{"worker", NULL, &h.worker},
		{"n", NULL, &h.n},
		{"sum", NULL, &h.sum},
		{"min", NULL, &h.min},
		{"max", NULL, &h.max},
		{"time", NULL, &h.time_ns},
		{"lost", &none, &h.lost_ns},
		{"quantum", &zero, &h.quantum_ns},
		{"threshold", &zero, &h.threshold_ns},
	};

	if (strcmp(m->kind, "distribution") != 0 || !kernel)
		return -ENODATA;
	if (!distribution_kernel_is_good(kernel))
		return -EBADMSG;
	memcpy(h.kernel, kernel, strlen(kernel) + 1);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int r = get(m, fields[i].key, fields[i].missing, fields[i].value);

		if (r < 0)
			return r;
	}
	if (h.min > h.max || (h.n == 0 && h.max))
		return -EBADMSG;
	*ret = h;
	return 0;
}

int distribution_decode_buckets(const struct marker *m, uint64_t *buckets, uint64_t *ret_n)
{
	const char *text = marker_get(m, "data");
	uint64_t next = 0, gap, count, n = 0;

	if (strcmp(m->kind, "buckets") != 0 || !text)
		return -ENODATA;
	while (*text) {
		if (digits_get(&text, &gap) < 0 || digits_get(&text, &count) < 0 ||
			gap >= DISTRIBUTION_BUCKETS - next || count > INT64_MAX - n ||
			count > INT64_MAX - buckets[next + gap])
			return -EBADMSG;
		buckets[next + gap] += count;
		n += count;
		next += gap + 1;
		if (next == DISTRIBUTION_BUCKETS && *text)
			return -EBADMSG;
	}
	*ret_n = n;
	return 0;
}

int distribution_decode_largest(
	const struct marker *m, struct distribution_value *ret, size_t *ret_n)
{
	const char *text = marker_get(m, "data");
	uint64_t base, since;
	size_t n = 0;

	if (strcmp(m->kind, "largest") != 0 || !text || get(m, "t", NULL, &base) < 0)
		return -ENODATA;
	for (; *text; n++) {
		if (n == DISTRIBUTION_LARGEST || digits_get(&text, &ret[n].value) < 0 ||
			digits_get(&text, &since) < 0 || since > INT64_MAX - base)
			return -EBADMSG;
		ret[n].at_ns = base + since;
	}
	*ret_n = n;
	return 0;
}
