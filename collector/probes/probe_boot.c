/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_boot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/symbols/elf_file.h"
#include "common/cleanup.h"
#include "common/spawn.h"
#include "probes/records.h"
/* After it. */
#include "probes/guestscope.skel.h"

struct probe_boot {
	struct bpf_link *links[BOOT_EVENTS]; /* that wait for an event */
	pthread_t closers[BOOT_EVENTS];      /* that take them off again */
	bool closing[BOOT_EVENTS];
};

/* Where the dynamic linker hands over to the program: its entry, as an offset in the file. */
static int entry_offset(const char *path, uint64_t *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file file;
	int r;

	if (fd < 0)
		return -errno;
	r = elf_file_read(fd, &file);
	return r < 0 ? r : elf_address_to_offset(&file, file.entry, ret);
}

static int attach(struct probe_boot *b, enum boot_event event, struct bpf_program *program,
	const struct probe_boot_plan *plan, const char *path, uint64_t offset, const char *function)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .func_name = function);
	struct bpf_link *link =
		bpf_program__attach_uprobe_opts(program, plan->pid, path, offset, &options);

	if (!link)
		return -errno;
	b->links[event] = link;
	return 0;
}

static int attach_breakpoints(struct probe_boot *b, struct guestscope_bpf *bpf,
	const struct probe_boot_plan *plan, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	uint64_t offset = 0;
	int r = spawn_find_program(plan->program, &path), q;

	if (r < 0)
		return error_set_errno(error, r, "%s", plan->program);
	r = entry_offset(path, &offset);
	if (r == 0)
		r = attach(b, BOOT_ENTRY, bpf->progs.on_boot_entry, plan, path, offset, NULL);
	if (r < 0)
		r = error_set_errno(error, r, "cannot watch for the first code of %s", path);
	if (!plan->emulation)
		return r;
	q = attach(b, BOOT_GUEST, bpf->progs.on_boot_cpu_exec, plan, path, 0, plan->emulation);
	if (q < 0)
		r = error_set_errno(error, q, "cannot watch for %s of %s", plan->emulation, path);
	return r;
}

int probe_boot_attach(struct guestscope_bpf *bpf, const struct probe_boot_plan *plan,
	struct probe_boot **ret, struct error *error)
{
	struct probe_boot *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_servers; i++) {
		uint32_t tgid = (uint32_t)plan->servers[i], before = 1;

		bpf_map_update_elem(bpf_map__fd(bpf->maps.servers), &tgid, &before, BPF_ANY);
	}
	*ret = b;
	return attach_breakpoints(b, bpf, plan, error);
}

static void *take_off(void *link)
{
	bpf_link__destroy(link);
	return NULL;
}

/* On a busy machine it takes the kernel a tenth of a second and more to take a breakpoint off; who
 * waited for it would stamp the program's markers as late. */
void probe_boot_seen(struct probe_boot *b, unsigned event)
{
	if (!b || event >= BOOT_EVENTS || !b->links[event] || b->closing[event])
		return;
	b->closing[event] =
		pthread_create(&b->closers[event], NULL, take_off, b->links[event]) == 0;
}

void probe_boot_detach(struct probe_boot *b)
{
	for (unsigned event = 0; b && event < BOOT_EVENTS; event++) {
		if (b->closing[event])
			pthread_join(b->closers[event], NULL);
		else if (b->links[event])
			bpf_link__destroy(b->links[event]);
	}
	free(b);
}
