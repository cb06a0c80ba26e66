/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/fractal.h"

#include "workload/gomath.h"

/*
 * Each point is a chain of dependent operations that leaves most of a processor idle, so several
 * points of a row go side by side: VECTORS × 2 lanes. Every lane does the very operations of the
 * scalar program in the same order, so the picture is the same to the last bit. A lane that is done
 * takes the row's next point at once.
 */
#define VECTORS 2
#define LANES   (VECTORS * 2)

typedef double vec __attribute__((vector_size(16)));
typedef int64_t vec_mask __attribute__((vector_size(16)));

struct lanes {
	vec x[VECTORS], y[VECTORS];   /* the orbit */
	vec cx[VECTORS], cy[VECTORS]; /* the point */
	int64_t born[LANES];          /* the step at which the lane took its point */
	uint32_t pixel[LANES];
	unsigned live; /* bit set of lanes that have a point */
};

void fractal_frame(struct fractal *f, double x, double y, double extent)
{
	double ratio = (double)f->height / (double)f->width;

	f->x_min = x - extent / 2.0;
	f->x_span = go_abs(x + extent / 2.0) - f->x_min;
	f->y_min = y - extent * ratio / 2.0;
	f->y_span = go_abs(y + extent * ratio / 2.0) - f->y_min;
}

/** Bit i is set where lane i of the pair has |z|^2 > 4. */
static inline unsigned escaped(vec norm)
{
	vec_mask mask = norm > (vec){4, 4};

#ifdef __SSE2__
	return (unsigned)__builtin_ia32_movmskpd((vec)mask);
#else
	return (unsigned)(mask[0] & 1) | (unsigned)(mask[1] & 2);
#endif
}

/**
 * Advance all lanes from step @step until one of them escapes (before its update) or @limit is
 * reached. Returns the step; *ret_escaped has a bit for each escaped lane, ret_norm its |z|^2.
 */
static inline int64_t advance(
	struct lanes *l, int64_t step, int64_t limit, unsigned *ret_escaped, vec ret_norm[VECTORS])
{
	vec x0 = l->x[0], x1 = l->x[1], y0 = l->y[0], y1 = l->y[1];
	const vec cx0 = l->cx[0], cx1 = l->cx[1], cy0 = l->cy[0], cy1 = l->cy[1];

	*ret_escaped = 0;
	for (; step < limit; step++) {
		vec xy0 = x0 * y0, xx0 = x0 * x0, yy0 = y0 * y0, norm0 = xx0 + yy0;
		vec xy1 = x1 * y1, xx1 = x1 * x1, yy1 = y1 * y1, norm1 = xx1 + yy1;

		*ret_escaped = escaped(norm0) | escaped(norm1) << 2;
		if (*ret_escaped) {
			ret_norm[0] = norm0;
			ret_norm[1] = norm1;
			break;
		}
		x0 = xx0 - yy0 + cx0;
		x1 = xx1 - yy1 + cx1;
		y0 = xy0 + xy0 + cy0; /* twice is exact, however it is done */
		y1 = xy1 + xy1 + cy1;
	}
	l->x[0] = x0;
	l->x[1] = x1;
	l->y[0] = y0;
	l->y[1] = y1;
	return step;
}

/** Colour of a point that took @iterations steps and ended with @norm. */
static void paint(const struct fractal *f, uint8_t *rgba, double norm, int64_t iterations)
{
	double value = (double)(f->max_iteration - iterations) + go_log(norm);
	int64_t index = go_int(go_abs(value));

	if (index >= 0 && (uint64_t)index + 1 < f->n_scale) {
		/* The weight is a whole number, often a large one; all of it wraps at 32 bits. */
		uint32_t weight = go_uint32(value);
		uint32_t colour = f->scale[index] * (1 - weight) + f->scale[index + 1] * weight;

		rgba[0] = (uint8_t)(colour >> 24);
		rgba[1] = (uint8_t)(colour >> 16);
		rgba[2] = (uint8_t)(colour >> 8);
		rgba[3] = 255;
	} else {
		rgba[0] = rgba[1] = rgba[2] = rgba[3] = 0;
	}
}

/** Give lane @lane the row's next point, or, when there is none, one that never ends. */
static void refill(const struct fractal *f, struct lanes *l, unsigned lane, int64_t step,
	uint32_t *next, double y)
{
	unsigned v = lane / 2, i = lane % 2;

	l->x[v][i] = l->y[v][i] = 0;
	if (*next == f->width) {
		l->cx[v][i] = l->cy[v][i] = 0;
		l->live &= ~(1u << lane);
		return;
	}
	l->cx[v][i] = f->x_min + f->x_span * (double)*next / (double)(f->width - 1);
	l->cy[v][i] = y;
	l->born[lane] = step;
	l->pixel[lane] = (*next)++;
	l->live |= 1u << lane;
}

void fractal_row(const struct fractal *f, uint32_t row, uint8_t *ret_rgba)
{
	const double y = f->y_min + f->y_span * (double)row / (double)(f->height - 1);
	struct lanes l = {.live = 0};
	uint32_t next = 0;
	int64_t step = 0;

	for (unsigned lane = 0; lane < LANES; lane++)
		refill(f, &l, lane, step, &next, y);

	while (l.live) {
		int64_t limit = INT64_MAX;
		vec norm[VECTORS];
		unsigned done;

		for (unsigned lane = 0; lane < LANES; lane++)
			if (l.live & 1u << lane && l.born[lane] + f->max_iteration < limit)
				limit = l.born[lane] + f->max_iteration;
		step = advance(&l, step, limit, &done, norm);

		for (unsigned lane = 0; lane < LANES; lane++) {
			unsigned v = lane / 2, i = lane % 2;
			double value;

			if (!(l.live & 1u << lane))
				continue;
			if (done & 1u << lane)
				value = norm[v][i];
			else if (!done && l.born[lane] + f->max_iteration == step)
				value = (l.x[v][i] * l.x[v][i] + l.y[v][i] * l.y[v][i]) / 2;
			else
				continue;
			paint(f, ret_rgba + (size_t)l.pixel[lane] * 4, value, step - l.born[lane]);
			refill(f, &l, lane, step, &next, y);
		}
	}
}
