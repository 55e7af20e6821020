/* SPDX-License-Identifier: BSD-2-Clause */
/* Further vCPUs, interrupts between them, and the spin lock. */
#include "kit/smp.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "internal.h"

#define STACK_PAGES (KIT_STACK_SIZE / KIT_PAGE_SIZE)
#define START_TRIES 100000u

struct kit_vcpu *kit_vcpu_table[PV_VCPUS_MAX];
struct kit_vcpu kit_vcpu0;
static struct {
	void (*fn)(void *);
	void *arg;
} ipis[64];

unsigned kit_vcpus(void) { return kit_info()->vcpus; }

unsigned kit_vcpu_id(void) { return kit_this()->id; }

void kit_smp_start(void)
{
	kit_vcpu0.page = kit_ptr(PV_VCPU_PAGE(0));
	kit_vcpu0.timer_ns = KIT_FOREVER;
	kit_vcpu0.running = 1;
	kit_vcpu_table[0] = &kit_vcpu0;
}

/* The vCPU's data, and its stack above a guard page; kept for ever. */
static struct kit_vcpu *vcpu_make(unsigned id)
{
	struct kit_vcpu *v = kit_calloc(1, sizeof(*v));
	uint8_t *stack = kit_pages_alloc(STACK_PAGES + 1);

	if (!v || !stack)
		return NULL;
	kit_unmap(kit_gpa(stack), KIT_PAGE_SIZE);
	v->stack_top = kit_gpa(stack) + (STACK_PAGES + 1) * KIT_PAGE_SIZE;
	v->id = id;
	v->page = kit_ptr(PV_VCPU_PAGE(id));
	v->gdt[1] = 0x00af9b000000ffffull;
	v->gdt[2] = 0x00cf93000000ffffull;
	return v;
}

static uint64_t vcpu_launch(struct kit_vcpu *v)
{
	struct pv_vcpu_start s __attribute__((aligned(8))) = {
		.rip = (uint64_t)(uintptr_t)kit_vcpu_entry,
		.rsp = v->stack_top,
		.rdi = kit_gpa(v),
		.cr3 = kit_root(),
		.gdt_base = kit_gpa(v->gdt),
		.gdt_limit = sizeof(v->gdt) - 1,
	};
	uint64_t st = PV_ESTATE;
	unsigned i;

	/* One that has just ended may not have reached vcpu_stop yet. */
	for (i = 0; i < START_TRIES && st == PV_ESTATE; i++) {
		st = pv_vcpu_start(v->id, kit_gpa(&s));
		if (st == PV_ESTATE)
			kit_yield();
	}
	return st;
}

uint64_t kit_vcpu_start(unsigned vcpu, void (*fn)(void *), void *arg)
{
	struct kit_vcpu *v;
	uint64_t st;

	if (vcpu >= kit_vcpus())
		return PV_EINVAL;
	if (!kit_vcpu_table[vcpu])
		kit_vcpu_table[vcpu] = vcpu_make(vcpu);
	v = kit_vcpu_table[vcpu];
	if (!v)
		return PV_ENOMEM;
	if (__atomic_exchange_n(&v->running, 1, __ATOMIC_ACQ_REL))
		return PV_ESTATE;
	v->fn = fn;
	v->arg = arg;
	v->timer_ns = KIT_FOREVER;
	st = vcpu_launch(v);
	if (st)
		__atomic_store_n(&v->running, 0, __ATOMIC_RELEASE);
	return st;
}

void kit_vcpu_begin(struct kit_vcpu *v)
{
	kit_vcpu_tables(v);
	kit_apic_start();
	kit_irq_on();
	v->fn(v->arg);
	kit_irq_off();
	__atomic_store_n(&v->running, 0, __ATOMIC_RELEASE);
	pv_vcpu_stop();
	kit_panic("vCPU %u could not stop", v->id);
}

bool kit_vcpu_stopped(unsigned vcpu)
{
	struct kit_vcpu *v = vcpu < PV_VCPUS_MAX ? kit_vcpu_table[vcpu] : NULL;

	return !v || !__atomic_load_n(&v->running, __ATOMIC_ACQUIRE);
}

void kit_ipi_register(unsigned bit, void (*fn)(void *), void *arg)
{
	if (bit > 63)
		return;
	ipis[bit].arg = arg;
	ipis[bit].fn = fn;
}

void kit_ipi_run(unsigned bit)
{
	if (ipis[bit].fn)
		ipis[bit].fn(ipis[bit].arg);
}

void kit_ipi(unsigned vcpu, unsigned bit) { kit_ops.ipi(vcpu, bit); }

void kit_yield(void)
{
	if (kit_profile() == PV_PROFILE_PV)
		pv_vcpu_yield();
	else
		__asm__ volatile("pause" ::: "memory");
}

uint64_t kit_vcpu_sched(unsigned vcpu, unsigned priority, unsigned slice_us,
			uint64_t cpus)
{
	return pv_vcpu_sched_set(PV_SELF, vcpu, priority, slice_us, cpus);
}

bool kit_yield_to(unsigned vcpu)
{
	return kit_profile() == PV_PROFILE_PV && !pv_vcpu_yield_to(vcpu);
}

void kit_lock(struct kit_lock *l)
{
	while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&l->held, __ATOMIC_RELAXED))
			__asm__ volatile("pause" ::: "memory");
}

void kit_unlock(struct kit_lock *l)
{
	__atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}
