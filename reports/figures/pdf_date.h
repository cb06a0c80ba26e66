/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The date of creation in a PDF that cairo made. */

#include <stddef.h>

#define PDF_DATE_DIGITS 14 /**< YYYYMMDDhhmmss */

/**
 * Replace the date of creation in @text, so that the same drawing is the same file whenever it is
 * drawn. Until cairo 1.16 the date stands there in plain text; since 1.18 it lies in a compressed
 * stream of objects, whose length changes with it, and with that what the cross-references say of
 * places behind it. A file without a date, or of a form that is not known, stays as it is.
 *
 * @text, @length: the file, allocated; replaced, and the old one freed, where the length changes.
 * @digits: PDF_DATE_DIGITS characters.
 *
 * Returns 1 if the date was replaced, 0 if there is none; -ENOMEM.
 */
int pdf_set_date(char **text, size_t *length, const char *digits);
