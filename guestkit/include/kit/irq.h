/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps, interrupt vectors, and events with their upcall. */
#ifndef KIT_IRQ_H
#define KIT_IRQ_H

#include "kit/kit.h"

/* What a trap or interrupt found; a handler may change it. */
struct kit_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/*
 * Exceptions 0..31. The handler runs on the stack that was interrupted (NMI,
 * #DF and #MC: one of their own), interrupts off, SSE state saved around it.
 * Returns the handler before; NULL stands for the kit's, which panics with a
 * register dump.
 */
typedef void (*kit_trap_fn)(struct kit_frame *f);
kit_trap_fn kit_trap_set(unsigned vector, kit_trap_fn fn);

/* Vectors 32..223 of the local APIC (hvm and classic); the kit sends the end
 * of interrupt before fn runs, interrupts off. fn NULL removes. */
typedef void (*kit_irq_fn)(void *arg);
void kit_vector_register(unsigned vector, kit_irq_fn fn, void *arg);

/* The kit's own. All but the first are used by the trap path only. */
#define KIT_VECTOR_UPCALL 0xf0u /* events */
#define KIT_VECTOR_IPI 0xe0u	/* + bit, 0 to KIT_IPI_BITS - 1 */
#define KIT_VECTOR_TIMER 0xf1u	/* of the local APIC */
#define KIT_VECTOR_SELF 0xf3u	/* event_send */
#define KIT_VECTOR_SPURIOUS 0xffu

/*
 * Event ports. fn runs in the upcall, interrupts off, on the vCPU that the
 * port is bound to (0 unless kit_event_bind said otherwise), after the bit
 * was cleared; so work that arrives while it runs makes it run again.
 */
void kit_event_register(unsigned port, kit_irq_fn fn, void *arg);
/* A port of the range that nobody else uses, or -1. */
int kit_event_alloc(void);
/* Binds a port of this partition to a vCPU; the handle is for sending to it
 * (give it away with handle_derive). Returns PV_*. */
uint64_t kit_event_bind(unsigned port, unsigned vcpu, uint64_t *handle);
/* Runs what is pending now, as the upcall would. Interrupts off. */
void kit_event_scan(void);

/*
 * Events as vectors of their own, 32..223: a port for which kit_event_vector
 * has been called raises its vector on its vCPU, in place of the upcall; 0 gives
 * it back. PV_*. fn runs interrupts off, with the vector in service: it may put
 * interrupts on, and then those of a higher class (vector / 16) come. The kit
 * ends the vector behind it. What arrives while it runs makes it run again.
 */
uint64_t kit_event_vector(unsigned port, unsigned vector);
void kit_event_vector_register(unsigned vector, kit_irq_fn fn, void *arg);
/* The end of the vector in service, for handlers of a kernel's own. */
void kit_vector_end(void);

/* Interrupts of this vCPU. */
static inline void kit_irq_on(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void kit_irq_off(void) { __asm__ volatile("cli" ::: "memory"); }
static inline uint64_t kit_irq_save(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
	return flags;
}
static inline void kit_irq_restore(uint64_t flags)
{
	if (flags & 0x200)
		kit_irq_on();
}

/* Masks the upcall of this vCPU without an exit; unmasking runs at once what
 * came meanwhile. They do not nest. */
void kit_upcall_mask(void);
void kit_upcall_unmask(void);

#endif
