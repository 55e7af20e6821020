/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about events, and about handles themselves. */
#include "core/event.h"
#include "hcall/decode.h"

HCALL(event_bind)
{
	struct handle h = { .type = HANDLE_EVENT,
			    .rights = PV_RIGHT_SEND | PV_RIGHT_GRANT,
			    .obj = p->id,
			    .obj_gen = p->gen,
			    .arg = (u32)a1 };
	int err;

	if (a2 >= p->nr_vcpus)
		return PV_EINVAL;
	err = handle_install(self(), &h, value);
	return err ? err : event_bind(p, (u32)a1, (u32)a2);
}

static int send(u64 event)
{
	struct partition *p;
	struct handle h;
	int err;

	err = handle_name(self(), event, HANDLE_EVENT, PV_RIGHT_SEND, &h);
	if (err)
		return err;
	p = partition_live(h.obj, h.obj_gen);
	if (!p)
		return PV_EHANDLE;
	event_send(p, h.arg);
	return PV_OK;
}

HCALL_PLAIN(event_send)
{
	return ret(send(a0));
}

HCALL_PLAIN(event_send_wait)
{
	int err = send(a0);

	return ret(err ? err : vcpu_wait(vcpu_current(), a1));
}

HCALL(handle_derive)
{
	if (a2 & ~(u64)PV_RIGHT_ALL)
		return PV_EINVAL;
	return handle_derive(self(), a1, p, (u32)a2, value);
}

HCALL(handle_close)
{
	return handle_revoke(p, a0);
}
