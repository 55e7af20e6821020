/* SPDX-License-Identifier: BSD-2-Clause */
/* Event ports and the upcall: scanning what is pending, calling handlers. */
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "internal.h"

#define WORDS (PV_PORTS / 64)

struct port {
	kit_irq_fn fn;
	void *arg;
};

static struct port *ports[WORDS]; /* 64 each, allocated at first use */
static uint64_t used[WORDS];
/* Which vCPU's upcall handles a port; 0 where nothing is bound. */
static uint8_t port_vcpu[PV_PORTS];
static uint64_t vectored[WORDS]; /* ports with a vector: not the upcall's */
uint32_t kit_vectors_on;

static struct pv_partition_page *partition_page(void)
{
	return kit_ptr(PV_PARTITION_PAGE);
}

void kit_event_register(unsigned port, kit_irq_fn fn, void *arg)
{
	struct port *p;
	uint64_t flags;

	if (port >= PV_PORTS)
		return;
	if (!ports[port / 64])
		ports[port / 64] = kit_pages_alloc(1);
	if (!ports[port / 64])
		kit_panic("no memory for event port %u", port);
	p = &ports[port / 64][port % 64];
	flags = kit_irq_save();
	p->arg = arg;
	p->fn = fn;
	used[port / 64] |= 1ull << (port % 64);
	kit_irq_restore(flags);
}

int kit_event_alloc(void)
{
	int port;

	for (port = PV_PORT_SHUTDOWN - 1; port > 1024; port--) {
		uint64_t bit = 1ull << (port % 64);

		if (used[port / 64] & bit)
			continue;
		used[port / 64] |= bit;
		return port;
	}
	return -1;
}

uint64_t kit_event_bind(unsigned port, unsigned vcpu, uint64_t *handle)
{
	uint64_t st = pv_event_bind(kit_info()->self, port, vcpu, handle);

	if (!st)
		__atomic_store_n(&port_vcpu[port], vcpu, __ATOMIC_RELEASE);
	return st;
}

/* The bits of one word that this vCPU is to handle; they are cleared. */
static uint64_t word_take(unsigned word, unsigned me)
{
	uint64_t *w = &partition_page()->port_pending[word];
	uint64_t seen = __atomic_load_n(w, __ATOMIC_ACQUIRE), mine = 0, left;

	seen &= ~vectored[word];
	for (left = seen; left; left &= left - 1) {
		unsigned bit = __builtin_ctzll(left);

		if (port_vcpu[word * 64 + bit] == me)
			mine |= 1ull << bit;
	}
	if (!mine)
		return 0;
	return __atomic_fetch_and(w, ~mine, __ATOMIC_ACQ_REL) & mine;
}

static void ports_run(struct kit_vcpu *v)
{
	uint64_t words, bits;

	words = __atomic_exchange_n(&v->page->port_summary, 0,
				    __ATOMIC_ACQ_REL);
	for (; words; words &= words - 1) {
		unsigned word = __builtin_ctzll(words);

		for (bits = word_take(word, v->id); bits; bits &= bits - 1) {
			struct port *p = ports[word];

			p = p ? p + __builtin_ctzll(bits) : NULL;
			if (p && p->fn)
				p->fn(p->arg);
		}
	}
}

/* Steps: clear `pending`, then look at what it names, then look again: a
 * sender that sets `pending` after the exchange raises a new upcall. */
void kit_event_scan(void)
{
	struct kit_vcpu *v = kit_this();
	uint64_t bits;
	uint32_t what;

	while (__atomic_load_n(&v->page->pending, __ATOMIC_ACQUIRE)) {
		what = __atomic_exchange_n(&v->page->pending, 0,
					   __ATOMIC_ACQ_REL);
		if (what & PV_PENDING_EVENT)
			ports_run(v);
		if (what & PV_PENDING_TIMER)
			kit_timer_run();
		bits = 0;
		if (what & PV_PENDING_IPI)
			bits = __atomic_exchange_n(&v->page->ipi_pending, 0,
						   __ATOMIC_ACQ_REL);
		for (; bits; bits &= bits - 1)
			kit_ipi_run(__builtin_ctzll(bits));
	}
}

void kit_event_upcall(void)
{
	if (kit_profile() != PV_PROFILE_PV)
		kit_wrmsr(MSR_X2APIC_EOI, 0);
	kit_event_scan();
}

void kit_upcall_mask(void)
{
	__atomic_store_n(&kit_this()->page->masked, 1, __ATOMIC_SEQ_CST);
}

void kit_upcall_unmask(void)
{
	uint64_t flags = kit_irq_save();

	__atomic_store_n(&kit_this()->page->masked, 0, __ATOMIC_SEQ_CST);
	kit_event_scan();
	kit_irq_restore(flags);
}

/* ---- vectors ---- */

uint64_t kit_event_vector(unsigned port, unsigned vector)
{
	uint64_t st = pv_event_vector_set(port, vector);
	uint64_t bit = 1ull << port % 64;

	if (st)
		return st;
	if (vector)
		__atomic_fetch_or(&vectored[port / 64], bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&vectored[port / 64], ~bit,
				   __ATOMIC_SEQ_CST);
	return PV_OK;
}

/* Of in_service; 0 when there is none. */
static unsigned top_class(const struct pv_vcpu_page *p)
{
	uint32_t s = __atomic_load_n(&p->in_service, __ATOMIC_RELAXED);

	return s ? 31u - (unsigned)__builtin_clz(s) : 0;
}

/* One instruction clears the bit, so that no delivery comes in between. */
void kit_vector_end(void)
{
	struct pv_vcpu_page *p = kit_this()->page;

	__asm__ volatile("btrl %1, %0"
			 : "+m"(p->in_service)
			 : "r"(top_class(p))
			 : "cc", "memory");
	if (__atomic_load_n(&p->vector_waits, __ATOMIC_RELAXED) / 16 >
	    top_class(p))
		pv_vector_eoi();
}
