/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about whole partitions: their making, filling, finding, and end. */
#include "hcall/decode.h"

#define MSG_MAX 120 /* as in calls.def */
#define ALL_RIGHTS (PV_RIGHT_ALL & ~PV_RIGHT_MACHINE)

int call_partition_create(struct partition *self,
			  const struct pv_partition_params *params, u64 *part)
{
	struct partition *new = NULL;
	struct handle all;
	bool more;
	int err = partition_create(params, self, &new);

	if (err || !handle_grant(self, new, ALL_RIGHTS, part))
		return err;
	/* never ran: it goes at once, or its slot waits for a later destroy
	 * through partition_enumerate */
	all = handle_to(HANDLE_PARTITION, new, 0, ALL_RIGHTS);
	err = partition_destroy(&all, &more);
	return PV_ENOMEM;
}

int call_partition_write(struct partition *part, gpa_t to, gpa_t from, u64 len)
{
	if (part->state != PV_STATE_NEW)
		return PV_ESTATE;
	return gmem_copy(part, to, caller(), from, len);
}

int call_partition_enumerate(struct partition *self, u32 index, u64 *part)
{
	struct partition *found = partition_get(index);

	if (index >= PARTITION_MAX)
		return PV_EINVAL;
	return found ? handle_grant(self, found, ALL_RIGHTS, part) :
		       (int)PV_ESTATE;
}

/* Only now are all registers where the report takes them from. */
static void crash_finish(struct vcpu *v)
{
	char text[MSG_MAX + 1];
	u64 len = v->call_arg[1];

	if (gmem_read(v->part, gpa(v->call_arg[0]), text, len))
		len = 0; /* another vCPU has taken it away meanwhile */
	for (u64 i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	text[len] = 0;
	partition_die(v, "%s", text);
}

int call_crash(gpa_t msg, u64 len)
{
	struct vcpu *v = vcpu_current();

	if (!gmem_ok(v->part, msg, len, false))
		return PV_EFAULT;
	v->call_arg[0] = msg.v;
	v->call_arg[1] = len;
	v->call_finish = crash_finish;
	vcpu_pend(v, PEND_CALL);
	return PV_OK;
}
