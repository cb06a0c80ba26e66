/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** JSON documents, made value by value; what is not known is null. */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/store_format.h"

/*
 * jansson's "set new" functions accept NULL values and then fail, so a document is built without a
 * check at each step and the failures are or-ed together in @bad.
 */
static inline bool put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) < 0;
}

static inline json_t *number(int64_t value)
{
	return value == STORE_NULL ? json_null() : json_integer(value);
}

static inline json_t *real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static inline json_t *text(const char *value)
{
	return value ? json_string(value) : json_null();
}

static inline json_t *truth(int64_t value)
{
	return value == STORE_NULL ? json_null() : json_boolean(value != 0);
}

static inline json_t *finish(json_t *value, bool bad)
{
	if (!bad)
		return value;
	json_decref(value);
	return NULL;
}
