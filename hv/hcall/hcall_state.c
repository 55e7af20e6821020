/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the registers of a vCPU that does not run. They are done by a
 * second half: only there may another VMCS take the place of the caller's. */
#include "hcall/decode.h"

/* call_arg: the partition's slot and generation, the vCPU, the structure. */
static struct vcpu *target(const struct vcpu *me)
{
	struct partition *p =
		partition_live((u32)me->call_arg[0], (u32)me->call_arg[1]);

	return p ? hcall_vcpu(p, me->call_arg[2]) : NULL;
}

static void get_finish(struct vcpu *me)
{
	struct vcpu *v = target(me);
	struct pv_vcpu_state s;
	int err = v ? vcpu_state_get(me, v, &s) : (int)PV_EHANDLE;

	if (!err)
		err = gmem_write(me->part, gpa(me->call_arg[3]), &s, sizeof(s));
	me->hw.gpr[R_AX] = (u64)err;
}

static void set_finish(struct vcpu *me)
{
	struct vcpu *v = target(me);
	struct pv_vcpu_state s;
	int err = v ? gmem_read(me->part, gpa(me->call_arg[3]), &s, sizeof(s)) :
		      (int)PV_EHANDLE;

	me->hw.gpr[R_AX] = (u64)(err ? err : vcpu_state_set(me, v, &s));
}

void hcall_state(const struct vcpu *v, gpa_t at, bool set)
{
	struct vcpu *me = vcpu_current();

	me->call_arg[0] = v->part->id;
	me->call_arg[1] = v->part->gen;
	me->call_arg[2] = v->id;
	me->call_arg[3] = at.v;
	me->call_finish = set ? set_finish : get_finish;
	vcpu_pend(me, PEND_CALL);
}
