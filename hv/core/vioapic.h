/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual I/O APIC of hvm and classic, at 0xFEC00000 (Intel 82093AA data
 * sheet, version 0x11: an end of interrupt is told by the local APICs). */
#pragma once

#include "core/ioreq.h"

/* All pins masked. */
void vioapic_init(struct vioapic *a);
/* Is any of [at, at + len) of guest-physical memory its page? Not in profile pv. */
static inline bool vioapic_overlaps(const struct partition *p, u64 at, u64 len)
{
	return unlikely(at - PV_IOAPIC_BASE + len - 1 < PAGE_SIZE + len - 1) &&
	       p->profile != PROFILE_PV;
}

/* An access to that page, by a vCPU of p; returns what a read gets. Registers are
 * of 32 bits: in other sizes they read 0, and are not written. */
u64 vioapic_access(struct partition *p, const struct ioreq *r);
/*
 * The line of a pin (below PV_IOAPIC_PINS): PV_LINE_*. One that goes up is an
 * interrupt, unless the pin is masked; while it is up, and the pin's trigger mode
 * is level, so is the end of each. The polarity bit means nothing. *heard: the pin is
 * not masked. Any CPU. PV_ENOSYS: p has none.
 */
int vioapic_line(struct partition *p, u32 pin, u32 line, u64 *heard) must_check;
/* A level-triggered interrupt has ended at a local APIC of p. */
void vioapic_eoi(struct partition *p, u32 vector);
