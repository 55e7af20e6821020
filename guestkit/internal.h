/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kit's files share among themselves; no guest includes it. */
#ifndef KIT_INTERNAL_H
#define KIT_INTERNAL_H

#include "kit/irq.h"
#include "kit/kit.h"
#include "kit/mm.h"
#include "kit/ops.h"

#define KIT_CODE 0x08u
#define KIT_DATA 0x10u
#define KIT_TSS 0x18u
#define KIT_IST_PAGES 1u

#define MSR_APIC_BASE 0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC_SIVR 0x80fu
#define MSR_X2APIC_EOI 0x80bu
#define MSR_X2APIC_ICR 0x830u
#define MSR_X2APIC_LVT_TIMER 0x832u
#define MSR_X2APIC_INIT_COUNT 0x838u
#define MSR_X2APIC_DIV_CONF 0x83eu
#define MSR_X2APIC_SELF_IPI 0x83fu
#define MSR_GS_BASE 0xc0000101u

/* SDM Vol. 3A, 8.7 */
struct kit_tss {
	uint32_t zero0;
	uint32_t rsp[6];
	uint32_t zero1[2];
	uint32_t ist[14]; /* IST n: words 2n - 2 and 2n - 1 */
	uint32_t zero2[2];
	uint32_t iomap; /* in the upper half */
};
_Static_assert(sizeof(struct kit_tss) == 104, "TSS is 104 bytes");

/* One vCPU's own data; GS points at it. Offsets 0 and 8 are used in asm. */
struct kit_vcpu {
	struct kit_vcpu *self;
	uint64_t stack_top;
	uint32_t id;
	uint32_t running; /* atomic: set by the starter, cleared by itself */
	struct pv_vcpu_page *page;
	void (*fn)(void *);
	void *arg;
	uint64_t timer_ns; /* KIT_FOREVER: none */
	void (*timer_fn)(void *);
	void *timer_arg;
	uint64_t gdt[6];
	struct kit_tss tss;
};

extern struct kit_vcpu *kit_vcpu_table[PV_VCPUS_MAX];
extern struct kit_vcpu kit_vcpu0;
extern uint32_t kit_apic_on;	/* the local APIC is in use */
extern uint32_t kit_vectors_on; /* events have vectors of their own */

/* Sends an event and waits as kit_wait does, in one exit. Interrupts are off.
 * false: there is no such way, or the handle names nothing (any more). */
bool kit_send_wait(uint64_t event, uint64_t deadline_ns);

static inline struct kit_vcpu *kit_this(void)
{
	struct kit_vcpu *v;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(v));
	return v;
}

static inline uint64_t kit_rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline void kit_wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32))
			 : "memory");
}

static inline void kit_cpuid(uint32_t leaf, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(0));
}

static inline void kit_outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

static inline uint8_t kit_inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

/* entry.S */
void kit_vcpu_entry(void);
void kit_segments_load(const void *gdtr);
extern const uint8_t kit_vectors[256][16];

/* In the order of start of day. */
void kit_begin(const struct pv_start *s); /* from entry.S */
void kit_vcpu_begin(struct kit_vcpu *v);
void kit_mm_start(const struct pv_start *s);
void kit_calls_patch(int64_t alias); /* alias: added to a site's address */
void kit_trap_start(void);
void kit_vcpu_tables(struct kit_vcpu *v);
void kit_apic_start(void);
void kit_time_start(void);
void kit_smp_start(void);

void kit_trap_entry(struct kit_frame *f); /* from entry.S */
uint64_t kit_time_ns_call(void);
uint64_t kit_time_ns_trap(void);
void kit_event_upcall(void);
void kit_ipi_run(unsigned bit);
void kit_timer_run(void); /* runs this vCPU's timer if it is due */
void kit_timer_arm(uint64_t deadline_ns);
_Noreturn void kit_stop(const char *msg, size_t n);
void kit_trace_print(uint64_t rbp);

/* console.c: the kit's own console, whatever writes go through; where kit_read
 * takes bytes from; and a wait for room, in any context. */
void kit_console_own(const void *buf, size_t n);
void kit_console_input(size_t (*read_try)(void *buf, size_t n));
void kit_console_wait(void);

/* Finds `key=value` in text, as kit_option does. */
bool kit_word_find(const char *text, const char *key, char *buf, size_t size);
bool kit_str_same(const char *a, const char *b);

#endif
