/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: port bits, summary and pending word, and their upcall. */
#include "core/event.h"
#include "core/sched.h"
#include "core/vapic.h"

#define TSC_SHIFT 32

void event_vcpu_init(struct vcpu *v)
{
	struct pv_vcpu_page *pg = v->page;

	pg->tsc_shift = TSC_SHIFT;
	pg->tsc_mul = (1000000ull << TSC_SHIFT) / tsc_khz;
	pg->vcpu = v->id;
	pg->vcpus = v->part->nr_vcpus;
}

void event_vcpu_reset(struct vcpu *v)
{
	v->upcall_vector = 0;
	v->upcall_due = 0;
	v->timer_vector = 0;
	store_relaxed(&v->page->in_service, 0);
	vcpu_pend(v, PEND_VECTOR);
}

void event_bind(struct partition *p, u32 port, u32 vcpu)
{
	lock_scope(&p->lock);
	store_relaxed(&p->port_map[port],
		      (p->port_map[port] & PORT_VECTOR) | vcpu);
}

/* A sender that has seen the mark finds a vector, be it an old one. */
void event_vector_set(struct partition *p, u32 port, u32 vector)
{
	lock_scope(&p->lock);
	if (vector)
		store_relaxed(&p->port_vector[port], (u8)vector);
	store_release(&p->port_map[port], (p->port_map[port] & ~PORT_VECTOR) |
						  (vector ? PORT_VECTOR : 0));
}

/*
 * The last step of a send: everything that the bit stands for is written, so a
 * guest that finds the bit finds the rest. The exchange also orders the bit
 * before the look at whether the vCPU runs. False: it need not be poked.
 */
static inline bool post(struct vcpu *v, u32 bit)
{
	if (or_seq(&v->page->pending, bit) & bit)
		return false;
	if (likely(v->upcall_vector))
		vcpu_pend(v, PEND_EVENT);
	return true;
}

static inline void send(struct partition *p, u32 port,
			void (*poke)(struct vcpu *v))
{
	u32 n = load_acquire(&p->port_map[port]), word = port / 64;
	struct vcpu *v = p->vcpus[n & ~PORT_VECTOR];

	or_seq(&p->page.port_pending[word], 1ull << port % 64);
	if (unlikely(n & PORT_VECTOR))
		return vector_raise(v, p->port_vector[port]);
	or_seq(&v->page->port_summary, 1ull << word);
	if (post(v, PV_PENDING_EVENT))
		poke(v);
}

noinline_fn void event_send(struct partition *p, u32 port)
{
	send(p, port, sched_poke);
}

void event_send_last(const struct event *e)
{
	send(e->part, e->port, sched_poke_last);
}

void event_ipi(struct vcpu *v, u32 bit)
{
	or_seq(&v->page->ipi_pending, 1ull << bit);
	if (post(v, PV_PENDING_IPI))
		sched_poke(v);
}

void event_timer(struct vcpu *v)
{
	if (v->timer_vector)
		vector_raise(v, v->timer_vector);
	else if (post(v, PV_PENDING_TIMER))
		sched_poke(v);
}

void event_vector(struct vcpu *v, u32 vector)
{
	if (v->apic)
		vapic_raise(v, vector);
	else
		vector_raise(v, vector);
}

/* Apart, so that a vCPU with neither saves no register. */
static noinline_fn bool other_pending(const struct vcpu *v)
{
	return (v->apic && vapic_pending(v)) ||
	       (v->vectors && vector_pending(v));
}

bool event_pending(const struct vcpu *v)
{
	return load_seq(&v->page->pending) ||
	       ((v->apic || load_seq(&v->vectors)) && other_pending(v));
}

bool event_inject(struct vcpu *v, u32 vector)
{
	struct inject i = { .event = INJECT_EXTINT | (u8)vector };

	if (v->injected || load_relaxed(&v->hw.pending) & PEND_INJECT ||
	    !(virt->reg_get(&v->hw, VREG_RFLAGS) & RFLAGS_IF) ||
	    virt->reg_get(&v->hw, VREG_INTR_SHADOW)) {
		virt->window(&v->hw, true);
		return false;
	}
	v->injected = 1;
	virt->inject(&v->hw, &i);
	return true;
}

void event_deliver(struct vcpu *v)
{
	v->upcall_due = 0;
	/* a guest that masks looks at `pending` when it unmasks */
	if (!v->upcall_vector || v->page->masked || !v->page->pending)
		return;
	if (v->upcall_apic)
		vapic_raise(v, v->upcall_vector);
	else
		v->upcall_due = !event_inject(v, v->upcall_vector);
}
