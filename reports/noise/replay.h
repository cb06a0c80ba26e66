/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What a step of work would have taken on measured lanes: how far the work of each lane had come at each instant is
 * known, and steps are laid upon that one after the other.
 */

#include <stddef.h>

/** Of so many steps none are laid: no run is long enough for them, however short they are. */
#define REPLAY_STEPS_MAX 1e9

/** The work of a lane, in ns that it takes undisturbed, at instants in between which it grows evenly. */
struct replay_lane {
	double *at_ns, *done_ns;
	double *gone_ns; /**< of the time until then, what is taken out */
	size_t n;
};

/** One more point; none of them goes back. -ENOMEM. */
int replay_point(struct replay_lane *l, double at_ns, double done_ns, double gone_ns);

void replay_clear(struct replay_lane *l);

/** What a step took beyond its work. */
typedef int (*replay_step_t)(double late_ns, void *userdata);

/**
 * Lay steps of @work_ns upon @n lanes, from the first instant that all of them have to the last. A step begins on all lanes
 * at once, and the next when the last of them is done. What is taken out moves no step: it is as it was, without what
 * was taken out of it, so none becomes longer. A negative errno of @step, -ENOMEM, or -EBADMSG: more work than any lane can do.
 */
int replay(const struct replay_lane *lanes, size_t n, double work_ns, replay_step_t step,
	void *userdata);
