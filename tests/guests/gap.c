/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events whose delivery finds the IDT's page gone from the nested tables: vCPU
 * 1 takes it away, vCPU 0 raises the event, vCPU 1 puts it back once it sees
 * that vCPU 0 has faulted. Each event must be delivered again, exactly once.
 */
#include <string.h>

#include "check.h"
#include "kit/call.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/ops.h"
#include "kit/smp.h"
#include "kit/time.h"

#define AT \
	0xb0000000ull /* guest-physical and virtual: the IDT's second place */
#define EXIT_KIND_MMIO 8u
#define ROUNDS 3u
#define VECTOR_OWN 0x81u
#define BP 3u
#define UD 6u
#define GP 13u

struct idtr {
	uint8_t pad[6];
	uint16_t limit;
	uint64_t base;
} __attribute__((packed, aligned(8)));

static uint64_t page, handle;
static uint32_t wanted, gone, back; /* rounds */
static unsigned runs, errors;

static uint64_t faults(void)
{
	static struct pv_vcpu_stats s;

	return pv_partition_stats(PV_SELF, 0, kit_gpa(&s)) ?
		       0 :
		       s.exits[EXIT_KIND_MMIO];
}

/* Sleeps, for the sake of an emulator that runs one CPU at a time. */
static void pause(void) { pv_vcpu_wait(kit_tsc() + kit_tsc_khz() / 10); }

static void wait_for(const uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		pause();
}

static void must(uint64_t status, const char *what)
{
	if (status)
		kit_panic("%s: %s", what, kit_status_name(status));
}

/* vCPU 1 */
static void pager(void *arg)
{
	uint32_t round;
	uint64_t before;

	(void)arg;
	for (round = 1; round; round++) {
		wait_for(&wanted, round);
		before = faults();
		must(pv_mem_return(AT, 1), "mem_return");
		__atomic_store_n(&gone, round, __ATOMIC_RELEASE);
		while (faults() < before + 2)
			pause();
		must(pv_mem_accept(PV_SELF, page, 1, AT, 0), "mem_accept");
		__atomic_store_n(&back, round, __ATOMIC_RELEASE);
	}
}

/* ---- events ---- */

static void ran(void *arg)
{
	(void)arg;
	runs++;
}

static void trapped(struct kit_frame *f)
{
	runs++;
	errors += f->error != (f->vector == GP ? 0x1230 : 0);
	if (f->vector != BP)
		f->rip += 2; /* UD2, MOV to DS */
}

static void raise_interrupt(void)
{
	__asm__ volatile("int %0" ::"i"(VECTOR_OWN) : "memory");
}

static void raise_breakpoint(void) { __asm__ volatile("int3" ::: "memory"); }

static void raise_undefined(void) { __asm__ volatile("ud2" ::: "memory"); }

/* #GP with an error code */
static void raise_protection(void)
{
	__asm__ volatile("movl %0, %%ds" ::"r"(0x1230) : "memory");
}

/* The hypervisor delivers it once interrupts are on. */
static void raise_event(void)
{
	unsigned was = runs;

	kit_ops.event_send(handle);
	kit_irq_on();
	while (__atomic_load_n(&runs, __ATOMIC_RELAXED) == was)
		;
	kit_irq_off();
}

/* The first of them may be left out. */
static const struct {
	const char *name;
	void (*raise)(void);
} events[] = {
	{ "interrupt", raise_interrupt }, { "breakpoint", raise_breakpoint },
	{ "undefined", raise_undefined }, { "protection", raise_protection },
	{ "from-outside", raise_event },
};

static void event_check(unsigned e, struct idtr *there, struct idtr *here)
{
	char name[40];
	uint64_t before = faults();
	unsigned i;

	runs = errors = 0;
	for (i = 0; i < ROUNDS; i++) {
		uint32_t round = wanted + 1;

		__atomic_store_n(&wanted, round, __ATOMIC_RELEASE);
		wait_for(&gone, round);
		__asm__ volatile("lidt %0" ::"m"(there->limit), "m"(*there));
		events[e].raise();
		__asm__ volatile("lidt %0" ::"m"(here->limit), "m"(*here));
		wait_for(&back, round);
	}
	snprintf(name, sizeof(name), "gap-%s-%s", events[e].name,
		 kit_profile_name());
	check(runs == ROUNDS && !errors && faults() - before >= 2 * ROUNDS,
	      name, "%u of %u delivered, %u wrong error codes, %llu faults",
	      runs, ROUNDS, errors, (unsigned long long)(faults() - before));
}

static void events_prepare(void)
{
	int port = kit_event_alloc();

	kit_vector_register(VECTOR_OWN, ran, NULL);
	kit_vector_register(KIT_VECTOR_SELF, ran, NULL);
	kit_event_register(port, ran, NULL);
	must(kit_event_bind(port, 0, &handle), "event_bind");
	kit_trap_set(BP, trapped);
	kit_trap_set(UD, trapped);
	kit_trap_set(GP, trapped);
}

int kit_main(const char *cmdline)
{
	struct idtr here, there = { .limit = 4095, .base = AT };
	unsigned e;

	(void)cmdline;
	events_prepare();
	kit_irq_off();
	__asm__ volatile("sidt %0" : "=m"(here.limit), "=m"(here));
	page = kit_gpa(kit_pages_alloc(1));
	memcpy(kit_ptr(page), kit_ptr(here.base), 4096);
	must(pv_mem_share(PV_SELF, page, 1, PV_SHARE_WRITE), "mem_share");
	must(pv_mem_accept(PV_SELF, page, 1, AT, 0), "mem_accept");
	if (!kit_map(AT, AT, 4096, KIT_WRITE) || kit_vcpu_start(1, pager, NULL))
		kit_panic("no second vCPU, or no page table");
	e = check_without("interrupt", "gap-interrupt", "INT n");
	for (; e < sizeof(events) / sizeof(events[0]); e++)
		event_check(e, &there, &here);
	return check_summary("gap");
}
