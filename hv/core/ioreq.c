/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O regions and requests to the partition that serves them. */
#include "core/ioreq.h"
#include "core/event.h"
#include "core/gmem.h"
#include "core/sched.h"
#include "core/vioapic.h"

/* Guards io_mapper of all partitions; no other is taken within. */
static struct lock mapper_lock;

#define PORTS_END 0x10000ull
#define REGION_BYTES_MAX HUGE_SIZE
#define COOKIE_VCPU 63u /* low bits: the vCPU; above: a count, never 0 */

static const struct io_region *end_of(const struct partition *p)
{
	return p->regions + p->nr_regions;
}

static bool holds(const struct io_region *g, u32 space, u64 addr, u64 len)
{
	return g->space == space && addr >= g->addr &&
	       range_within(addr - g->addr, len, g->len);
}

/* The region that an access means: a notify address goes before its range. */
static struct io_region region_of(struct partition *p, const struct ioreq *r)
{
	struct io_region found = { .space = REGION_FREE };

	lock_scope(&p->lock);
	for (const struct io_region *g = p->regions; g < end_of(p); g++) {
		if (!holds(g, r->space, r->addr, r->size))
			continue;
		if (!g->notify)
			found = *g;
		else if (r->write && r->size == 4)
			return *g;
	}
	return found;
}

/* Where run did not see the answer itself: it came before v left its CPU. */
static void io_answered(struct vcpu *v)
{
	if (__atomic_exchange_n(&v->io_done, 0, __ATOMIC_SEQ_CST))
		v->io_finish(v, v->io_value);
}

static void post(struct vcpu *v, const struct ioreq *r)
{
	struct pv_io_slot *s = &v->part->io_page.slot[v->id];

	v->io_count += COOKIE_VCPU + 1;
	v->call_finish = io_answered;
	store_relaxed(&v->io_done, 0);
	s->space = (u8)r->space;
	s->size = (u8)r->size;
	s->write = (u8)r->write;
	s->count = r->count;
	s->addr = r->addr;
	s->value = r->value;
	s->cookie = v->io_count | v->id;
	/* blocked before the server can answer: its wake is not lost */
	sched_block(v, VCPU_IO, 0);
	store_release(&v->io_cookie, s->cookie);
	store_release(&s->state, PV_IO_WAITING);
}

/* As if its server had answered at once. */
static void answer(struct vcpu *v, u64 value)
{
	v->call_finish = io_answered;
	v->io_value = value;
	store_relaxed(&v->io_done, 1);
	vcpu_pend(v, PEND_CALL);
}

int ioreq_send(struct vcpu *v, const struct ioreq *r, bool *posted)
{
	struct io_region g = region_of(v->part, r);
	struct partition *server = partition_live(g.server, g.server_gen);

	*posted = true;
	if (r->space == PV_SPACE_MMIO &&
	    vioapic_overlaps(v->part, r->addr, 1)) {
		answer(v, vioapic_access(v->part, r));
		return PV_OK;
	}
	if (g.space == REGION_FREE || !server ||
	    server->state > PV_STATE_PAUSED)
		return PV_EFAULT;
	*posted = !g.notify;
	if (*posted)
		post(v, r);
	event_send(server, g.port);
	return PV_OK;
}

int ioreq_complete(struct partition *p, u64 cookie, u64 value)
{
	u64 id = cookie & COOKIE_VCPU;
	struct vcpu *v;

	if (id >= p->nr_vcpus || cookie <= COOKIE_VCPU)
		return PV_EINVAL;
	v = p->vcpus[id];
	/* of two servers that answer, one succeeds */
	if (!__atomic_compare_exchange_n(&v->io_cookie, &cookie, 0, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return PV_EINVAL;
	p->io_page.slot[id].state = PV_IO_FREE;
	v->io_value = value;
	store_seq(&v->io_done, 1);
	vcpu_pend(v, PEND_CALL);
	sched_wake(v);
	return PV_OK;
}

int ioreq_copy(struct partition *p, u64 cookie, gpa_t buf)
{
	u64 id = cookie & COOKIE_VCPU, n;
	const struct pv_io_slot *s = &p->io_page.slot[id];
	void *mine = gmem_ptr(vcpu_current()->part, buf);
	gpa_t at;

	if (id >= p->nr_vcpus || cookie <= COOKIE_VCPU ||
	    load_acquire(&p->vcpus[id]->io_cookie) != cookie)
		return PV_EINVAL;
	n = (u64)load_relaxed(&s->count) * s->size;
	at = gpa(p->vcpus[id]->io_gpa);
	/* its vCPU may be gone on by now, with a request of another kind */
	if (n == s->size || n > PAGE_SIZE)
		return PV_EINVAL;
	if (!mine)
		return PV_EFAULT;
	return s->write ? gmem_read(p, at, mine, n) :
			  gmem_write(p, at, mine, n);
}

bool ioreq_overlaps(const struct partition *p, u32 space, u64 addr, u64 len)
{
	if (space == PV_SPACE_MMIO && vioapic_overlaps(p, addr, len))
		return true;
	for (const struct io_region *g = p->regions; g < end_of(p); g++)
		if (g->space == space && addr < g->addr + g->len &&
		    g->addr < addr + len)
			return true;
	return false;
}

static int add_locked(struct partition *p, const struct io_region *r)
{
	if (p->nr_regions == REGION_MAX)
		return PV_ENOMEM;
	p->regions[p->nr_regions++] = *r;
	return PV_OK;
}

static struct io_region region(u32 space, u64 addr, u64 len, u32 port)
{
	const struct partition *server = vcpu_current()->part;

	return (struct io_region){ .space = space,
				   .addr = addr,
				   .len = len,
				   .server = server->id,
				   .port = port,
				   .server_gen = server->gen };
}

int ioreq_serve(struct partition *p, u32 space, u64 addr, u64 len, u32 port)
{
	struct io_region r = region(space, addr, len, port);
	bool mmio = space == PV_SPACE_MMIO;

	if (!len || !range_within(addr, len, mmio ? gmem_limit() : PORTS_END) ||
	    (mmio && (len > REGION_BYTES_MAX || (addr | len) & PAGE_MASK)))
		return PV_EINVAL;
	lock_scope(&p->lock);
	if (mmio ? gmem_taken_locked(p, addr, len) :
		   ioreq_overlaps(p, space, addr, len))
		return PV_EEXIST;
	return add_locked(p, &r);
}

int ioreq_notify(struct partition *p, gpa_t addr, u32 port)
{
	struct io_region r = region(PV_SPACE_MMIO, addr.v, 4, port);
	bool served = false;

	r.notify = 1;
	lock_scope(&p->lock);
	for (struct io_region *g = p->regions; g < end_of(p); g++) {
		if (!holds(g, PV_SPACE_MMIO, r.addr, r.len) ||
		    g->server != r.server || g->server_gen != r.server_gen)
			continue;
		if (g->notify) {
			g->port = port;
			return PV_OK;
		}
		served = true;
	}
	return served ? add_locked(p, &r) : (int)PV_EFAULT;
}

/* Whoever replaces a mapping takes it away: none is forgotten. */
static void mapper_set(struct partition *p, struct io_mapper new)
{
	struct io_mapper old;
	struct partition *by;

	lock_take(&mapper_lock);
	old = p->io_mapper;
	p->io_mapper = new;
	lock_drop(&mapper_lock);
	/* p's end takes it also from one that will end next, and still runs */
	by = new.gen ? partition_live(old.part, old.gen) :
		       partition_get(old.part);
	if (!by || by->gen != old.gen)
		return;
	gmem_unmap_page(by, gpa(old.at));
	gmem_shootdown(by);
}

int ioreq_map(struct partition *p, struct partition *by, gpa_t at)
{
	int err = PV_EINVAL;

	if (by != p) /* its own page: that would take it from the server */
		err = gmem_map(by, at, ptr_hpa(&p->io_page), PAGE_SIZE,
			       NP_READ);
	if (!err)
		mapper_set(p, (struct io_mapper){ by->id, by->gen, at.v });
	return err;
}

void ioreq_unmap(struct partition *p)
{
	mapper_set(p, (struct io_mapper){ .gen = 0 });
}
