/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about text: the caller's console, and other partitions'. */
#include "core/console.h"
#include "core/event.h"
#include "hcall/decode.h"

static struct console_text text(gpa_t at, u64 n)
{
	return (struct console_text){ caller(), at, n };
}

int call_console_write(gpa_t buf, u64 len, u64 *written)
{
	struct partition *p = caller();
	bool first;
	int err = console_put(&p->out, text(buf, len), written, &first);

	if (!err && first)
		partition_notify(p, PV_NOTIFY_OUTPUT);
	return err;
}

int call_console_read(gpa_t buf, u64 len, u64 *taken)
{
	return console_get(&caller()->in, text(buf, len), taken);
}

int call_partition_console_read(struct partition *part, gpa_t buf, u64 len,
				u64 *taken)
{
	return console_get(&part->out, text(buf, len), taken);
}

int call_partition_console_write(struct partition *part, gpa_t buf, u64 len,
				 u64 *written)
{
	bool first;
	int err = console_put(&part->in, text(buf, len), written, &first);

	if (!err)
		event_send(part, part->in_port);
	return err;
}
