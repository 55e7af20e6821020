/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes over the boot CPU, and starts the others: INIT to all, then one SIPI
 * after the other. */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/irq.h"
#include "arch/power.h"
#include "lib/machine.h"
#include "lib/x86.h"
#include "lib/log.h"

#define INIT_WAIT_US 10000 /* between INIT and SIPI (Intel SDM 3A 8.4.4) */
#define SIPI_AGAIN_US 2000
#define ANSWER_US 1000000
#define GDT_OFFSET 512 /* behind struct cpu in its page */
#define TSS_OFFSET 1024

_Static_assert(sizeof(struct cpu) <= GDT_OFFSET, "struct cpu in its page");

static struct boot_info *boot;

/* The CPU with the MADT's entry n, in the stacks and the page set aside. */
static struct cpu *cpu_make(u32 n)
{
	u64 stacks = boot->stacks + n * BOOT_CPU_STACKS * HV_STACK_SIZE;
	struct cpu *c = (struct cpu *)(boot->cpu_pages + n * PAGE_SIZE);

	c->index = cpu_count;
	c->apic_id = acpi.apic_ids[n];
	c->gdt = (u64 *)((u64)c + GDT_OFFSET);
	c->tss = (u8 *)c + TSS_OFFSET;
	c->ist_base = stacks;
	c->stack_top = stacks + BOOT_CPU_STACKS * HV_STACK_SIZE - 8;
	for (u32 i = 1; i <= BOOT_CPU_STACKS; i++)
		*(struct cpu **)(stacks + i * HV_STACK_SIZE - 8) = c;
	return c;
}

/* The first C function of a started CPU, on its own stack. */
static noreturn_fn void ap_main(void)
{
	struct cpu *c = cpu_this();

	write_cr3(boot->cr3);
	cpu_tables_init(c);
	lapic_init();
	store_release(&c->online, 1);
	boot->ap_next();
	__builtin_unreachable();
}

static bool wait_online(const struct cpu *c, u64 us)
{
	u64 end = rdtsc() + tsc_from_us(us);

	while (rdtsc() < end) {
		if (load_acquire(&c->online))
			return true;
		cpu_relax();
	}
	return false;
}

static bool start_one(struct cpu *c)
{
	u32 page = (u32)(boot->ap_page >> PAGE_SHIFT);

	store_release(&boot->ap.stack, c->stack_top - 8);
	lapic_startup(c->apic_id, page);
	if (wait_online(c, SIPI_AGAIN_US))
		return true;
	lapic_startup(c->apic_id, page);
	if (wait_online(c, ANSWER_US))
		return true;
	/* Whoever takes the stack from now on gets none and stops. If this one
	 * took it just now, it is late, not absent. */
	if (!__atomic_exchange_n(&boot->ap.stack, 0, __ATOMIC_ACQ_REL))
		return wait_online(c, ANSWER_US);
	return false;
}

static void start_others(void)
{
	u64 sent = rdtsc();

	lapic_init_others();
	while (rdtsc() - sent < tsc_from_us(INIT_WAIT_US))
		cpu_relax();
	for (u32 n = 1; n < acpi.nr_cpus; n++) {
		struct cpu *c = cpu_make(n);

		if (start_one(c))
			cpu_table[cpu_count++] = c;
		else
			log("parley: CPU with APIC id %u does not answer\n",
			    c->apic_id);
	}
}

void arch_init(struct boot_info *bi, void (*ap_entry)(void))
{
	struct cpu *c;

	boot = bi;
	c = cpu_make(0);
	c->online = 1;
	cpu_table[cpu_count++] = c;
	cpu_tables_init(c);
	power_init(bi);
	ioapic_init();
	lapic_init();
	bi->ap.entry = ap_main;
	bi->ap_next = ap_entry;
	if (bi->ap_page)
		start_others();
}
