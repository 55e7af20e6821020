/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the caller's vCPUs and their time. */
#include "core/event.h"
#include "core/sched.h"
#include "hcall/decode.h"

int call_vcpu_stop(void)
{
	struct vcpu *v = vcpu_current();

	/* of two that stop at once, one must see the other */
	lock_scope(&v->part->lock);
	for (u32 i = 0; i < v->part->nr_vcpus; i++)
		if (i != v->id && v->part->vcpus[i]->state != VCPU_STOPPED) {
			sched_block(v, VCPU_STOPPED, 0);
			return PV_OK;
		}
	return PV_ESTATE;
}

/* A deadline of the guest's clock on the machine's; 0 stays 0. */
static u64 host_tsc(struct vcpu *v, u64 deadline)
{
	u64 t;

	if (!deadline)
		return 0;
	t = deadline - virt->reg_get(&v->hw, VREG_TSC_OFFSET);
	return t ? t : 1;
}

/* After the sleep: the deadline may have ended it. */
static void wait_finish(struct vcpu *v)
{
	if (!event_pending(v) && rdtsc() >= v->call_arg[0])
		v->hw.gpr[R_AX] = PV_ETIME;
}

int vcpu_wait(struct vcpu *v, u64 deadline)
{
	u64 at;

	if (event_pending(v))
		return PV_OK;
	at = host_tsc(v, deadline);
	if (at && rdtsc() >= at)
		return PV_ETIME;
	if (at) {
		v->call_arg[0] = at;
		v->call_finish = wait_finish;
		vcpu_pend(v, PEND_CALL);
	}
	sched_block(v, VCPU_WAITING, at);
	return PV_OK;
}

int call_vcpu_flush_tlb(u32 base, u64 mask)
{
	if (!hcall_mask_ok(caller(), base, mask))
		return PV_EINVAL;
	gmem_shoot(caller(), mask << base, PEND_LINEAR);
	return PV_OK;
}

int call_timer_vector_set(u32 vector)
{
	vcpu_current()->timer_vector = vector;
	return PV_OK;
}

int call_vcpu_upcall_set(u32 vector, u32 flags)
{
	struct vcpu *v = vcpu_current();

	if (!hcall_vector_ok(vector) || (flags && !v->apic))
		return PV_EINVAL;
	v->upcall_apic = flags;
	/* a sender sees the vector, or we see what it has sent: due now */
	store_seq(&v->upcall_vector, vector);
	if (vector && event_pending(v))
		vcpu_pend(v, PEND_EVENT);
	return PV_OK;
}

HCALL_PLAIN(timer_set)
{
	struct vcpu *v = vcpu_current();

	sched_timer_set(v, host_tsc(v, a0));
	return ret(PV_OK);
}

int call_vcpu_sched_set(struct partition *part, struct vcpu *vcpu, u32 priority,
			u32 slice_us, u64 cpu_mask)
{
	u64 cpus = cpu_mask ? sched_cpus(cpu_mask) : part->cpu_mask;

	if (!cpus || !sched_slice_ok(slice_us))
		return PV_EINVAL;
	/* itself it gives no more than it was given */
	if (part == caller() &&
	    (priority > part->priority || slice_us > part->slice_us ||
	     cpus & ~part->cpu_mask))
		return PV_ERIGHT;
	sched_set(vcpu, priority, tsc_from_us(slice_us), cpus);
	return PV_OK;
}
