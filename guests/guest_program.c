/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/guest_program.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/pin_variable.h"
#include "guests/process/command.h"

int guest_program_argv(
	const struct guest_spec *spec, const char *program, const char *output_file, char ***ret)
{
	struct strv v = {0};

	strv_add(&v, program);
	strv_add(&v, "-cores");
	strv_addf(&v, "%u", spec->lanes);
	strv_add(&v, "-markers");
	strv_add(&v, "-rows");
	strv_add_all(&v, spec->arguments);
	strv_add(&v, "-file");
	strv_add(&v, output_file);
	return strv_take(&v, ret);
}

char *guest_pin_variable(const struct guest_spec *spec)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputs(PIN_VARIABLE "=", f);
	for (unsigned i = 0; spec->lane_cpus && i < spec->lanes; i++)
		fprintf(f, "%s%d", i ? "," : "", spec->lane_cpus[i]);
	if (!spec->lane_cpus)
		fputs("none", f);
	return fclose(f) == 0 ? TAKE_PTR(text) : NULL;
}
