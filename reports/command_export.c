/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report export --format FORMAT DIR...: files that other programs read. */
#include <errno.h>

#include "common/cleanup.h"
#include "reports/command.h"
#include "reports/report.h"

int command_export(const struct report_options *o, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	_cleanup_analysis_ struct analysis *a = NULL;
	_cleanup_free_ char *folder = command_target(o, o->paths[0]);
	const struct report_target target = {
		.folder = folder, .replace = !o->output || o->force, .written = command_print_path};
	const struct export_format *format = NULL;
	int r;

	if (!folder)
		return error_set_errno(error, -ENOMEM, "cannot export");
	if (!o->format)
		return error_set_user(
			error, -EINVAL, "export needs a format: report export --format csv DIR");
	r = export_find(o->format, &format, error);
	if (r >= 0)
		r = command_open(o, &store, error);
	if (r >= 0)
		r = analysis_make(store, &a, error);
	return r < 0 ? r : report_export(a, format, &target, error);
}
