/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The two documents of a plan, the second after the first line's end: what --resume reads. */

#include <stdlib.h>
#include <string.h>

#include "collector/experiment/plan_document.h"
#include "collector/options/option_table.h"
#include "common/cleanup.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	char *local = text ? strchr(text, '\n') : NULL, id[SHA256_HEX_SIZE];
	struct options o;
	struct plan_document d;
	struct error error;

	if (!local)
		return 0;
	*local++ = '\0';
	if (plan_document_parse(text, local, &d, &error) < 0)
		return 0;
	if (options_default(&o, &error) == 0) {
		plan_document_apply(&d, &o, &error);
		options_done(&o);
	}
	plan_document_id(&d, id);
	plan_document_done(&d);
	return 0;
}
