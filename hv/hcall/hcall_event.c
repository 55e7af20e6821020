/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about events, and about handles themselves. */
#include "core/event.h"
#include "hcall/decode.h"
#include "hcall/wait.h"

HCALL(event_bind)
{
	struct partition *p;
	struct handle h = { .type = HANDLE_EVENT,
			    .rights = PV_RIGHT_SEND | PV_RIGHT_GRANT };
	u64 value;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_SERVE, &p);
	if (err)
		return ret(err);
	if (a1 >= PV_PORTS || a2 >= p->nr_vcpus)
		return ret(PV_EINVAL);
	h.obj = p->id;
	h.obj_gen = p->gen;
	h.arg = (u32)a1;
	err = handle_install(self(), &h, &value);
	if (!err)
		err = event_bind(p, (u32)a1, (u32)a2);
	return ret_value(err, value);
}

static int send(u64 event)
{
	struct partition *p;
	struct handle h;
	int err;

	err = handle_lookup(self(), event, HANDLE_EVENT, PV_RIGHT_SEND, &h);
	if (err)
		return err;
	p = partition_live(h.obj, h.obj_gen);
	if (!p)
		return PV_EHANDLE;
	event_send(p, h.arg);
	return PV_OK;
}

HCALL(event_send)
{
	return ret(send(a0));
}

HCALL(event_send_wait)
{
	int err = send(a0);

	return ret(err ? (u64)err : vcpu_wait(vcpu_current(), a1));
}

HCALL(handle_derive)
{
	struct partition *to;
	u64 value = 0;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_CONTROL, &to);
	if (err)
		return ret(err);
	if (a2 & ~(u64)PV_RIGHT_ALL)
		return ret(PV_EINVAL);
	err = handle_derive(self(), a1, to, (u32)a2, &value);
	return ret_value(err, value);
}

HCALL(handle_close)
{
	if (a0 == PV_SELF)
		return ret(PV_EINVAL);
	return ret(handle_revoke(self(), a0));
}
