/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about events. */
#include "core/event.h"
#include "hcall/decode.h"

int call_event_bind(struct partition *part, u32 port, struct vcpu *vcpu,
		    u64 *event)
{
	struct handle h = handle_to(HANDLE_EVENT, part, port,
				    PV_RIGHT_SEND | PV_RIGHT_GRANT);
	int err = handle_install(caller(), &h, event);

	if (!err)
		event_bind(part, port, vcpu->id);
	return err;
}

int call_event_send_wait(const struct event *event, u64 deadline)
{
	event_send(event->part, event->port);
	return vcpu_wait(vcpu_current(), deadline);
}
