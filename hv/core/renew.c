/* SPDX-License-Identifier: BSD-2-Clause */
/* What of core starts anew with the host partition. */
#include "core/renew.h"
#include "core/event.h"
#include "core/gmem.h"
#include "core/ioreq.h"
#include "core/sched.h"
#include "lib/string.h"

/* ---- events, requests ---- */

void event_renew(struct partition *p)
{
	lock_scope(&p->lock);
	memset(p->page.port_pending, 0, sizeof(p->page.port_pending));
	memset(p->port_map, 0, sizeof(p->port_map));
	memset(p->port_vector, 0, PAGE_SIZE);
}

void ioreq_unmap_all(const struct partition *p)
{
	for (u32 id = 0; id < PARTITION_MAX; id++) {
		struct partition *of = partition_get(id);

		if (of && of->io_mapper.gen == p->gen &&
		    of->io_mapper.part == p->id)
			ioreq_unmap(of);
	}
}

/* ---- memory ---- */

/* Memory of its own stays where it lay at first; what it had besides goes. */
static void renew_leaf(struct partition *p, const struct nested_page *np,
		       hpa_t first)
{
	struct frame *f = frame_of(np->to);
	bool shared_page = p->reap_at >= PV_PARTITION_PAGE &&
			   p->reap_at < PV_VCPU_PAGE(PV_VCPUS_MAX);

	if (!f)
		return;
	if (f->state == FRAME_TABLE) {
		if (!shared_page)
			gmem_unmap_page(p, gpa(p->reap_at));
	} else if (gmem_reap_shares(p, f, np->size / PAGE_SIZE) &&
		   np->to.v != first.v + p->reap_at &&
		   gmem_take(p, gpa(p->reap_at), np->size / PAGE_SIZE)) {
		return; /* no table for a split: it stays p's, beside the rest */
	}
}

bool gmem_renew(struct partition *p, hpa_t first, u64 bound)
{
	u64 limit = gmem_limit();
	struct nested_page np;

	for (u64 done = 0; done < bound; done += np.size / PAGE_SIZE) {
		if (!nested_next(&p->space, &p->reap_at, limit, &np)) {
			p->reap_at = 0;
			return true;
		}
		if (np.size > LARGE_SIZE)
			np.size = LARGE_SIZE;
		if (!(np.flags & NP_DEVICE))
			renew_leaf(p, &np, first);
		p->reap_at = (p->reap_at | (np.size - 1)) + 1;
	}
	return false;
}

/* ---- handles ---- */

/* Its children are derived from nothing then. */
static void leave_locked(struct partition *p, u32 i)
{
	struct handle *s = &p->handles.slots[i];
	u32 all = ~0u;

	if (s->type == HANDLE_CLOSING &&
	    handle_drop_locked(handle_ref(p, i), &all))
		return;
	while (s->child != HANDLE_NONE) {
		struct handle *c = handle_at(s->child);

		s->child = c->next;
		c->parent = c->next = c->prev = HANDLE_NONE;
	}
	handle_unlink_locked(s);
}

void handle_leave_all(struct partition *p)
{
	lock_scope(&handle_lock);
	for (u32 i = 1; i < HANDLE_MAX; i++)
		if (p->handles.slots[i].type != HANDLE_FREE)
			leave_locked(p, i);
}

/* ---- its vCPU ---- */

void vcpu_renew(struct vcpu *v, const struct pv_vcpu_start *s)
{
	sched_timer_set(v, 0);
	vcpu_unpend(v, PEND_EVENT | PEND_APIC | PEND_INJECT | PEND_WINDOW |
			       PEND_VECTOR | PEND_RESUME);
	virt->window(&v->hw, false);
	v->vector_due = v->injected = 0;
	memset(v->page, 0, sizeof(*v->page));
	event_vcpu_init(v);
	v->start = *s;
	v->call_finish = vcpu_start_finish;
	vcpu_pend(v, PEND_CALL);
}
