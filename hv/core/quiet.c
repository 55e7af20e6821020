/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function that leaves the bus makes no new request. Those that it has made may
 * still be answered: the bits Transactions Pending say so (PCI Express Base 3.0,
 * 7.8.5). What can be reset alone is reset then (6.6.2), for the sake of those that
 * go on all the same.
 */
#include "core/quiet.h"
#include "core/device.h"
#include "lib/log.h"
#include "lib/power.h"
#include "lib/x86.h"

#define WAIT_US 100000u
#define CONTROL 0xffffu /* above it are bits that ones clear */

static u64 until; /* TSC */
static bool are_reset;
/* COMMAND of those that were on the bus, and are to be reset. */
static u16 command[PCI_MAX_FUNCS];

static bool is_pending(const struct pci_func *f)
{
	return f->quiet && pci_read32(f->bdf, f->quiet) & f->pending;
}

bool device_pending(const struct partition *p)
{
	lock_scope(&device_lock);
	for (u32 n = 0; n < pci_count; n++)
		if (device_owns_locked(p, n) && is_pending(&pci_funcs[n]))
			return true;
	return false;
}

/* The screen stays: who died may have something to say. */
static bool is_to_be_reset(const struct pci_func *f, u32 cmd)
{
	return f->reset && cmd & PCI_COMMAND_MASTER &&
	       f->class != PCI_CLASS_DISPLAY;
}

void device_quiet(struct partition *p)
{
	lock_take(&device_lock);
	for (u32 n = 0; n < pci_count; n++) {
		const struct pci_func *f = &pci_funcs[n];
		u32 cmd = pci_read32(f->bdf, PCI_REG_COMMAND);

		command[n] = 0;
		if (!device_owns_locked(p, n))
			continue;
		if (is_to_be_reset(f, cmd))
			command[n] = (u16)cmd;
		irq_unbind_locked(n);
	}
	lock_drop(&device_lock);
	device_stop(p, false);
	until = rdtsc() + tsc_from_us(WAIT_US);
	are_reset = false;
}

/* Is there one? */
static bool reset_all(void)
{
	bool any = false;

	for (u32 n = 0; n < pci_count; n++) {
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
	cmd = (cmd & ~PCI_COMMAND_MASTER) | PCI_COMMAND_INTX_OFF;
	pci_write32(f->bdf, PCI_REG_COMMAND, cmd);
}

bool device_settled(const struct partition *p)
{
	bool late = rdtsc() >= until;

	if (!are_reset) {
		if (device_pending(p) && !late)
			return false;
		are_reset = true;
		until = rdtsc() + tsc_from_us(WAIT_US);
		late = !reset_all();
	}
	if (!late)
		return false;
	for (u32 n = 0; n < pci_count; n++)
		if (command[n])
			restore(&pci_funcs[n], command[n]);
	if (device_pending(p)) {
		log("parley: a device does not become quiet\n");
		power_off(STATUS_HOST_DIED);
	}
	return true;
}
