/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of a vCPU that stands still, read and replaced. */
#include "core/gmem.h"
#include "core/sched.h"
#include "lib/string.h"

/* From ES to the TSC offset the ABI has them in the order of enum vreg. */
#define AT(field) offsetof(struct pv_vcpu_state, field)
_Static_assert(AT(tr) - AT(es) == 8 * VREG_TR_BASE &&
		       AT(rip) - AT(es) == 8 * VREG_RIP &&
		       AT(kernel_gs) - AT(es) == 8 * VREG_KERNEL_GS &&
		       AT(tsc_aux) - AT(es) == 8 * VREG_TSC_AUX,
	       "struct pv_vcpu_state is in the order of enum vreg");

/* A new life's timer is set on v's own CPU. */
static void timer_finish(struct vcpu *v) { sched_timer_set(v, v->call_arg[0]); }

static bool timer_waits(const struct vcpu *v)
{
	return load_seq(&v->hw.pending) & PEND_CALL &&
	       v->call_finish == timer_finish;
}

/*
 * Does v stand still, as long as the lock of its CPU's scheduler is held? One
 * that sleeps in vcpu_wait may have a second half: that says no more than that
 * the time has come.
 */
static int still_locked(struct vcpu *v)
{
	u32 state = load_seq(&v->part->state), work;

	if (state > PV_STATE_PAUSED ||
	    (state == PV_STATE_RUNNING && v->state != VCPU_STOPPED))
		return PV_ESTATE;
	if (sched_on_cpu(v)) {
		sched_kick(v);
		return PV_EAGAIN;
	}
	work = load_seq(&v->hw.pending);
	if (v->state == VCPU_IO || v->injected || work & PEND_INJECT ||
	    (work & PEND_CALL && v->state != VCPU_WAITING && !timer_waits(v)))
		return PV_EAGAIN;
	return PV_OK;
}

/* The VMCS or VMCB of v is in use on this CPU in place of that of `me`, whose
 * other registers stay in the CPU. */
static void swap(struct vcpu *from, struct vcpu *to)
{
	virt_unload(&from->hw);
	virt_load(&to->hw);
}

/* Guests' tables may lack accessed and busy bits that VMX wants to see. */
static void segments_complete(struct vcpu *v, struct pv_vcpu_state *s)
{
	struct pv_segment *all = &s->es;

	for (u32 i = 0; i < 6; i++)
		if ((all[i].attr & (AR_S | AR_P)) == (AR_S | AR_P))
			all[i].attr |= AR_ACCESSED;
	s->tr.attr |= AR_BUSY;
	s->ss.attr = (s->ss.attr & ~(u64)AR_DPL) |
		     virt->reg_get(&v->hw, VREG_CPL) << 5;
}

static void page_get(const struct pv_vcpu_page *pg, struct pv_vcpu_state *s)
{
	s->pending = load_relaxed(&pg->pending);
	s->ipi_pending = load_relaxed(&pg->ipi_pending);
	s->port_summary = load_relaxed(&pg->port_summary);
	for (u32 i = 0; i < array_size(s->vector_pending); i++)
		s->vector_pending[i] = load_relaxed(&pg->vector_pending[i]);
	s->masked = load_relaxed(&pg->masked);
	s->in_service = load_relaxed(&pg->in_service);
}

static void registers_get(struct vcpu *v, struct pv_vcpu_state *s)
{
	u64 *reg = (u64 *)((u8 *)s + AT(es));
	u64 at = v->apic	? 0 :
		 timer_waits(v) ? v->call_arg[0] :
				  v->timers[TIMER_GUEST].at;

	for (u32 r = 0; r <= VREG_TSC_AUX; r++)
		reg[r] = virt->reg_get(&v->hw, r);
	segments_complete(v, s);
	s->tsc_offset = virt->reg_get(&v->hw, VREG_TSC_OFFSET);
	s->run = v->state != VCPU_STOPPED;
	s->xcr0 = v->hw.xcr0;
	s->cr8 = v->apic ? 0 : v->cr8;
	memcpy(s->gpr, v->hw.gpr, sizeof(s->gpr));
	s->gpr[R_SP] = 0;
	s->timer = at ? at + s->tsc_offset : 0;
	s->upcall_vector = v->upcall_vector;
	s->upcall_flags = v->upcall_apic;
	s->timer_vector = v->timer_vector;
	page_get(v->page, s);
}

int vcpu_state_get(struct vcpu *me, struct vcpu *v, struct pv_vcpu_state *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	cpu_scope(c, v);
	err = still_locked(v);
	if (err || v->hw.last_cpu == VIRT_NOWHERE)
		return err ? err : (int)PV_ESTATE;
	swap(me, v);
	registers_get(v, s);
	swap(v, me);
	return PV_OK;
}

/* ---- set ---- */

static bool vector_ok(u32 n) { return !n || (n >= 32 && n <= 255); }

/* PAE paging outside long mode: the CPU checks the four entries (SDM Vol. 3A
 * 4.4.1), of which it has copies. */
static bool pae_ok(struct partition *p, const struct pv_vcpu_state *s)
{
	u64 e[4], bad = 0x1e6 | ~0ull << cpu_feat.phys_bits;

	if (!(s->cr0 & CR0_PG) || !(s->cr4 & CR4_PAE) || s->efer & EFER_LMA)
		return true;
	if (gmem_read(p, gpa(s->cr3 & 0xffffffe0ull), e, sizeof(e)))
		return false;
	for (u32 i = 0; i < array_size(e); i++)
		if (e[i] & PTE_P && e[i] & bad)
			return false;
	return true;
}

static bool state_ok(const struct vcpu *v, const struct pv_vcpu_state *s)
{
	struct vstate st;
	u64 pad = s->pad;

	memcpy(&st, &s->es, sizeof(st));
	for (u32 i = 0; i < array_size(s->pad2); i++)
		pad |= s->pad2[i];
	return !pad && s->run <= 1 && vstate_ok(&st) && !(s->dr6 >> 32) &&
	       !(s->tsc_aux >> 32) && (cpu_feat.rdtscp || !s->tsc_aux) &&
	       xcr0_ok(s->xcr0) && s->cr8 <= 15 && !s->gpr[R_SP] &&
	       !(v->apic && (s->cr8 || s->timer)) &&
	       vector_ok(s->upcall_vector) && vector_ok(s->timer_vector) &&
	       !(s->upcall_flags & ~PV_UPCALL_APIC) &&
	       !(s->upcall_flags && !v->apic) &&
	       !(s->pending &
		 ~(PV_PENDING_EVENT | PV_PENDING_TIMER | PV_PENDING_IPI)) &&
	       !(s->in_service >> 16) && !(u32)s->vector_pending[0];
}

static void page_set(struct pv_vcpu_page *pg, const struct pv_vcpu_state *s)
{
	store_relaxed(&pg->masked, s->masked);
	store_relaxed(&pg->in_service, s->in_service);
	for (u32 i = 0; i < array_size(s->vector_pending); i++)
		or_seq(&pg->vector_pending[i], s->vector_pending[i]);
	or_seq(&pg->port_summary, s->port_summary);
	or_seq(&pg->ipi_pending, s->ipi_pending);
	or_seq(&pg->pending, s->pending);
}

/* Of those that sched_timer_set guards; a pending second half is void. */
static void timer_set(struct vcpu *v, const struct pv_vcpu_state *s)
{
	vcpu_unpend(v, PEND_CALL);
	if (!v->apic)
		timer_set_locked(sched_of(v->cpu), v, TIMER_GUEST, 0);
	if (!s->timer)
		return;
	v->call_arg[0] = s->timer - s->tsc_offset;
	v->call_finish = timer_finish;
	vcpu_pend(v, PEND_CALL);
}

static void registers_set(struct vcpu *v, const struct pv_vcpu_state *s)
{
	const u64 *reg = (const u64 *)((const u8 *)s + AT(es));

	for (u32 r = 0; r <= VREG_TSC_AUX; r++)
		virt->reg_set(&v->hw, r, reg[r]);
	virt->reg_set(&v->hw, VREG_CPL, s->ss.attr >> 5 & 3);
	virt->reg_set(&v->hw, VREG_EVENT, 0);
	virt->reg_set(&v->hw, VREG_TSC_OFFSET, s->tsc_offset);
	if (!v->apic)
		virt->reg_set(&v->hw, VREG_CR8, s->cr8);
	v->cr8 = s->cr8;
	v->hw.xcr0 = s->xcr0;
	memcpy(v->hw.gpr, s->gpr, sizeof(s->gpr));
	v->code.page = NULL;
	v->upcall_vector = s->upcall_vector;
	v->upcall_apic = s->upcall_flags;
	v->timer_vector = s->timer_vector;
	v->vectors = 1;
	page_set(v->page, s);
	vcpu_pend(v, PEND_EVENT | PEND_VECTOR);
}

static int set_locked(struct vcpu *me, struct vcpu *v,
		      const struct pv_vcpu_state *s)
{
	int err;

	cpu_scope(c, v);
	err = still_locked(v);
	if (err || (!s->run && v->state != VCPU_STOPPED))
		return err ? err : (int)PV_ESTATE;
	swap(me, v);
	registers_set(v, s);
	swap(v, me);
	timer_set(v, s);
	return PV_OK;
}

int vcpu_state_set(struct vcpu *me, struct vcpu *v,
		   const struct pv_vcpu_state *s)
{
	int err;

	if (!state_ok(v, s) || !pae_ok(v->part, s))
		return PV_EINVAL;
	lock_scope(&v->part->lock);
	err = set_locked(me, v, s);
	if (!err && s->run)
		sched_wake(v);
	return err;
}
