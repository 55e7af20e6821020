/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC of hvm and classic: x2APIC registers, priorities. */
#pragma once

#include "core/partition.h"

#define VAPIC_TPR 0x08 /* in vapic.reg */

/*
 * SDM Vol. 3A, chapter 11, always in x2APIC mode; the APIC's id is the vCPU's.
 * The timer counts at the frequency of the TSC, before its divider
 * (PV_CPUID_TIME and CPUID 0x15 say so). Fixed and lowest-priority interrupts
 * only: INIT, SIPI, NMI and SMI are accepted and dropped (vCPUs start by
 * vcpu_start). IRR is set by any CPU, the rest is private to the vCPU's CPU.
 */
struct vapic {
	u32 reg[0x40];	  /* by MSR - 0x800 */
	u32 armed;	  /* the vCPU's timer is this APIC's */
	u64 timer_start;  /* host TSC when TMICT was written or last expired */
	u64 tsc_deadline; /* guest TSC */
	u64 base;	  /* IA32_APIC_BASE */
};

int vapic_init(struct vcpu *v) must_check; /* PV_OK, PV_ENOMEM */
/* MSR 0x800..0x83F, 0x1B, 0x6E0. false: #GP. */
bool vapic_read(struct vcpu *v, u32 msr, u64 *val);
bool vapic_write(struct vcpu *v, u32 msr, u64 val);
/* Raises a vector (any CPU; sets PEND_APIC and wakes). */
void vapic_raise(struct vcpu *v, u32 vector);
/* Raises what an ICR says (no shorthand where from is NULL) at the APICs of p that it
 * names; level: its end is told to the I/O APIC. */
void vapic_send(struct partition *p, const struct vcpu *from, u64 icr,
		bool level);
void vapic_timer_fired(struct vcpu *v);
/* The TSC offset has changed: a TSC deadline means another time now. */
void vapic_timer_rearm(struct vcpu *v);
/* Task priority, 0..255; CR8 is its upper half. */
void vapic_tpr_set(struct vcpu *v, u64 tpr);
bool vapic_pending(const struct vcpu *v); /* something above TPR/ISR */
/* Before entry: injects the highest deliverable vector, or asks for a window. */
void vapic_deliver(struct vcpu *v);
