/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts the other CPUs: INIT to all, then one SIPI after the other. */
#include "arch/smp.h"
#include "arch/acpi.h"
#include "arch/cpu.h"
#include "arch/early.h"
#include "arch/idt.h"
#include "arch/irq.h"
#include "arch/paging.h"
#include "arch/regs.h"
#include "arch/tsc.h"
#include "arch/x86.h"
#include "lib/log.h"
#include "lib/string.h"

#define INIT_WAIT_US 10000 /* between INIT and SIPI (Intel SDM 3A 8.4.4) */
#define SIPI_AGAIN_US 2000
#define ANSWER_US 1000000
#define STACKS (1 + IST_COUNT)
#define STACK_PAGES (HV_STACK_SIZE / PAGE_SIZE)
#define GDT_OFFSET 512 /* behind struct cpu in its page */
#define TSS_OFFSET 1024

_Static_assert(BOOT_STACK_SIZE == HV_STACK_SIZE, "CPU 0 keeps its stack");
_Static_assert(sizeof(struct cpu) <= GDT_OFFSET, "struct cpu in its page");

/* The end of trampoline.S, from ap_params. */
struct ap_params {
	u32 gdt_base, far_offset;
	u16 far_selector, pad;
	u32 cr4, cr3;
	u64 stack_var, entry;
	u32 long_offset, gdt_offset;
} __attribute__((packed));

extern const u8 ap_code[] __attribute__((visibility("hidden")));
extern const u8 ap_code_end[] __attribute__((visibility("hidden")));
extern const u8 ap_params[] __attribute__((visibility("hidden")));

static u64 next_stack; /* for the CPU being started; it writes 0 */
static void (*ap_next)(void);

/* The lowest page is the guard page; the top word says whose stack it is. */
static void stack_init(struct cpu *c, u64 base)
{
	*(struct cpu **)(base + HV_STACK_SIZE - 8) = c;
	paging_unmap_page(base);
}

struct cpu *smp_cpu_alloc(u32 index, u32 apic_id)
{
	/* The stacks first, so that the page behind them closes no gap. */
	u32 own = index ? STACKS : IST_COUNT;
	u64 at = (u64)early_alloc(own * STACK_PAGES + 1, HV_STACK_SIZE);
	struct cpu *c = (struct cpu *)(at + own * HV_STACK_SIZE);
	u64 sp;

	c->index = index;
	c->apic_id = apic_id;
	c->gdt = (u64 *)((u64)c + GDT_OFFSET);
	c->tss = (u8 *)c + TSS_OFFSET;
	c->ist_base = at;
	for (u32 i = 0; i < own; i++)
		stack_init(c, at + i * HV_STACK_SIZE);
	c->stack_top = at + own * HV_STACK_SIZE - 8;
	if (!index) {
		__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
		sp &= ~(HV_STACK_SIZE - 1);
		c->stack_top = sp + HV_STACK_SIZE - 8;
		stack_init(c, sp);
	}
	cpu_table[index] = c;
	return c;
}

/* The first C function of a started CPU, on its own stack. */
static noreturn_fn void ap_main(void)
{
	struct cpu *c = cpu_this();

	paging_load();
	cpu_tables_init(c);
	lapic_init();
	__atomic_store_n(&c->online, 1, __ATOMIC_RELEASE);
	ap_next();
	__builtin_unreachable();
}

/* Copies the code and a top table that a 32-bit CR3 can name. */
static void prepare_page(u64 page)
{
	struct ap_params *p;

	memcpy((void *)page, ap_code, (u64)(ap_code_end - ap_code));
	p = (struct ap_params *)(page + (u64)(ap_params - ap_code));
	memcpy((void *)(page + PAGE_SIZE), (void *)paging_root(), PAGE_SIZE);
	p->gdt_base = (u32)page + p->gdt_offset;
	p->far_offset = (u32)page + p->long_offset;
	p->cr4 = CR4_PAE | (cpu_feat.la57_on ? CR4_LA57 : 0);
	p->cr3 = (u32)(page + PAGE_SIZE);
	p->stack_var = (u64)&next_stack;
	p->entry = (u64)ap_main;
	paging_make_exec(page);
}

static bool wait_online(const struct cpu *c, u64 us)
{
	u64 end = rdtsc() + tsc_from_us(us);

	do {
		if (__atomic_load_n(&c->online, __ATOMIC_ACQUIRE))
			return true;
		cpu_relax();
	} while (rdtsc() < end);
	return false;
}

static bool start_one(struct cpu *c, u64 page)
{
	__atomic_store_n(&next_stack, c->stack_top - 8, __ATOMIC_RELEASE);
	lapic_startup(c->apic_id, (u32)(page >> PAGE_SHIFT));
	if (wait_online(c, SIPI_AGAIN_US))
		return true;
	lapic_startup(c->apic_id, (u32)(page >> PAGE_SHIFT));
	if (wait_online(c, ANSWER_US))
		return true;
	/* Whoever takes the stack from now on gets none and stops. If this one
	 * took it just now, it is late, not absent. */
	if (!__atomic_exchange_n(&next_stack, 0, __ATOMIC_ACQ_REL))
		return wait_online(c, ANSWER_US);
	return false;
}

void smp_start(const struct boot_info *bi, void (*entry)(void))
{
	struct cpu *spare = NULL;
	u32 self = cpu_table[0]->apic_id;

	cpu_count = 1;
	cpu_table[0]->online = 1;
	ap_next = entry;
	if (acpi.nr_cpus < 2 || !bi->ap_page)
		return;
	prepare_page(bi->ap_page);
	lapic_init_others();
	delay_us(INIT_WAIT_US);
	for (u32 i = 0; i < acpi.nr_cpus && cpu_count < CPU_MAX; i++) {
		u32 id = acpi.apic_ids[i];

		if (id == self || (!cpu_feat.x2apic && id > 254))
			continue;
		if (!spare)
			spare = smp_cpu_alloc(cpu_count, id);
		spare->apic_id = id;
		if (start_one(spare, bi->ap_page)) {
			cpu_count++;
			spare = NULL;
		} else {
			log("parley: CPU with APIC id %u does not answer\n",
			    id);
		}
	}
	if (spare)
		cpu_table[spare->index] = NULL;
}
