/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of status values. */
#include "kit/call.h"
#include "pvabi/names.h"

const char *kit_status_name(uint64_t status)
{
	static const char *const names[] = PV_ERROR_NAMES;

	return status < sizeof(names) / sizeof(names[0]) ? names[status] : "?";
}
