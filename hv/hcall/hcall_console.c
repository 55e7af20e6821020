/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about text: the caller's console, and other partitions'. */
#include "core/console.h"
#include "core/event.h"
#include "hcall/decode.h"

int call_console_write(gpa_t buf, u64 len, u64 *written)
{
	struct partition *p = caller();
	struct console_text t = { p, buf, len };
	bool first;
	int err = console_put(&p->out, t, written, &first);

	if (!err && first)
		partition_notify(p, PV_NOTIFY_OUTPUT);
	return err;
}

int call_console_read(gpa_t buf, u64 len, u64 *taken)
{
	struct console_text t = { caller(), buf, len };

	return console_get(&caller()->in, t, taken);
}

int call_partition_console_read(struct partition *part, gpa_t buf, u64 len,
				u64 *taken)
{
	struct console_text t = { caller(), buf, len };

	return console_get(&part->out, t, taken);
}

int call_partition_console_write(struct partition *part, gpa_t buf, u64 len,
				 u64 *written)
{
	struct console_text t = { caller(), buf, len };
	bool first;
	int err = console_put(&part->in, t, written, &first);

	if (!err)
		event_send(part, part->in_port);
	return err;
}
