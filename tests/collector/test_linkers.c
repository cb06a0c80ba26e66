/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions have their own names whatever linker laid out the file: where segments begin within a
 * page, a mapping begins in the end of another segment. The truth are the addresses that a program
 * says of its own functions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "collector/symbols/symbol_process.h"
#include "collector/symbols/symbols.h"
#include "common/cleanup.h"
#include "temporary.h"

#define FUNCTIONS 24 /* of more than 500 bytes each, so that they are on several pages */

static const char *const linkers[] = {"bfd", "lld", "mold", "gold"};

/* Position independent or not, huge pages, code and data on one page. */
static const char *const layouts[][2] = {
	{"-pie", "-Wl,-z,max-page-size=4096"},
	{"-no-pie", "-Wl,-z,max-page-size=4096"},
	{"-pie", "-Wl,-z,max-page-size=0x200000"},
	{"-pie", "-Wl,-z,noseparate-code"},
};

static void write_program(void)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	fputs("#include <stdint.h>\n#include <unistd.h>\n", f);
	for (int i = 0; i < FUNCTIONS; i++) {
		fprintf(f, "__attribute__((noinline)) void fn_%02d(volatile double *x) {\n", i);
		for (int j = 0; j < 40; j++)
			fprintf(f, "*x = *x * 1.00%02d%02d1;\n", i, j);
		fputs("}\n", f);
	}
	fputs("int main(void) {\n\tuintptr_t all[] = {", f);
	for (int i = 0; i < FUNCTIONS; i++)
		fprintf(f, "(uintptr_t)fn_%02d, ", i);
	fputs("};\n\treturn write(1, all, sizeof(all)) == (long)sizeof(all) ? pause() : 1;\n}\n",
		f);
	fclose(f);
	write_text("program.c", text);
}

/** False if there is no such linker here, or it does not know the options. */
static bool link_program(const char *linker, const char *const layout[2])
{
	char use[32];
	char *argv[] = {"cc", "-O1", use, (char *)layout[0], (char *)layout[1], "-o",
		(char *)in_dir("program"), (char *)in_dir("program.c"), NULL};
	int status;
	pid_t pid;

	snprintf(use, sizeof(use), "-fuse-ld=%s", linker);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(127);
		execvp(argv[0], argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void look_up(const uint64_t *functions, pid_t pid)
{
	struct symbols *s;

	assert_int_equal(symbols_new(&s, NULL), 0);
	assert_int_equal(symbols_process_add_maps(s, pid), 0);
	for (int i = 0; i < FUNCTIONS; i++) {
		char expected[16];
		struct symbol y;

		snprintf(expected, sizeof(expected), "fn_%02d", i);
		assert_int_equal(symbols_lookup_user(s, pid, functions[i] + 9, &y), 0);
		assert_string_equal(y.name, expected);
		assert_int_equal(y.offset, 9);
	}
	symbols_free(s);
}

static void functions_are_found(void)
{
	uint64_t functions[FUNCTIONS];
	int ready[2], status;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ready[1], STDOUT_FILENO);
		execl(in_dir("program"), "program", (char *)NULL);
		_exit(127);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], functions, sizeof(functions)), sizeof(functions));
	close(ready[0]);
	look_up(functions, pid);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void every_linker_s_functions_have_their_names(void **state)
{
	(void)state;
	write_program();
	for (size_t i = 0; i < ARRAY_SIZE(linkers); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(layouts); k++) {
			if (link_program(linkers[i], layouts[k]))
				functions_are_found();
			else
				print_message("not tried: %s %s\n", linkers[i], layouts[k][1]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_linker_s_functions_have_their_names),
	};

	return cmocka_run_group_tests(tests, temporary_make, temporary_remove);
}
