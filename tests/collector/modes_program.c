/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program with two modes: modes_program MS_ODD MS_EVEN RUN sleeps for the one time in odd runs and for
 * the other in even ones.
 */
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	long ms = argc == 4 ? atol(argv[atol(argv[3]) % 2 ? 1 : 2]) : -1;
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	return ms < 0 || nanosleep(&t, NULL) != 0;
}
