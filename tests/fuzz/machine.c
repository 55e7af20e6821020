/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine: memory and its snapshot, CPUs that take turns, interrupts, time. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include "arch/iommu.h"
#include "arch/irq.h"
#include "boot/machine.h"
#include "core/frame.h"
#include "core/sched.h"
#include "hcall/hcall.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "run/run.h"
#include "tests/fuzz/sim.h"
#include "trap/trap.h"
#include "virt/backend.h"

#define STACK_SIZE (256u << 10)
#define IDLE_ROUNDS 64
#define CPU_PAGES_SIZE (16 * PAGE_SIZE) /* more than any of a CPU's data */
#define TICK 500 /* TSC ticks that a look at the clock takes */
#define CPUID_VMX_BIT (1u << 5)
#define CPUID_SVM_BIT (1u << 2)

struct cpu *cpu_table[CPU_MAX];
u32 cpu_count = SIM_CPUS;
bool sim_vmx;

/* A thread of control: the test's own, and one for each CPU. */
struct strand {
	void *sp, *stack, *fake;
	size_t size;
	u64 timer;   /* TSC of its one-shot timer, 0 none */
	u64 irqs[4]; /* vectors that wait */
};
static struct strand strands[SIM_CPUS + 1];
#define MAIN SIM_CPUS
static u32 running = MAIN;
u64 sim_turns;
static u32 idle_rounds;
static u64 now;
static irq_fn handlers[256];
static struct cpu cpus[SIM_CPUS];

/* ---- switching ---- */

void strand_switch(void **save, void *to);
__asm__(".globl strand_switch\n"
	"strand_switch:\n\t"
	"push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n\t"
	"mov %rsp, (%rdi); mov %rsi, %rsp\n\t"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n\t"
	"ret");

struct cpu *cpu_this(void) { return &cpus[running == MAIN ? 0 : running]; }

static void go(u32 to)
{
	struct strand *me = &strands[running], *other = &strands[to];

	if (other == me)
		return;
	sim_turns++;
	__sanitizer_start_switch_fiber(&me->fake, other->stack, other->size);
	running = to;
	strand_switch(&me->sp, other->sp);
	__sanitizer_finish_switch_fiber(me->fake, NULL, NULL);
}

static void cpu_main(void)
{
	const void *stack;
	size_t size;

	/* who came first is the test itself: that is its stack */
	__sanitizer_finish_switch_fiber(NULL, &stack, &size);
	if (!strands[MAIN].stack) {
		strands[MAIN].stack = (void *)(uintptr_t)stack;
		strands[MAIN].size = size;
	}
	run_cpu();
}

static void strand_prepare(struct strand *s)
{
	void **sp;

	__asan_unpoison_memory_region(s->stack, s->size);
	sp = (void **)((char *)s->stack + s->size) - 8;
	memset(sp, 0, 8 * sizeof(*sp));
	sp[6] = (void *)cpu_main;
	s->sp = sp;
}

void sim_yield(void) { go((running + 1) % SIM_CPUS); }

void sim_end(void)
{
	go(MAIN);
	abort();
}

void sim_relax(void)
{
	if (++idle_rounds > 1000 * IDLE_ROUNDS)
		sim_finding("a CPU waits for ever");
	sim_yield();
}

/* ---- findings ---- */

void sim_finding(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "FINDING: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	__sanitizer_print_stack_trace();
	abort();
}

void panic(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	fmt_vbuf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sim_finding("panic: %s", text);
}

/* ---- time and interrupts ---- */

u64 sim_now(void) { return now; }

void sim_advance(u64 tsc) { now += tsc; }

u64 sim_rdtsc(void) { return now += TICK; }

static void timer_look(u32 cpu)
{
	struct strand *s = &strands[cpu];

	if (!s->timer || s->timer > now)
		return;
	s->timer = 0;
	s->irqs[VEC_TIMER / 64] |= 1ull << VEC_TIMER % 64;
}

bool sim_irq(void)
{
	const u64 *i = strands[running].irqs;

	timer_look(running);
	return i[0] | i[1] | i[2] | i[3];
}

void sim_irq_window(void)
{
	struct strand *s = &strands[running];

	timer_look(running);
	for (u32 v = 0; v < 256; v++)
		if (s->irqs[v / 64] >> v % 64 & 1) {
			s->irqs[v / 64] &= ~(1ull << v % 64);
			if (handlers[v])
				handlers[v](v);
		}
}

/* Nobody runs: the clock goes on to the next timer. */
static void idle_all(void)
{
	u64 next = ~0ull;

	for (u32 i = 0; i < SIM_CPUS; i++)
		if (strands[i].timer && strands[i].timer < next)
			next = strands[i].timer;
	if (next == ~0ull)
		sim_end();
	now = next > now ? next : now;
}

void sim_irq_idle(void)
{
	while (!sim_irq()) {
		if (++idle_rounds > IDLE_ROUNDS) {
			if (guest_over())
				sim_end();
			idle_all();
			idle_rounds = 0;
			(void)guest_byte();
		}
		sim_yield();
	}
	idle_rounds = 0;
	sim_irq_window();
}

void irq_register(u32 vector, irq_fn fn) { handlers[vector] = fn; }

void irq_dispatch(u32 vector)
{
	if (handlers[vector])
		handlers[vector](vector);
}

void lapic_ipi(u32 apic_id, u32 vector)
{
	idle_rounds = 0;
	if (vector == VEC_SHOOT && tlb_fault == FAULT_IPI) {
		u32 me = running;

		/* the handler runs, but the guest there goes on */
		running = apic_id;
		handlers[vector](vector);
		running = me;
		return;
	}
	strands[apic_id].irqs[vector / 64] |= 1ull << vector % 64;
}

void lapic_timer_arm(u64 tsc)
{
	strands[running == MAIN ? 0 : running].timer = tsc;
}

int ioapic_gsi(u32 irq, bool isa) { return irq < 24 ? (int)irq : -1; }

void ioapic_route(u32 irq, bool isa, u32 cpu) {}
void iommu_attach(u32 n, u32 domain, u64 root) {}
void iommu_flush(u32 domain) {}
u64 iommu_message(u16 bdf, u32 vector, u32 apic_id)
{
	return (u64)vector << 32 | MSI_ADDRESS | apic_id << MSI_DEST_SHIFT;
}
void iommu_vector_off(u16 bdf, u32 vector) {}

void ioapic_mask(u32 gsi, bool masked) {}

bool ioapic_is_level(u32 gsi) { return gsi & 1; }

void power_off(u32 status)
{
	if (running == MAIN)
		abort();
	sim_end();
}

void nmi_take(void) {}

bool rdmsr_try(u32 msr, u64 *v) { return false; }

bool wrmsr_try(u32 msr, u64 v) { return false; }

/* ---- registers ---- */

struct cpuid_regs sim_cpuid(u32 leaf, u32 sub)
{
	struct cpuid_regs r = { 0 };

	if (leaf == 1)
		r.c = sim_vmx ? CPUID_VMX_BIT : 0;
	else if (leaf == 0x80000000)
		r.a = 0x8000000a;
	else if (leaf == 0x80000001)
		r.c = CPUID_SVM_BIT;
	else if (leaf == 0x8000000a)
		r = (struct cpuid_regs){ .b = 16, .d = 1 };
	return r;
}

u64 sim_rdmsr(u32 msr)
{
	switch (msr) {
	case 0x3a: /* FEATURE_CONTROL: locked, VMXON */
		return 5;
	case 0x480:
		return 1ull << 55 | 0x1000;
	case 0x48c: /* EPT and VPID: all but accessed and dirty */
		return 0xf0106114141ull | 1ull << 40 | 1ull << 42 | 1ull << 32;
	default: /* VMX controls: all may be 1 */
		return msr >= 0x481 && msr <= 0x491 ? 0xffffffff00000000ull : 0;
	}
}

void sim_wrmsr(u32 msr, u64 v) {}

u64 sim_reg(void) { return 0; }

/* ---- start ---- */

static struct strand saved_strands[SIM_CPUS];
static struct cpu saved_cpus[SIM_CPUS];
static u64 saved_now;

static void restore(void)
{
	memory_restore();
	memcpy(strands, saved_strands, sizeof(saved_strands));
	memcpy(cpus, saved_cpus, sizeof(cpus));
	now = saved_now;
	insn_snapshot(true);
}

static void snapshot(void)
{
	memory_save();
	memcpy(saved_strands, strands, sizeof(saved_strands));
	memcpy(saved_cpus, cpus, sizeof(cpus));
	saved_now = now;
	insn_snapshot(false);
}

void sim_run(void)
{
	restore();
	tlb_reset();
	check_reset();
	idle_rounds = 0;
	for (u32 i = 0; i < SIM_CPUS; i++)
		strand_prepare(&strands[i]);
	go(0);
}

static void setup_none(struct partition *p) {}

static void boot(void)
{
	static struct boot_info bi;
	const char *wrong;
	u64 size;

	cpu_feat = (struct cpu_features){ .nx = true,
					  .gb_pages = true,
					  .phys_bits = 40,
					  .xsave_size = 576,
					  .xcr0_mask = 3,
					  .x2apic = true,
					  .rdtscp = true };
	tsc_khz = lapic_khz = 1000000;
	bi.nr_frames = (SIM_RAM + SIM_SIZE) / PAGE_SIZE;
	size = bi.nr_frames * BOOT_FRAME_SIZE;
	bi.frames = (void *)(SIM_RAM + SIM_SIZE - size); /* frames_look */
	memset(bi.frames, 0xff, size);
	bi.nr_ranges = 2;
	bi.ranges[0] = (struct boot_range){
		.start = SIM_RAM,
		.size = SIM_HOST + SIM_HOST_SIZE,
		.type = BOOT_MEM_HV,
	};
	bi.ranges[1] = (struct boot_range){
		.start = SIM_RAM + SIM_HOST + SIM_HOST_SIZE,
		.size = SIM_SIZE - SIM_HOST - SIM_HOST_SIZE - size,
		.type = BOOT_MEM_FREE,
	};
	bi.host.base = SIM_RAM + SIM_HOST;
	bi.host.size = SIM_HOST_SIZE;
	wrong = virt_caps_read();
	nested_caps.tags = SIM_TAGS;
	if (!wrong)
		virt_init();
	for (u32 i = 0; i < SIM_CPUS; i++)
		sched_init_cpu(cpu_table[i]);
	frame_init(&bi);
	partition_setup = setup_none;
	run_init();
	hcall_init();
	batch_watch();
	for (running = 0; !wrong && running < SIM_CPUS; running++)
		wrong = virt_on(cpu_this());
	running = MAIN;
	if (wrong)
		sim_finding("the machine is refused: %s", wrong);
}

void sim_start(bool vmx, void (*setup)(void))
{
	sim_vmx = vmx;
	guest_trace = getenv("FUZZ_TRACE");
	insn_init();
	memory_init();
	log_direct = false;
	for (u32 i = 0; i < SIM_CPUS; i++) {
		cpus[i].index = cpus[i].apic_id = i;
		cpu_table[i] = &cpus[i];
		cpus[i].virt = (void *)(SIM_RAM + 2 * i * CPU_PAGES_SIZE);
		cpus[i].sched = (char *)cpus[i].virt + CPU_PAGES_SIZE;
		strands[i].size = STACK_SIZE;
		strands[i].stack = mmap(NULL, STACK_SIZE,
					PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	boot();
	setup();
	snapshot();
}
