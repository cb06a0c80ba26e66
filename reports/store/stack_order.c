/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/store/stack_order.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

static const char *const words[] = {[ORDER_GUEST] = "guest", [ORDER_HOST] = "host"};

/* What no store has. */
static const struct store_frame frame_unknown = {STORE_NULL, "user", "", "[unknown]", false},
				frame_cut = {STORE_NULL, "user", "", "[deeper frames cut]", false},
				frame_guest = {STORE_NULL, "boundary", "guest", STACK_GUEST, false},
				frame_hypervisor = {
					STORE_NULL, "boundary", "", STACK_HYPERVISOR, false};

int stack_order_parse(const char *word, enum stack_order *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum stack_order)i;
			return 0;
		}
	return -EINVAL;
}

/** As the store has them. */
static size_t read_frames(const struct store_stacks *stacks, int64_t id,
	const struct store_frame *ret[static STACK_DEPTH_MAX])
{
	size_t n = 0;

	while (id != STORE_NULL) {
		const struct store_stack *stack = store_stack(stacks, id);
		const struct store_frame *frame;

		if (!stack)
			break;
		/* Two more may come: see guest_first(). */
		if (n == STACK_DEPTH_MAX - 3) {
			ret[n++] = &frame_cut;
			break;
		}
		frame = store_frame(stacks, stack->frame);
		ret[n++] = frame ? frame : &frame_unknown;
		id = stack->parent;
	}
	if (n == 0)
		ret[n++] = &frame_unknown;
	return n;
}

static bool is_guest(const struct store_frame *f)
{
	return strncmp(f->side, "guest-", 6) == 0;
}

static bool is_boundary(const struct store_frame *f)
{
	return strcmp(f->side, "boundary") == 0;
}

/** The guest's own code, within a stack of the host's. */
static bool is_place(const struct store_frame *f)
{
	return is_boundary(f) && (strcmp(f->symbol, STACK_GENERATED) == 0 ||
					 strcmp(f->symbol, STACK_GUEST_MODE) == 0);
}

/**
 * Where the frames of the host begin that work for the guest, of whose frames there are @n_guest; @n:
 * there are none, the guest's own code was hit. Stores that were made before stacks were whole have one
 * kind of boundary: there KVM's guest is what ioctl called.
 */
static size_t find_host(const struct store_frame *const *frames, size_t n, size_t n_guest)
{
	size_t at = n_guest + 1;

	if (n_guest == 0)
		return is_boundary(frames[0]) ? n : 0;
	if (n_guest == n || is_place(frames[n_guest]))
		return n;
	return at < n && strcmp(frames[at]->symbol, "ioctl") == 0 ? n : at;
}

/** Bring @n frames into the other order; returns how many there are then. */
static size_t guest_first(const struct store_frame *frames[static STACK_DEPTH_MAX], size_t n)
{
	const struct store_frame *host[STACK_DEPTH_MAX];
	size_t n_guest = 0, n_host = 0, at;

	while (n_guest < n && is_guest(frames[n_guest]))
		n_guest++;
	at = find_host(frames, n, n_guest);
	while (at + n_host < n && !is_place(frames[at + n_host])) {
		host[n_host] = frames[at + n_host];
		n_host++;
	}
	if (n_guest == 0 && n_host == n)
		return n; /* nothing of it is for the guest */
	for (size_t i = n_guest; i-- > 0;)
		frames[n_host + (n_host > 0) + i] = frames[i];
	for (size_t i = 0; i < n_host; i++)
		frames[i] = host[i];
	if (n_host > 0)
		frames[n_host++] = &frame_hypervisor;
	if (n_guest == 0) /* nothing is known of it but that it ran */
		frames[n_host + n_guest++] = &frame_guest;
	return n_host + n_guest;
}

size_t stack_order_frames(const struct store_stacks *stacks, int64_t id,
	const struct store_frame *ret[static STACK_DEPTH_MAX])
{
	size_t n = read_frames(stacks, id, ret);

	return stacks->order == ORDER_GUEST ? guest_first(ret, n) : n;
}
