/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

int errno;

static const struct {
	int code;
	const char *text;
} texts[] = {
	{EIO, "input/output error"},
	{E2BIG, "too much"},
	{EAGAIN, "no vCPU left"},
	{ENOMEM, "out of memory"},
	{EBUSY, "busy"},
	{ENODEV, "no such vCPU"},
	{EINVAL, "invalid argument"},
	{ENOBUFS, "too long"},
	{ETIMEDOUT, "a vCPU does not start"},
};

char *strerror(int code)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].code == code)
			return (char *)texts[i].text;
	return (char *)"unknown error";
}
