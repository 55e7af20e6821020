/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about text: the caller's console, and other partitions'. */
#include "core/console.h"
#include "core/event.h"
#include "hcall/decode.h"

int call_console_write(gpa_t buf, u64 len, u64 *written)
{
	return console_put(&caller()->out, caller(), buf, len, written);
}

int call_console_read(gpa_t buf, u64 len, u64 *taken)
{
	return console_get(&caller()->in, caller(), buf, len, taken);
}

int call_partition_console_read(struct partition *part, gpa_t buf, u64 len,
				u64 *taken)
{
	return console_get(&part->out, caller(), buf, len, taken);
}

int call_partition_console_write(struct partition *part, gpa_t buf, u64 len,
				 u64 *written)
{
	int err = console_put(&part->in, caller(), buf, len, written);

	if (!err)
		event_send(part, PV_PORT_CONSOLE);
	return err;
}
