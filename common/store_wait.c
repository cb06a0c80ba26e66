/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/store_wait.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "common/stream.h"

#define STEP_MS      50
#define SAY_AFTER_MS 1000

static const volatile sig_atomic_t *store_interrupted;

void store_wait_heed(const volatile sig_atomic_t *interrupted)
{
	store_interrupted = interrupted;
}

/* SQLite's: called while another has the lock, for the @times-th time; 0 gives up. */
static int wait_a_step(void *db, int times)
{
	struct timespec t = {.tv_nsec = STEP_MS * 1000000L};

	if (store_interrupted && *store_interrupted)
		return 0;
	if (times == SAY_AFTER_MS / STEP_MS)
		fprintf(stderr, "%swaiting for another program to release %s\n",
			stream_is_terminal(stderr) ? "\r\033[K" : "",
			sqlite3_db_filename(db, "main"));
	nanosleep(&t, NULL);
	return 1;
}

void store_wait(sqlite3 *db)
{
	sqlite3_busy_handler(db, wait_a_step, db);
}
