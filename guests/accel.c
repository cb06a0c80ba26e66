/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which accelerator a virtual machine gets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text_file.h"
#include "guests/guest.h"

static const char *const accel_names[] = {
	[ACCEL_NONE] = "none",
	[ACCEL_AUTO] = "auto",
	[ACCEL_KVM] = "kvm",
	[ACCEL_TCG] = "tcg",
};

const char *accel_name(enum accel accel)
{
	return (size_t)accel < ARRAY_SIZE(accel_names) ? accel_names[accel] : "unknown";
}

/* Does the processor itself say that it can virtualise? */
static bool cpu_virtualises(void)
{
	_cleanup_free_ char *flags = file_value("flags", "/proc/cpuinfo");

	return has_word(flags, "vmx") || has_word(flags, "svm");
}

/* 0 or -errno with the reason. /dev/kvm is not even opened where the processor lacks vmx and svm:
 * there it would be a software imitation that is slower than plain emulation. */
static int kvm_usable(const char **ret_reason)
{
	_cleanup_close_ int fd = -EBADF;

	if (!cpu_virtualises()) {
		*ret_reason = "the processor reports neither vmx nor svm";
		return -ENODEV;
	}
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return 0;
	if (errno == EACCES || errno == EPERM)
		*ret_reason = "/dev/kvm may not be opened by this user (join the group kvm)";
	else
		*ret_reason = "/dev/kvm does not open (is the module kvm_intel or kvm_amd loaded?)";
	return -ENODEV;
}

int accel_resolve(enum accel asked, enum accel *ret, const char **ret_reason, struct error *error)
{
	const char *reason = "KVM: /dev/kvm opens and the processor reports vmx or svm";
	enum accel chosen = asked;

	if (asked == ACCEL_KVM || asked == ACCEL_AUTO) {
		int r = kvm_usable(&reason);

		if (r < 0 && asked == ACCEL_KVM)
			return error_set(error, r, "KVM was asked for, but %s", reason);
		chosen = r < 0 ? ACCEL_TCG : ACCEL_KVM;
	} else if (asked == ACCEL_TCG) {
		reason = "emulation was asked for";
	} else {
		reason = "no virtual machine";
	}
	*ret = chosen;
	if (ret_reason)
		*ret_reason = reason;
	return 0;
}
