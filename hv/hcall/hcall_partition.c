/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about other partitions. */
#include "core/console.h"
#include "core/event.h"
#include "hcall/decode.h"

#define POPULATE_MAX (1ull << 20) /* pages */
#define WRITE_MAX 65536ull
#define ALL_RIGHTS (PV_RIGHT_ALL & ~PV_RIGHT_MACHINE)

HCALL(partition_create)
{
	struct pv_partition_params params;
	struct partition *p;
	u64 value;
	bool more;
	int err = machine_right(a0);

	if (err)
		return ret(err);
	err = struct_read(a1, &params, sizeof(params));
	if (err)
		return ret(err);
	err = partition_create(&params, (int)self()->id, &p);
	if (err)
		return ret(err);
	err = handle_grant(self(), p, ALL_RIGHTS, &value);
	if (err) {
		/* never ran: it goes at once, or its slot waits for a later
		 * destroy through partition_enumerate */
		err = partition_destroy(p->id, p->gen, &more);
		return ret(PV_ENOMEM);
	}
	return ret_value(PV_OK, value);
}

HCALL(partition_populate)
{
	struct vcpu *v = vcpu_current();
	struct partition *p;
	u64 done;
	int err;

	err = handle_partition(v->part, a0, PV_RIGHT_CONTROL, &p);
	if (err)
		return ret(err);
	if (!pages_ok(a1, a2, POPULATE_MAX))
		return ret(PV_EINVAL);
	if (p->state > PV_STATE_PAUSED)
		return ret(PV_ESTATE);
	err = gmem_populate(p, gpa(a1), a2, &done);
	if (!err && done < a2)
		virt_call_resume(&v->hw, PV_CALL_partition_populate, a0,
				 a1 + done * PAGE_SIZE, a2 - done, 0, 0, 0);
	return ret(err);
}

HCALL(partition_write)
{
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_CONTROL, &p);
	if (err)
		return ret(err);
	if (!a3 || a3 > WRITE_MAX)
		return ret(PV_EINVAL);
	if (p->state != PV_STATE_NEW)
		return ret(PV_ESTATE);
	return ret(gmem_copy(p, gpa(a1), self(), gpa(a2), a3));
}

HCALL(partition_start)
{
	struct pv_vcpu_start s;
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_CONTROL, &p);
	if (err)
		return ret(err);
	err = struct_read(a1, &s, sizeof(s));
	if (err)
		return ret(err);
	return ret(partition_start(p, &s));
}

HCALL(partition_pause)
{
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_CONTROL, &p);
	if (err)
		return ret(err);
	return ret(partition_pause(p));
}

HCALL(partition_resume)
{
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_CONTROL, &p);
	if (err)
		return ret(err);
	return ret(partition_resume(p));
}

HCALL(partition_destroy)
{
	struct vcpu *v = vcpu_current();
	struct handle h;
	bool more;
	int err;

	err = handle_name(v->part, a0, HANDLE_PARTITION, PV_RIGHT_CONTROL, &h);
	if (err)
		return ret(err);
	if (h.obj == v->part->id)
		return ret(PV_EINVAL);
	err = partition_destroy(h.obj, h.obj_gen, &more);
	if (!err && more)
		virt_call_resume(&v->hw, PV_CALL_partition_destroy, a0, 0, 0, 0,
				 0, 0);
	return ret(err);
}

HCALL(partition_stats)
{
	struct pv_vcpu_stats s;
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_STATS, &p);
	if (err)
		return ret(err);
	if (a1 >= p->nr_vcpus)
		return ret(PV_EINVAL);
	vcpu_stats_get(p->vcpus[index_clamp(a1, p->nr_vcpus)], &s);
	return ret(struct_write(a2, &s, sizeof(s)));
}

HCALL(partition_status)
{
	struct pv_partition_status s;
	struct partition *p;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_STATS, &p);
	if (err)
		return ret(err);
	partition_status_get(p, &s);
	return ret(struct_write(a1, &s, sizeof(s)));
}

HCALL(partition_enumerate)
{
	struct partition *p;
	u64 value;
	int err = machine_right(a0);

	if (err)
		return ret(err);
	if (a1 >= PARTITION_MAX)
		return ret(PV_EINVAL);
	p = partition_get((u32)a1);
	if (!p)
		return ret(PV_ESTATE);
	err = handle_grant(self(), p, ALL_RIGHTS, &value);
	return ret_value(err, value);
}

HCALL(partition_console_read)
{
	struct console_text t = { self(), gpa(a1), a2 };
	struct partition *p;
	u64 got;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_CONSOLE, &p);
	if (err)
		return ret(err);
	if (!a2 || a2 > MAX_CONSOLE)
		return ret(PV_EINVAL);
	err = console_get(&p->out, t, &got);
	return ret_value(err, got);
}

HCALL(partition_console_write)
{
	struct console_text t = { self(), gpa(a1), a2 };
	struct partition *p;
	u64 put;
	bool first;
	int err;

	err = handle_partition(self(), a0, PV_RIGHT_CONSOLE, &p);
	if (err)
		return ret(err);
	if (!a2 || a2 > MAX_CONSOLE)
		return ret(PV_EINVAL);
	err = console_put(&p->in, t, &put, &first);
	if (!err)
		event_send(p, p->in_port);
	return ret_value(err, put);
}
