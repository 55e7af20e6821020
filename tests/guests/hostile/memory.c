/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that is not the guest's, and the CPU's tables in odd places. */
#include <string.h>

#include "hostile.h"
#include "kit/call.h"
#include "kit/mm.h"

#define WINDOW 0x4100000000ull /* guest-virtual, for odd mappings */

static uint64_t memory_end(void)
{
	const struct pv_mem *m = kit_ptr(kit_info()->mem);
	uint64_t end = 0;
	uint32_t i;

	for (i = 0; i < kit_info()->nr_mem; i++)
		if (m[i].start + m[i].size > end)
			end = m[i].start + m[i].size;
	return end;
}

static volatile uint64_t *window(uint64_t gpa, unsigned flags)
{
	kit_map(WINDOW, gpa, 4096, flags);
	return (volatile uint64_t *)WINDOW;
}

static void foreign_read(void)
{
	(void)*window(memory_end() + 0x100000, KIT_WRITE);
}

static void foreign_write(void)
{
	*window(memory_end() + 0x100000, KIT_WRITE) = 0x4141414141414141;
}

static void foreign_exec(void)
{
	window(memory_end() + 0x100000, KIT_EXEC);
	((void (*)(void))WINDOW)();
}

/* A page of its own that it has shared with itself, to read only. */
static void readonly_share(void)
{
	uint64_t at = 0x800000000ull, page = kit_gpa(kit_pages_alloc(1));
	uint64_t self = kit_info()->self;

	if (pv_mem_share(self, page, 1, 0) ||
	    pv_mem_accept(self, page, 1, at, 0))
		kit_exit(9);
	*window(at, KIT_WRITE) = 0x4141414141414141;
}

static void apic_page(void)
{
	window(0xfee00000, KIT_WRITE | KIT_UNCACHED)[0x300 / 8] = 0x000c4500;
}

static void high_read(void) { (void)*window(0xffffffffff000ull, KIT_WRITE); }

/* ---- the guest's own page tables ---- */

static void poke(uint64_t at) { *(volatile uint64_t *)at = 1; }

static void jump(uint64_t at) { ((void (*)(void))at)(); }

static void readonly(void)
{
	uint64_t *page = kit_pages_alloc(1);
	int got;

	kit_map(WINDOW, kit_gpa(page), 4096, KIT_READ);
	got = try(poke, WINDOW + 8);
	check(got == VECTOR_PF && try_cr2 == WINDOW + 8 && try_error == 3 &&
		      !page[1],
	      "write-readonly", "vector %d, CR2 %llx, error %llx", got,
	      (unsigned long long)try_cr2, (unsigned long long)try_error);
	got = try(jump, WINDOW);
	check(got == VECTOR_PF && try_cr2 == WINDOW, "exec-data", "vector %d",
	      got);
	got = try(poke, (uint64_t)(uintptr_t)readonly);
	check(got == VECTOR_PF, "write-code", "vector %d", got);
	kit_unmap(WINDOW, 4096);
	got = try(poke, WINDOW);
	check(got == VECTOR_PF && try_error == 2, "write-absent",
	      "vector %d, error %llx", got, (unsigned long long)try_error);
	got = try(poke, 0);
	check(got == VECTOR_PF, "write-null", "vector %d", got);
	got = try(poke, 0x8000000000000000);
	check(got == VECTOR_GP, "write-noncanonical", "vector %d", got);
}

static void cr3_foreign(void)
{
	__asm__ volatile("movq %0, %%cr3; nop" ::"r"(memory_end() + 0x100000)
			 : "memory");
}

/* A page table in memory that is not ours. */
static void table_foreign(void)
{
	uint64_t *root = kit_ptr(kit_root());

	root[(WINDOW >> 39) & 511] = (memory_end() + 0x100000) | 7;
	(void)*(volatile uint64_t *)WINDOW;
}

/* ---- code, stack and IDT in device registers ---- */

static uint64_t device(void)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, NULL);

	return d ? d->base : PV_VIRTIO_BASE;
}

static void mmio_code(void)
{
	window(device(), KIT_EXEC);
	((void (*)(void))WINDOW)();
}

static void mmio_stack(void)
{
	window(device(), KIT_WRITE);
	__asm__ volatile("movq %0, %%rsp; call 1f; 1: nop" ::"r"(WINDOW + 0x800)
			 : "memory");
	kit_exit(9);
}

struct idtr {
	uint16_t pad[3], limit;
	uint64_t base;
};

static void idt_load(uint64_t base)
{
	struct idtr r = { .limit = 4095, .base = base };

	__asm__ volatile("lidt %0" ::"m"(r.limit), "m"(r));
}

static void mmio_idt(void)
{
	window(device(), KIT_WRITE);
	idt_load(WINDOW);
	__asm__ volatile("int3");
	kit_exit(9);
}

static void foreign_idt(void)
{
	window(memory_end() + 0x100000, KIT_WRITE);
	idt_load(WINDOW);
	__asm__ volatile("ud2");
}

/* ---- an IDT on a page that faults ---- */

static struct idtr idt_was;
static unsigned idt_faults, idt_runs;
static uint64_t idt_page;

/* The gate was not there: now it is, and the CPU tries again. */
static void idt_fix(struct kit_frame *f)
{
	uint64_t at;

	__asm__ volatile("movq %%cr2, %0" : "=r"(at));
	idt_faults++;
	if (at < WINDOW + 4096 || at >= WINDOW + 8192)
		kit_panic("#PF at %llx, error %llx", (unsigned long long)at,
			  (unsigned long long)f->error);
	kit_map(WINDOW + 4096, idt_page + 4096, 4096, KIT_WRITE);
}

static void idt_ran(void *arg)
{
	(void)arg;
	idt_runs++;
}

/* Gates below 32 lie on the first page, those above on the second. */
static void idt_fault(void)
{
	unsigned round;

	__asm__ volatile("cli; sidt %0" : "=m"(idt_was.limit), "=m"(idt_was));
	idt_page = kit_gpa(kit_pages_alloc(2));
	memcpy(kit_ptr(idt_page + 4096 - 512), kit_ptr(idt_was.base), 4096);
	kit_map(WINDOW, idt_page, 4096, KIT_WRITE);
	kit_vector_register(0x81, idt_ran, NULL);
	kit_trap_set(VECTOR_PF, idt_fix);
	idt_load(WINDOW + 4096 - 512);
	for (round = 0; round < 16; round++) {
		kit_unmap(WINDOW + 4096, 4096);
		__asm__ volatile("int $0x81" ::: "memory");
	}
	__asm__ volatile("lidt %0; sti" ::"m"(idt_was.limit), "m"(idt_was));
	kit_trap_set(VECTOR_PF, NULL);
	check(idt_faults == 16 && idt_runs == 16, "idt-fault",
	      "%u faults, %u deliveries of 16", idt_faults, idt_runs);
}

const struct hostile memory_tests[] = {
	{ "foreign-read", foreign_read, true },
	{ "foreign-write", foreign_write, true },
	{ "foreign-exec", foreign_exec, true },
	{ "foreign-idt", foreign_idt, true },
	{ "readonly-share", readonly_share, true },
	{ "apic-page", apic_page, true },
	{ "high-read", high_read, true },
	{ "readonly", readonly, false },
	{ "cr3-foreign", cr3_foreign, true },
	{ "table-foreign", table_foreign, true },
	{ "mmio-code", mmio_code, true },
	{ "mmio-stack", mmio_stack, true },
	{ "mmio-idt", mmio_idt, true },
	{ "idt-fault", idt_fault, false },
	{ NULL, NULL, false },
};
