/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function that leaves the bus makes no new request. Those that it has made may
 * still be answered: the bits Transactions Pending say so (PCI Express Base 3.0,
 * 7.8.5). What can be reset alone is reset then (6.6.2), for the sake of those that
 * go on all the same; else what hv/boot knows of its class stops it.
 */
#include "core/quiet.h"
#include "core/device.h"
#include "lib/log.h"
#include "lib/power.h"
#include "lib/stop.h"
#include "lib/x86.h"

#define WAIT_US 100000u
#define STOP_US 1000000u /* AHCI 1.3.1, 10.4.3; no other needs as long */
#define DEAF_US 2u	 /* 82540EM manual, 13.4.1: behind CTRL.RST */
#define CONTROL 0xffffu	 /* above it are bits that ones clear */
#define GONE 0xffffffffu /* the answer for a function that was pulled out */

/* How far it is with a partition, by its number. */
static struct {
	u64 until; /* TSC */
	enum { SETTLE_NOT, SETTLE_WAIT, SETTLE_RESET, SETTLE_STUCK } step;
} settle[PARTITION_MAX];
/* COMMAND of those that are to be reset, when their owner had ended. */
static u16 command[PCI_MAX_FUNCS];

/* ---- registers that stop one ---- */

static bool is_stopping(const struct pci_stop *s)
{
	u32 v;

	if (!s->busy)
		return false;
	if (s->space == PCI_COMMAND_IO)
		v = inb((u16)s->busy_at);
	else
		v = s->width == 1 ? *(volatile u8 *)s->busy_at :
				    *(volatile u32 *)s->busy_at;
	return v & s->busy;
}

static void stop_write(const struct pci_stop *s)
{
	if (s->space == PCI_COMMAND_IO)
		outb((u16)s->at, (u8)s->value);
	else if (s->width == 1)
		*(volatile u8 *)s->at = (u8)s->value;
	else
		*(volatile u32 *)s->at = s->value;
}

/* Its owner may have closed them. Is there one? */
static bool stop(u32 n)
{
	const struct pci_stop *s = pci_stops[n];
	u16 bdf = pci_funcs[n].bdf;

	for (; s < pci_stops[n] + PCI_STOPS && s->at; s++) {
		pci_write32(bdf, PCI_REG_COMMAND,
			    (pci_read32(bdf, PCI_REG_COMMAND) & CONTROL) |
				    s->space);
		stop_write(s);
	}
	return s > pci_stops[n];
}

static bool is_busy(u32 n)
{
	const struct pci_func *f = &pci_funcs[n];

	if (pci_read32(f->bdf, 0) == GONE)
		return false;
	for (u32 i = 0; i < PCI_STOPS; i++)
		if (is_stopping(&pci_stops[n][i]))
			return true;
	return f->quiet && pci_read32(f->bdf, f->quiet) & f->pending;
}

/* ---- all of a partition ---- */

/* Those of p behind n, which is -1 at first; pci_count: there is no other. */
static u32 next_locked(const struct partition *p, u32 n)
{
	do
		n++;
	while (n < pci_count && !device_owns_locked(p, n));
	return n;
}

#define for_each_owned(p, n) \
	for (u32 n = next_locked(p, -1u); n < pci_count; n = next_locked(p, n))

void device_quiet(struct partition *p)
{
	bool any = false;
	u64 now;

	device_stop(p, false);
	lock_scope(&device_lock);
	for_each_owned(p, n) {
		const struct pci_func *f = &pci_funcs[n];

		/* the screen stays: who died may have something to say */
		command[n] = 0;
		if (f->reset && f->class != PCI_CLASS_DISPLAY)
			command[n] = (u16)pci_read32(f->bdf, PCI_REG_COMMAND) |
				     PCI_COMMAND_INTX_OFF;
		any |= stop(n);
		irq_unbind_locked(n);
	}
	now = rdtsc();
	settle[p->id].step = SETTLE_WAIT;
	settle[p->id].until = now + tsc_from_us(any ? STOP_US : WAIT_US);
	while (any && rdtsc() < now + tsc_from_us(DEAF_US))
		cpu_relax();
}

static bool any_busy_locked(const struct partition *p)
{
	for_each_owned(p, n)
		if (is_busy(n))
			return true;
	return false;
}

/* Is there one? */
static bool reset_all_locked(const struct partition *p)
{
	bool any = false;

	for_each_owned(p, n) {
		const struct pci_func *f = &pci_funcs[n];

		if (!command[n])
			continue;
		pci_write32(f->bdf, f->quiet,
			    (pci_read32(f->bdf, f->quiet) & CONTROL) |
				    f->reset);
		any = true;
	}
	return any;
}

/* What firmware gave it, which nobody can change, and a driver does not know. */
static void restore(const struct pci_func *f, u32 cmd)
{
	for (u32 i = 0; i < array_size(f->raw_bar); i++)
		pci_write32(f->bdf, (u16)(PCI_REG_BAR0 + 4 * i), f->raw_bar[i]);
	pci_write32(f->bdf, PCI_REG_IRQ, f->irq_line);
	pci_write32(f->bdf, PCI_REG_COMMAND, cmd);
}

static void restore_all_locked(const struct partition *p)
{
	for_each_owned(p, n) {
		if (command[n])
			restore(&pci_funcs[n], command[n]);
		command[n] = 0;
	}
}

static bool settle_locked(struct partition *p)
{
	bool late = rdtsc() >= settle[p->id].until;

	if (settle[p->id].step == SETTLE_WAIT) {
		if (any_busy_locked(p) && !late)
			return false;
		settle[p->id].step = SETTLE_RESET;
		late = !reset_all_locked(p);
		settle[p->id].until = rdtsc() + tsc_from_us(WAIT_US);
	}
	if (!late)
		return false;
	restore_all_locked(p);
	if (!any_busy_locked(p)) {
		settle[p->id].step = SETTLE_NOT;
		return true;
	}
	if (settle[p->id].step != SETTLE_STUCK)
		log("parley: a device of %s does not become quiet\n", p->name);
	settle[p->id].step = SETTLE_STUCK;
	return false;
}

bool device_settled(struct partition *p)
{
	bool quiet;

	if (settle[p->id].step == SETTLE_NOT)
		device_quiet(p);
	lock_take(&device_lock);
	quiet = settle_locked(p);
	lock_drop(&device_lock);
	if (settle[p->id].step == SETTLE_STUCK && !p->id)
		power_off(STATUS_HOST_DIED);
	return quiet;
}
