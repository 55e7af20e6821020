/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the caller's vCPUs and their time. */
#include "lib/x86.h"
#include "core/event.h"
#include "core/sched.h"
#include "hcall/decode.h"

#define VECTOR_MIN 32u

HCALL(vcpu_start)
{
	struct pv_vcpu_start s;
	int err;

	if (a0 >= p->nr_vcpus)
		return PV_EINVAL;
	err = struct_read(a1, &s, sizeof(s));
	if (err)
		return err;
	return vcpu_start(p->vcpus[index_clamp(a0, p->nr_vcpus)], &s);
}

/* Is there a vCPU of v's partition, beside v, that is not stopped? */
static bool others_run(const struct vcpu *v)
{
	for (u32 i = 0; i < v->part->nr_vcpus; i++)
		if (i != v->id && v->part->vcpus[i]->state != VCPU_STOPPED)
			return true;
	return false;
}

HCALL_PLAIN(vcpu_stop)
{
	struct vcpu *v = vcpu_current();
	bool ok;

	/* of two that stop at once, one must see the other */
	lock_take(&v->part->lock);
	ok = others_run(v);
	if (ok)
		sched_block(v, VCPU_STOPPED, 0);
	lock_drop(&v->part->lock);
	return ret(ok ? PV_OK : PV_ESTATE);
}

HCALL_PLAIN(vcpu_yield)
{
	sched_yield(vcpu_current());
	return ret(PV_OK);
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

HCALL_PLAIN(vcpu_wait)
{
	return ret(vcpu_wait(vcpu_current(), a0));
}

/* All vCPUs base + n for each bit n of mask exist. */
static bool mask_ok(const struct partition *p, u64 base, u64 mask)
{
	return !mask || base + 63 - (u64)__builtin_clzll(mask) < p->nr_vcpus;
}

HCALL(vcpu_ipi)
{
	if (!mask_ok(p, a0, a1))
		return PV_EINVAL;
	for (u64 m = a1; m; m &= m - 1) {
		u64 n = a0 + (u64)__builtin_ctzll(m);

		event_ipi(p->vcpus[index_clamp(n, p->nr_vcpus)], (u32)a2);
	}
	return PV_OK;
}

HCALL(vcpu_upcall_set)
{
	struct vcpu *v = vcpu_current();

	if ((a0 && a0 < VECTOR_MIN) || a1 & ~PV_UPCALL_APIC || (a1 && !v->apic))
		return PV_EINVAL;
	v->upcall_apic = (u32)a1;
	/* a sender sees the vector, or we see what it has sent: due now */
	store_seq(&v->upcall_vector, (u32)a0);
	if (a0 && event_pending(v))
		vcpu_pend(v, PEND_EVENT);
	return PV_OK;
}

HCALL_PLAIN(timer_set)
{
	struct vcpu *v = vcpu_current();

	sched_timer_set(v, host_tsc(v, a0));
	return ret(PV_OK);
}
