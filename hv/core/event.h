/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: 4,096 ports of a partition, delivered as upcalls. */
#pragma once

#include "core/partition.h"

/* As handle_partition; PV_EHANDLE also if the partition is going. Inlined: it is
 * on the way of each event. */
static inline must_check int event_named(struct partition *p, u64 h, u32 rights,
					 struct event *e)
{
	const struct handle *s = handle_slot(&p->handles, h);
	struct handle c;

	if (unlikely(!s || s->type != HANDLE_EVENT))
		return PV_EHANDLE;
	c = *s;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (unlikely(load_relaxed(&s->gen) != h >> 32))
		return PV_EHANDLE;
	if (unlikely(rights & ~c.rights))
		return PV_ERIGHT;
	e->part = partition_live(c.obj, c.obj_gen);
	e->port = c.arg;
	return likely(e->part) ? PV_OK : (int)PV_EHANDLE;
}

/* Fills the hypervisor's fields of v->page (time scale, ids). Once. */
void event_vcpu_init(struct vcpu *v);
/* v starts anew: no upcall, no vector for its timer, none in service. */
void event_vcpu_reset(struct vcpu *v);
/* Binds a port to a vCPU, or gives it a vector (0: none); both exist. */
void event_bind(struct partition *p, u32 port, u32 vcpu);
void event_vector_set(struct partition *p, u32 port, u32 vector);
/*
 * Sets the port's bit, the summary bit, then `pending` (release order), makes
 * the upcall due on a 0 -> 1 change of pending and wakes the vCPU. Any CPU.
 * A port that is not bound goes to vCPU 0.
 */
void event_send(struct partition *p, u32 port);
/* As the last act of a call: where it wakes a vCPU that is more urgent than the
 * caller, on this CPU, that takes its place at once. */
void event_send_last(const struct event *e);
void event_ipi(struct vcpu *v, u32 bit);
void event_timer(struct vcpu *v);
/* Is anything pending for v (vcpu_wait's condition)? */
bool event_pending(const struct vcpu *v);
/* Makes a vector pending on v, 32..255: at its local APIC, where it has one, else
 * as vector_raise. Any CPU. */
void event_vector(struct vcpu *v, u32 vector);
/* Injects an interrupt if the guest can take it now (true), else asks for the
 * window. v loaded. */
bool event_inject(struct vcpu *v, u32 vector) must_check;
/* What waits for a window is to be looked at again before the next entry: the
 * window is closed, and asked for anew if that is not its time. v loaded. */
static inline void event_retry(struct vcpu *v)
{
	virt->window(&v->hw, false);
	vcpu_pend(v, (v->upcall_due ? PEND_EVENT : 0) |
			     (v->vector_due ? PEND_VECTOR : 0) |
			     (v->apic ? PEND_APIC : 0));
}
/* Before entry: delivers a due upcall if the guest can take it, else asks for
 * a window. run only, v loaded. */
void event_deliver(struct vcpu *v);

/* ---- vector.c ---- */

/*
 * Makes a vector, 32..255, pending on v and wakes it, unless it is pending. Any
 * CPU.
 */
void vector_raise(struct vcpu *v, u32 vector);
/* Could one be delivered, whatever RFLAGS.IF says? */
bool vector_pending(const struct vcpu *v);
/* Before entry, with PEND_VECTOR: as event_deliver. */
void vector_deliver(struct vcpu *v);
