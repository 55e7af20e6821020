/* SPDX-License-Identifier: BSD-2-Clause */
/* An emulated I/O APIC at 0xFEC00000 of an unported guest (Intel 82093AA data
 * sheet); pure. */
#ifndef HOST_IOAPIC_H
#define HOST_IOAPIC_H

#include <stdint.h>

#define IOAPIC_BASE 0xfec00000ull
#define IOAPIC_PINS 24u

struct ioapic {
	uint32_t select;
	uint32_t unmasked; /* a bit for each pin */
	uint64_t entry[IOAPIC_PINS];
	unsigned vcpus;
	/* set by the owner; the vector is 32 to 255 */
	void (*raise)(void *arg, unsigned vcpu, unsigned vector);
	void *arg;
};

void ioapic_init(struct ioapic *a, unsigned vcpus);
/* off: the offset of a 32-bit register in the page. */
uint32_t ioapic_read(const struct ioapic *a, unsigned off);
void ioapic_write(struct ioapic *a, unsigned off, uint32_t v);
/* A pin's line goes up. A pin that is masked then has missed it. All are edges,
 * also those that the guest takes for levels; fixed and lowest-priority delivery
 * only. */
void ioapic_edge(struct ioapic *a, unsigned pin);

#endif
