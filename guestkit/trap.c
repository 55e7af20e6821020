/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT, IDT and TSS of each vCPU; exceptions, their report, and vectors. */
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "internal.h"

struct idt_gate {
	uint16_t offset0, selector;
	uint8_t ist, type;
	uint16_t offset1;
	uint32_t offset2, zero;
};
_Static_assert(sizeof(struct idt_gate) == 16, "a gate is 16 bytes");

struct table_reg {
	uint16_t pad[3], limit;
	uint64_t base;
};

#define GATE_INTERRUPT 0x8e
#define GDT_CODE 0x00af9b000000ffffull
#define GDT_DATA 0x00cf93000000ffffull
#define VECTOR_NMI 2u
#define VECTOR_DF 8u
#define VECTOR_MC 18u

static struct idt_gate idt[256] __attribute__((aligned(16)));
static kit_trap_fn traps[32];
static struct {
	kit_irq_fn fn;
	void *arg;
	bool event; /* not of the local APIC */
} irqs[256];

kit_trap_fn kit_trap_set(unsigned vector, kit_trap_fn fn)
{
	kit_trap_fn before;

	if (vector > 31)
		return NULL;
	before = traps[vector];
	traps[vector] = fn;
	return before;
}

void kit_vector_register(unsigned vector, kit_irq_fn fn, void *arg)
{
	if (vector < 32 || vector > 255)
		return;
	irqs[vector].arg = arg;
	irqs[vector].fn = fn;
}

void kit_event_vector_register(unsigned vector, kit_irq_fn fn, void *arg)
{
	if (vector < 32 || vector > 255)
		return;
	kit_vectors_on = 1;
	kit_vector_register(vector, fn, arg);
	irqs[vector].event = true;
}

static void idt_fill(void)
{
	unsigned i;

	for (i = 0; i < 256; i++) {
		uint64_t at = (uint64_t)(uintptr_t)kit_vectors[i];

		idt[i].offset0 = (uint16_t)at;
		idt[i].offset1 = (uint16_t)(at >> 16);
		idt[i].offset2 = (uint32_t)(at >> 32);
		idt[i].selector = KIT_CODE;
		idt[i].type = GATE_INTERRUPT;
	}
	idt[VECTOR_NMI].ist = 1;
	idt[VECTOR_DF].ist = 2;
	idt[VECTOR_MC].ist = 3;
}

void kit_trap_start(void) { idt_fill(); }

static void tss_fill(struct kit_vcpu *v)
{
	uint64_t base = (uint64_t)(uintptr_t)&v->tss;
	unsigned i;

	for (i = 0; i < 3; i++) {
		uint8_t *stack = kit_pages_alloc(KIT_IST_PAGES);
		uint64_t top = kit_gpa(stack) + KIT_IST_PAGES * KIT_PAGE_SIZE;

		if (!stack)
			kit_panic("no memory for exception stacks");
		v->tss.ist[2 * i] = (uint32_t)top;
		v->tss.ist[2 * i + 1] = (uint32_t)(top >> 32);
	}
	v->tss.iomap = sizeof(v->tss) << 16;
	v->gdt[3] = (sizeof(v->tss) - 1) | (base & 0xffffff) << 16 |
		    0x89ull << 40 | (base >> 24 & 0xff) << 56;
	v->gdt[4] = base >> 32;
}

/* Each vCPU, first thing; fills what is empty. */
void kit_vcpu_tables(struct kit_vcpu *v)
{
	struct table_reg r;

	v->self = v;
	v->gdt[1] = GDT_CODE;
	v->gdt[2] = GDT_DATA;
	if (!v->tss.ist[0])
		tss_fill(v);
	v->gdt[3] &= ~(2ull << 40); /* not busy */
	r.limit = sizeof(v->gdt) - 1;
	r.base = (uint64_t)(uintptr_t)v->gdt;
	kit_segments_load(&r.limit);
	__asm__ volatile("ltr %w0" ::"r"(KIT_TSS));
	r.limit = sizeof(idt) - 1;
	r.base = (uint64_t)(uintptr_t)idt;
	__asm__ volatile("lidt %0" ::"m"(r.limit), "m"(r));
	kit_wrmsr(MSR_GS_BASE, (uint64_t)(uintptr_t)v);
}

/* ---- what a vector does ---- */

static void event_run(unsigned vector)
{
	if (irqs[vector].fn)
		irqs[vector].fn(irqs[vector].arg);
	kit_irq_off();
	kit_vector_end();
}

static void irq_run(unsigned vector)
{
	if (irqs[vector].event)
		return event_run(vector);
	if (kit_apic_on)
		kit_wrmsr(MSR_X2APIC_EOI, 0);
	if (vector == KIT_VECTOR_TIMER)
		kit_timer_run();
	else if (vector - KIT_VECTOR_IPI < KIT_IPI_BITS)
		kit_ipi_run(vector - KIT_VECTOR_IPI);
	else if (irqs[vector].fn)
		irqs[vector].fn(irqs[vector].arg);
}

static uint64_t cr_read(unsigned n)
{
	uint64_t v = 0;

	if (n == 0)
		__asm__ volatile("movq %%cr0, %0" : "=r"(v));
	else if (n == 2)
		__asm__ volatile("movq %%cr2, %0" : "=r"(v));
	else if (n == 3)
		__asm__ volatile("movq %%cr3, %0" : "=r"(v));
	else if (n == 4)
		__asm__ volatile("movq %%cr4, %0" : "=r"(v));
	return v;
}

static const char *trap_name(uint64_t vector)
{
	static const char *const names[] = {
		"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
		"#DF", "?",   "#TS", "#NP", "#SS", "#GP", "#PF", "?",
		"#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
	};

	return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "?";
}

/* kit_stop, as if it were called from where that frame says: what the report
 * takes for a return address has 1 taken off before a name is looked up. */
__attribute__((naked, noinline)) static void
stop_from(const char *msg, size_t n, const uint64_t frame[2])
{
	__asm__("movq %rdx, %rbp\n\t"
		"jmp kit_stop");
}

static void trap_die(const struct kit_frame *f)
{
	const uint64_t frame[2] = { f->rbp, f->rip + 1 };
	char msg[120];
	int n;

	n = kit_format(msg, sizeof(msg), "%s error %llx at rip %llx, cr2 %llx",
		       trap_name(f->vector), (unsigned long long)f->error,
		       (unsigned long long)f->rip,
		       (unsigned long long)cr_read(2));
	kit_printf("kit: vcpu %u: %s\n", kit_vcpu_id(), msg);
#define R(name) #name, (unsigned long long)f->name
	kit_printf("%4s %016llx %4s %016llx %4s %016llx\n", R(rax), R(rbx),
		   R(rcx));
	kit_printf("%4s %016llx %4s %016llx %4s %016llx\n", R(rdx), R(rsi),
		   R(rdi));
	kit_printf("%4s %016llx %4s %016llx %4s %016llx\n", R(rbp), R(rsp),
		   R(r8));
	kit_printf("%4s %016llx %4s %016llx %4s %016llx\n", R(r9), R(r10),
		   R(r11));
	kit_printf("%4s %016llx %4s %016llx %4s %016llx\n", R(r12), R(r13),
		   R(r14));
	kit_printf("%4s %016llx rflags %llx cs %llx ss %llx\n", R(r15),
		   (unsigned long long)f->rflags, (unsigned long long)f->cs,
		   (unsigned long long)f->ss);
#undef R
	kit_printf(
		"cr0 %llx cr3 %llx cr4 %llx\n", (unsigned long long)cr_read(0),
		(unsigned long long)cr_read(3), (unsigned long long)cr_read(4));
	kit_printf("trace: %llx", (unsigned long long)f->rip);
	kit_trace_print(f->rbp);
	stop_from(msg, (size_t)n, frame);
}

void kit_trap_entry(struct kit_frame *f)
{
	static uint32_t dying;

	if (f->vector == KIT_VECTOR_UPCALL) {
		kit_event_upcall();
	} else if (f->vector >= 32) {
		irq_run((unsigned)f->vector);
	} else if (traps[f->vector]) {
		traps[f->vector](f);
	} else {
		if (__atomic_exchange_n(&dying, 1, __ATOMIC_SEQ_CST))
			kit_stop("fault while reporting a fault", 29);
		trap_die(f);
	}
}

/* ---- the end ---- */

/* Follows the RBP chain as far as it is mapped and goes upward. */
void kit_trace_print(uint64_t rbp)
{
	unsigned i;
	uint64_t gpa;

	for (i = 0; i < 16 && rbp && !(rbp & 7); i++) {
		const uint64_t *f = (const uint64_t *)(uintptr_t)rbp;

		if (!kit_translate(rbp, &gpa) || !kit_translate(rbp + 8, &gpa))
			break;
		kit_printf(" %llx", (unsigned long long)f[1]);
		if (f[0] <= rbp)
			break;
		rbp = f[0];
	}
	kit_printf("\n");
}

_Noreturn void kit_panic(const char *fmt, ...)
{
	static char msg[256];
	static uint32_t dying;
	__builtin_va_list ap;
	int n;

	kit_irq_off();
	if (__atomic_exchange_n(&dying, 1, __ATOMIC_SEQ_CST))
		kit_stop("panic in a panic", 16);
	__builtin_va_start(ap, fmt);
	n = kit_vformat(msg, sizeof(msg), fmt, ap);
	__builtin_va_end(ap);
	if (n > (int)sizeof(msg) - 1)
		n = sizeof(msg) - 1;
	kit_printf("kit: panic: %s\ntrace:", msg);
	kit_trace_print((uint64_t)(uintptr_t)__builtin_frame_address(0));
	kit_stop(msg, n);
}
