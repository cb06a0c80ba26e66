/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the hypervisor's hands to main(), and out again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests/bare/acpi.h"
#include "guests/bare/clock.h"
#include "guests/bare/console.h"
#include "guests/bare/memory.h"
#include "guests/bare/program.h"
#include "guests/bare/trap.h"
#include "guests/bare/vcpu.h"

#define COMMAND_MAX 4096
#define WORDS_MAX   256

_Noreturn void boot_main(const struct pvh_start *start);

static char command_line[COMMAND_MAX];
static char *words[WORDS_MAX + 1];
static int n_words;

static void add_word(char *word)
{
	if (n_words == WORDS_MAX)
		panic("more than %d words in the command line", WORDS_MAX);
	words[n_words++] = word;
}

/* Words are separated by spaces; there are no quotes. */
static void split(char *line)
{
	for (;;) {
		while (*line == ' ')
			*line++ = '\0';
		if (!*line)
			return;
		add_word(line);
		line += strcspn(line, " ");
	}
}

static void read_command_line(const struct pvh_start *start)
{
	static char name[] = "bare", option[] = "-file", none[] = "none";
	const char *given = (const char *)start->command_line;
	size_t length = given ? strlen(given) : 0;

	if (length >= sizeof(command_line))
		panic("the command line is too long (over %d bytes)", COMMAND_MAX - 1);
	if (given)
		memcpy(command_line, given, length + 1);
	add_word(name);
	/* The default for mandelbrot's; what follows overrides it. */
	add_word(option);
	add_word(none);
	split(command_line);
}

__attribute__((weak)) void program_boots(int argc, char **argv)
{
	(void)argc;
	(void)argv;
}

static void run_program(void *unused)
{
	int status;

	(void)unused;
	program_boots(n_words, words);
	printf("bare: program\n"); /* guests/stacks/bare.c listens for it */
	status = main(n_words, words);
	printf("bare: exit status %d\n", status);
	acpi_power_off();
}

void boot_main(const struct pvh_start *start)
{
	console_init();
	vcpu_init_first();
	if (start->magic != PVH_MAGIC)
		panic("not started by PVH");
	read_command_line(start);
	acpi_init(start->rsdp);
	memory_init(start);
	clock_init();
	vcpu_init_others();
	vcpu_run_first(run_program, NULL);
}
