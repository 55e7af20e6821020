/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual I/O APIC: its registers, its pins, and where they lead. */
#include "core/vioapic.h"
#include "core/vapic.h"

/* clang-format off */
enum {
	SELECT = 0x00, WINDOW = 0x10, /* in memory, and what they reach: */
	R_VERSION = 0x01, R_TABLE = 0x10,
	VERSION = 0x11 | (PV_IOAPIC_PINS - 1) << 16,
};

/* An entry of the table, as the low half of the local APIC's ICR has it. */
enum {
	E_VECTOR = 0xff, E_MODE = 0x700, E_LOGICAL = 0x800,
	E_REMOTE_IRR = 0x4000, E_LEVEL = 0x8000, E_MASKED = 0x10000,
	E_LOW = E_VECTOR | E_MODE | E_LOGICAL | 0x2000 | E_LEVEL | E_MASKED,
};
#define E_HIGH 0xff000000u
/* clang-format on */
#define VECTOR_MIN 16u

void vioapic_init(struct vioapic *a)
{
	for (u32 i = 0; i < PV_IOAPIC_PINS; i++)
		a->entry[i] = E_MASKED;
}

/* Fixed and lowest-priority only; 8 bits of a destination, all: everywhere. */
static void send(struct partition *p, u64 e)
{
	u64 to = e >> 56 == 0xff && !(e & E_LOGICAL) ? ~0u : e >> 56;

	if ((e & E_VECTOR) >= VECTOR_MIN)
		vapic_send(p, NULL,
			   to << 32 | (e & (E_LOGICAL | E_MODE | E_VECTOR)),
			   e & E_LEVEL);
}

/* edge: its line has just gone up. */
static void pin_look_locked(struct partition *p, u32 pin, bool edge)
{
	u64 *e = &p->ioapic.entry[pin];
	bool level = *e & E_LEVEL, up = p->ioapic.lines >> pin & 1;

	if (*e & (E_MASKED | E_REMOTE_IRR) || !(level ? up : edge))
		return;
	if (level)
		*e |= E_REMOTE_IRR;
	send(p, *e);
}

int vioapic_line(struct partition *p, u32 pin, u32 line, u64 *heard)
{
	struct vioapic *a = &p->ioapic;
	u32 bit = 1u << pin, was;

	if (p->profile == PROFILE_PV)
		return PV_ENOSYS;
	lock_scope(&a->lock);
	was = a->lines;
	a->lines = line == PV_LINE_DOWN ? was & ~bit : was | bit;
	if (a->lines & ~was)
		pin_look_locked(p, pin, true);
	if (line == PV_LINE_PULSE)
		a->lines &= ~bit;
	*heard = !(a->entry[pin] & E_MASKED);
	return PV_OK;
}

noinline_fn void vioapic_eoi(struct partition *p, u32 vector)
{
	struct vioapic *a = &p->ioapic;

	lock_scope(&a->lock);
	for (u32 i = 0; i < PV_IOAPIC_PINS; i++) {
		if ((a->entry[i] & (E_REMOTE_IRR | E_VECTOR)) !=
		    (E_REMOTE_IRR | vector))
			continue;
		a->entry[i] &= ~(u64)E_REMOTE_IRR;
		pin_look_locked(p, i, false);
	}
}

/* ---- registers ---- */

static u32 reg_read(const struct vioapic *a)
{
	u32 n = a->select - R_TABLE;

	if (n >= 2 * PV_IOAPIC_PINS)
		return a->select == R_VERSION ? VERSION : 0;
	return (u32)(a->entry[index_clamp(n / 2, PV_IOAPIC_PINS)] >>
		     n % 2 * 32);
}

static void reg_write_locked(struct partition *p, u32 v)
{
	u32 n = p->ioapic.select - R_TABLE, pin;
	u64 *e;

	if (n >= 2 * PV_IOAPIC_PINS)
		return;
	pin = (u32)index_clamp(n / 2, PV_IOAPIC_PINS);
	e = &p->ioapic.entry[pin];
	if (n % 2) {
		*e = (u32)*e | (u64)(v & E_HIGH) << 32;
		return;
	}
	/* one that becomes an edge waits for no end */
	*e = (*e >> 32 << 32) | (v & E_LOW) |
	     (v & E_LEVEL ? *e & E_REMOTE_IRR : 0);
	pin_look_locked(p, pin, false);
}

u64 vioapic_access(struct partition *p, const struct ioreq *r)
{
	u32 off = r->addr & PAGE_MASK;

	lock_scope(&p->ioapic.lock);
	if (r->size != 4 || (off != SELECT && off != WINDOW))
		return 0;
	if (!r->write)
		return off == SELECT ? p->ioapic.select : reg_read(&p->ioapic);
	if (off == SELECT)
		p->ioapic.select = r->value & 0xff;
	else
		reg_write_locked(p, (u32)r->value);
	return 0;
}
