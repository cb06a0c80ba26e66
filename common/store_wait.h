/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Waiting for a store that another program has locked. */

#include <signal.h>

#include <sqlite3.h>

/**
 * From now on statements on @db wait for locks of other programs as long as it takes, with a word
 * on standard error after a second. What was measured must not be lost since somebody looks into
 * it.
 */
void store_wait(sqlite3 *db);

/** But no longer than until *@interrupted is not 0: then they end with SQLITE_BUSY. */
void store_wait_heed(const volatile sig_atomic_t *interrupted);
