/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about other partitions. */
#include "core/console.h"
#include "core/event.h"
#include "hcall/decode.h"

#define ALL_RIGHTS (PV_RIGHT_ALL & ~PV_RIGHT_MACHINE)

HCALL(partition_create)
{
	struct pv_partition_params params;
	struct partition *new = NULL;
	struct handle all;
	bool more;
	int err = struct_read(a1, &params, sizeof(params));

	if (!err)
		err = partition_create(&params, p, &new);
	if (err || !handle_grant(p, new, ALL_RIGHTS, value))
		return err;
	/* never ran: it goes at once, or its slot waits for a later destroy
	 * through partition_enumerate */
	all = (struct handle){ .obj = new->id, .obj_gen = new->gen };
	err = partition_destroy(&all, &more);
	return PV_ENOMEM;
}

HCALL(partition_populate)
{
	bool more;
	int err;

	if (!pages_ok(a1, a2))
		return PV_EINVAL;
	err = gmem_populate(p, &a1, &a2, &more);
	if (!err && more)
		virt_call_resume(virt_current(), PV_CALL_partition_populate, a0,
				 a1, a2, 0, 0, 0);
	return err;
}

HCALL(partition_write)
{
	if (p->state != PV_STATE_NEW)
		return PV_ESTATE;
	return gmem_copy(p, gpa(a1), self(), gpa(a2), a3);
}

HCALL(partition_start)
{
	struct pv_vcpu_start s;
	int err = struct_read(a1, &s, sizeof(s));

	return err ? err : partition_start(p, &s);
}

HCALL(partition_pause)
{
	return partition_pause(p);
}

HCALL(partition_resume)
{
	return partition_resume(p);
}

HCALL_PLAIN(partition_destroy)
{
	struct vcpu *v = vcpu_current();
	struct handle h;
	bool more;
	int err;

	err = handle_name(v->part, a0, HANDLE_PARTITION, PV_RIGHT_CONTROL, &h);
	if (err)
		return ret(err);
	err = partition_destroy(&h, &more);
	if (!err && more)
		virt_call_resume(&v->hw, PV_CALL_partition_destroy, a0, 0, 0, 0,
				 0, 0);
	return ret(err);
}

HCALL(partition_stats)
{
	struct pv_vcpu_stats s;

	if (a1 >= p->nr_vcpus)
		return PV_EINVAL;
	vcpu_stats_get(p->vcpus[index_clamp(a1, p->nr_vcpus)], &s);
	return struct_write(a2, &s, sizeof(s));
}

HCALL(partition_status)
{
	struct pv_partition_status s;

	partition_status_get(p, &s);
	return struct_write(a1, &s, sizeof(s));
}

HCALL(partition_enumerate)
{
	struct partition *found;

	if (a1 >= PARTITION_MAX)
		return PV_EINVAL;
	found = partition_get((u32)a1);
	return found ? handle_grant(p, found, ALL_RIGHTS, value) :
		       (int)PV_ESTATE;
}

HCALL(partition_console_read)
{
	struct console_text t = { self(), gpa(a1), a2 };

	return console_get(&p->out, t, value);
}

HCALL(partition_console_write)
{
	struct console_text t = { self(), gpa(a1), a2 };
	bool first;
	int err = console_put(&p->in, t, value, &first);

	if (!err)
		event_send(p, p->in_port);
	return err;
}
