/* SPDX-License-Identifier: BSD-2-Clause */
/* Host interrupts: IDT handlers, local APIC, I/O APIC. */
#pragma once

#include "lib/lapic.h"

/* Vectors of the hypervisor. */
#define VEC_GSI_BASE 0x30 /* GSI n arrives as VEC_GSI_BASE + n, n < GSI_COUNT */
#define VEC_MSI_BASE 0x70 /* messages of devices */
#define VEC_MSI_COUNT 96
#define VEC_KICK 0xF1	  /* cross-CPU: look at your pending work */
#define VEC_SHOOT 0xF2	  /* cross-CPU: flush */
#define VEC_SPURIOUS 0xFF /* hv/boot: SVR_ENABLED; VEC_IOMMU: lib/iommu.h */

/*
 * Handlers run on the interrupted hypervisor stack with interrupts off, after
 * which the dispatcher sends EOI. They must only note work. One per vector;
 * registered at boot. fn gets the vector.
 */
typedef void (*irq_fn)(u32 vector);
void irq_register(u32 vector, irq_fn fn); /* fn NULL: none */

/* Runs the handler of a vector and sends EOI. For the interrupt stubs, and for
 * a backend whose exits acknowledge the interrupt. Interrupts off. */
void irq_dispatch(u32 vector);

/* Local APIC (x2APIC where present, else xAPIC). */
void lapic_ipi(u32 apic_id, u32 vector);
void lapic_nmi_others(void); /* to every other CPU */

/*
 * One-shot timer on this CPU: VEC_TIMER at TSC value `tsc` (in the past: at
 * once; ~0: never). TSC deadline where present, else the APIC counter, which may
 * fire early for a deadline beyond its 32 bits: look at the clock again.
 * The handler of VEC_TIMER sets cpu->timer_at to ~0.
 */
void lapic_timer_arm(u64 tsc);

/*
 * I/O APICs from the MADT; all pins start masked. The GSI of a PCI interrupt
 * line (or ISA interrupt, through the MADT's overrides, when isa is true), or -1
 * if there is no such pin.
 */
int ioapic_gsi(u32 irq, bool isa);
/* Routes that pin, which exists, to VEC_GSI_BASE + gsi on CPU `cpu`, which is
 * online, and unmasks it. PCI's polarity and trigger for a line, and ISA's for
 * the other, unless an override says otherwise. */
void ioapic_route(u32 irq, bool isa, u32 cpu);
void ioapic_mask(u32 gsi, bool masked);
bool ioapic_is_level(u32 gsi);
