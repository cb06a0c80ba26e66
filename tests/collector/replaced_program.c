/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Is replaced on disk while it runs, and so is its library, which it has then mapped for an instant only:
 * replaced_program SECONDS LIBRARY OTHER_LIBRARY PROGRAM OTHER_PROGRAM. Then it works, in one function of
 * its own and in one of the library.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "replaced_work.h"

WORK(work_of_the_program, 1103515245)

static int replace(const char *file, const char *by)
{
	if (rename(by, file) == 0)
		return 0;
	perror(file);
	return 1;
}

int main(int argc, char **argv)
{
	void (*work_of_the_library)(double seconds);
	double seconds;
	void *library;

	if (argc != 6)
		return 2;
	seconds = strtod(argv[1], NULL);
	library = dlopen(argv[2], RTLD_NOW);
	if (replace(argv[2], argv[3]) || replace(argv[4], argv[5]) || !library)
		return 1;
	*(void **)&work_of_the_library = dlsym(library, "work_of_the_library");
	if (!work_of_the_library)
		return 1;
	work_of_the_program(seconds);
	work_of_the_library(seconds);
	return 0;
}
