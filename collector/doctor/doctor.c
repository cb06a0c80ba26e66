/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/doctor/doctor.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "collector/doctor/doctor_internal.h"
#include "common/cleanup.h"
#include "guests/guest.h"
#include "guests/stacks/stacks.h"

#define EXIT_STATUS_MISSING 3

static const char *const status_names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_LIMITED] = "limited",
	[DOCTOR_MISSING] = "missing",
};

/* "ok", "limited", "missing". */
static const char *doctor_status_name(enum doctor_status status)
{
	return status_names[status];
}

void doctor_find(struct finding *f, enum doctor_status status, const char *format, ...)
{
	va_list ap;

	f->status = status;
	va_start(ap, format);
	vsnprintf(f->text, sizeof(f->text), format, ap);
	va_end(ap);
}

void doctor_fix(struct finding *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->fix, sizeof(f->fix), format, ap);
	va_end(ap);
}

struct visit {
	doctor_each_t each;
	void *userdata;
	int essential_missing;
};

static void tell(struct visit *v, const char *name, const struct finding *f, bool essential)
{
	const struct doctor_check check = {
		.name = name,
		.status = f->status,
		.finding = f->text,
		.fix = f->fix[0] ? f->fix : NULL,
		.essential = essential,
	};

	if (essential && f->status == DOCTOR_MISSING)
		v->essential_missing++;
	v->each(&check, v->userdata);
}

static void run_rows(struct visit *v, const struct doctor_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct finding f = {0};

		rows[i].check(&f);
		tell(v, rows[i].name, &f, rows[i].essential);
	}
}

/* Each stack knows best what it needs; any program does for the question whether it could run. */
static void run_stacks(struct visit *v)
{
	for (const struct guest_ops *const *ops = guest_table; *ops; ops++) {
		struct guest_spec spec = {
			.lanes = 1,
			.program = "/proc/self/exe",
			.accel = (*ops)->is_vm ? ACCEL_TCG : ACCEL_NONE,
			.nonce = "00000000",
		};
		struct error error = {0};
		struct finding f = {0};
		char name[64];

		snprintf(name, sizeof(name), "stack %s", (*ops)->name);
		if ((*ops)->available(&spec, &error) < 0 ||
			((*ops)->trial && (*ops)->trial(&error) < 0))
			doctor_find(&f, DOCTOR_MISSING, "%s", error.text);
		else
			doctor_find(&f, DOCTOR_OK, "can be run");
		tell(v, name, &f, false);
	}
}

int doctor_run(doctor_each_t each, void *userdata)
{
	struct visit v = {.each = each, .userdata = userdata};

	run_rows(&v, doctor_kernel_rows, doctor_kernel_rows_n);
	run_rows(&v, doctor_probe_rows, doctor_probe_rows_n);
	run_rows(&v, doctor_machine_rows, doctor_machine_rows_n);
	run_rows(&v, doctor_stack_rows, doctor_stack_rows_n);
	run_stacks(&v);
	return v.essential_missing;
}

static void print_row(const struct doctor_check *c, void *userdata)
{
	FILE *out = userdata;

	fprintf(out, "%-8s %-20s %s\n", doctor_status_name(c->status), c->name, c->finding);
	if (c->fix)
		fprintf(out, "%-8s %-20s -> %s\n", "", "", c->fix);
}

static void add_row(const struct doctor_check *c, void *userdata)
{
	json_t **rows = userdata;
	json_t *row = json_pack("{s:s, s:s, s:s, s:s?, s:b}", "name", c->name, "status",
		doctor_status_name(c->status), "finding", c->finding, "fix", c->fix, "essential",
		c->essential);

	/* Other programs' words may not be UTF-8; then the check is told without them. */
	if (!row)
		row = json_pack("{s:s, s:s, s:s, s:n, s:b}", "name", c->name, "status",
			doctor_status_name(c->status), "finding", "", "fix", "essential",
			c->essential);
	if (json_array_append_new(*rows, row) < 0) {
		json_decref(*rows);
		*rows = NULL;
	}
}

static int print_json(FILE *out, int *ret_missing)
{
	json_t *rows = json_array(), *document;
	int missing = doctor_run(add_row, &rows), r;

	if (!rows)
		return -ENOMEM;
	document = json_pack("{s:o, s:b}", "checks", rows, "usable", missing == 0);
	if (!document)
		return -ENOMEM;
	r = json_dumpf(document, out, JSON_INDENT(2));
	json_decref(document);
	if (r < 0 || fputc('\n', out) == EOF)
		return -EIO;
	*ret_missing = missing;
	return 0;
}

int doctor_print(FILE *out, bool json, struct error *error)
{
	int missing, r;

	if (json) {
		r = print_json(out, &missing);
		if (r < 0)
			return error_set_errno(error, r, "cannot write the findings");
	} else {
		missing = doctor_run(print_row, out);
		fprintf(out, "\n%s\n",
			missing ? "Nothing can be measured until the missing items above are fixed."
				: "This machine can be measured; what is limited will be absent or "
				  "less exact.");
	}
	if (fflush(out) == EOF || ferror(out))
		return error_set(error, -EIO, "cannot write the findings");
	return missing ? EXIT_STATUS_MISSING : 0;
}
