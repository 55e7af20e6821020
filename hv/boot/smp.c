/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts the other CPUs: INIT to all, then one SIPI after the other. */
#include "boot/acpi.h"
#include "boot/machine.h"
#include "boot/skew.h"
#include "lib/lapic.h"
#include "lib/log.h"
#include "lib/string.h"

#define INIT_WAIT_US 10000 /* between INIT and SIPI (Intel SDM 3A 8.4.4) */
#define SIPI_AGAIN_US 2000
#define ANSWER_US 1000000

/* The end of trampoline.S, from ap_params. */
struct ap_params {
	u32 gdt_base, far_offset;
	u16 far_selector, pad;
	u32 cr4, cr3;
	u64 start;
	u32 long_offset, gdt_offset;
} __attribute__((packed));

extern const u8 ap_code[] __attribute__((visibility("hidden")));
extern const u8 ap_code_end[] __attribute__((visibility("hidden")));
extern const u8 ap_params[] __attribute__((visibility("hidden")));

static struct boot_info *boot;

/* The first C function of a started CPU, on its own stack. */
static noreturn_fn void ap_wait(void)
{
	void (*entry)(void);

	write_cr3(boot_own.cr3);
	cpu_take(cpu_of_stack());
	skew_answer();
	while (!(entry = load_acquire(&boot->ap_entry)))
		cpu_relax();
	entry();
	__builtin_unreachable();
}

/* What trampoline.S reads. */
static struct ap_start {
	u64 stack; /* it takes it and writes 0; 0: it stops */
	void (*entry)(void);
} ap = { .entry = ap_wait };

static void wait_us(u64 us, bool for_answer)
{
	u64 start = rdtsc();

	while (rdtsc() - start < tsc_from_us(us) &&
	       !(for_answer && !load_acquire(&ap.stack)))
		cpu_relax();
}

static bool start_one(u32 apic_id, u64 stack)
{
	u32 sipi = ICR_SIPI | ICR_ASSERT |
		   (u32)(boot_own.ap_page >> PAGE_SHIFT);

	store_release(&ap.stack, stack);
	lapic_command(apic_id, sipi);
	wait_us(SIPI_AGAIN_US, true);
	if (load_acquire(&ap.stack)) {
		lapic_command(apic_id, sipi);
		wait_us(ANSWER_US, true);
	}
	/* Whoever is late gets no stack and stops. */
	return !__atomic_exchange_n(&ap.stack, 0, __ATOMIC_ACQ_REL);
}

/* Guests and the scheduler take all TSCs for one clock. Returns what is left of
 * a CPU's skew, with the error of its measurement. */
static u64 tsc_agree(u32 cpu)
{
	struct skew s = skew_measure();
	bool found = skew_found(&s);

	if (found) {
		log("parley: CPU %u: TSC %s by %lu ticks (within %lu), "
		    "corrected\n",
		    cpu, s.off < 0 ? "behind" : "ahead",
		    s.off < 0 ? -(u64)s.off : (u64)s.off, s.error);
		skew_correct(&s);
		s = skew_measure();
	}
	skew_end();
	if (skew_found(&s))
		log("parley: CPU %u: its TSC cannot be moved; time goes back "
		    "where a guest looks at two CPUs\n",
		    cpu);
	return s.error + (s.off < 0 ? -(u64)s.off : (u64)s.off);
}

void ap_page_fill(void)
{
	u64 page = boot_own.ap_page;
	struct ap_params *p;

	memcpy((void *)page, ap_code, (u64)ap_code_end - (u64)ap_code);
	p = (struct ap_params *)(page + (u64)ap_params - (u64)ap_code);
	memcpy((void *)(page + PAGE_SIZE), (void *)boot_own.cr3, PAGE_SIZE);
	p->gdt_base = (u32)page + p->gdt_offset;
	p->far_offset = (u32)page + p->long_offset;
	p->cr4 = CR4_PAE | (cpu_feat.cr4 & CR4_LA57);
	p->cr3 = (u32)(page + PAGE_SIZE);
	p->start = (u64)&ap;
}

void cpus_start(struct boot_info *bi)
{
	u32 n = boot_own.ap_page ? acpi_boot.nr_cpus : 1;
	u64 worst = 0, left;

	boot = bi;
	if (n > 1)
		lapic_command(0, ICR_INIT | ICR_ASSERT | ICR_OTHERS);
	wait_us(n > 1 ? INIT_WAIT_US : 0, false);
	for (u32 i = 1; i < n; i++) {
		u32 id = acpi_boot.apic_ids[i];

		cpu_make(cpu_count, id);
		if (!start_one(id, boot_stack_top(cpu_count))) {
			log("parley: CPU with APIC id %u does not answer\n",
			    id);
			continue;
		}
		left = tsc_agree(cpu_count++);
		worst = left > worst ? left : worst;
	}
	if (cpu_count > 1)
		log("parley: the CPUs' TSCs agree within %lu ticks\n", worst);
}
