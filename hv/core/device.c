/* SPDX-License-Identifier: BSD-2-Clause */
/* Who owns which PCI function, and what moves with it: ports, memory. */
#include "core/device.h"
#include "arch/iommu.h"
#include "core/gmem.h"
#include "core/ioreq.h"
#include "lib/panic.h"

#define DEVICE_RIGHTS (PV_RIGHT_CONTROL | PV_RIGHT_GRANT)

struct lock device_lock;
static struct device devices[PCI_MAX_FUNCS];
static const struct boot_host *boot;

_Static_assert((PCI_MAX_FUNCS & (PCI_MAX_FUNCS - 1)) == 0,
	       "a function's number can be clamped by a mask");

void device_init(const struct boot_host *h) { boot = h; }

u32 device_nr(const struct device *d) { return (u32)(d - devices); }

bool device_owned_locked(const struct device *d, const struct partition *p)
{
	return d->owner == p->id && d->owner_gen == p->gen;
}

bool device_owns_locked(const struct partition *p, u32 n)
{
	return device_owned_locked(&devices[n], p);
}

/* The number of moves counts modulo 2^26. That suffices: a partition other than
 * the host comes to own a function once in its life. */
static u32 arg_of(const struct device *d, u32 gen)
{
	return gen * PCI_MAX_FUNCS + device_nr(d);
}

/* p becomes its owner, with a handle of it, or nothing changes. */
static int own_locked(struct device *d, struct partition *p, u64 *handle)
{
	struct handle h = handle_to(HANDLE_DEVICE, p, arg_of(d, d->gen + 1),
				    DEVICE_RIGHTS);
	int err = handle_install(p, &h, handle);

	if (err)
		return err;
	d->owner = p->id;
	d->owner_gen = p->gen;
	d->gen++;
	d->sizing = 0;
	return PV_OK;
}

/* Its DMA goes to p's memory: only once it has left the bus of another owner. */
static int attach_locked(struct device *d, const struct partition *p)
{
	iommu_attach(device_nr(d), p->id + 1, virt_iommu_root(&p->space));
	return PV_OK;
}

/* NULL: there is no such function. */
static struct device *device_at(u32 bdf)
{
	const struct pci_func *f = pci_find((u16)bdf);

	return f ? &devices[f - pci_funcs] : NULL;
}

int device_find(struct partition *p, u64 h, u32 rights, struct device **out)
{
	struct handle e;
	int err = handle_name(p, h, HANDLE_DEVICE, rights, &e);

	if (err == PV_EHANDLE)
		return err;
	*out = &devices[e.arg & (PCI_MAX_FUNCS - 1)];
	lock_scope(&device_lock);
	return device_owned_locked(*out, p) &&
			       e.arg == arg_of(*out, (*out)->gen) ?
		       err :
		       (int)PV_EHANDLE;
}

/* ---- PCI configuration ---- */

/* Neither DMA nor interrupts come from it behind this: what it has written
 * before is pushed ahead of the answer to the read (PCI 3.0, 3.2.5). */
static void bus_off_locked(const struct pci_func *f)
{
	u32 command = pci_read32(f->bdf, PCI_REG_COMMAND) & 0xffff;

	command = (command & ~PCI_COMMAND_MASTER) | PCI_COMMAND_INTX_OFF;
	pci_write32(f->bdf, PCI_REG_COMMAND, command);
	(void)pci_read32(f->bdf, PCI_REG_COMMAND);
	if (f->msi)
		pci_write32(f->bdf, f->msi,
			    pci_read32(f->bdf, f->msi) & ~PCI_MSI_ENABLE);
	if (f->msix)
		pci_write32(f->bdf, f->msix,
			    pci_read32(f->bdf, f->msix) & ~PCI_MSIX_ENABLE);
}

struct device *device_at_locked(const struct partition *p, u16 bdf)
{
	struct device *d = device_at(bdf);
	bool its = d && device_owned_locked(d, p);

	return its && p->state <= PV_STATE_PAUSED ? d : NULL;
}

bool device_any(const struct partition *p)
{
	for (u32 n = 0; n < pci_count; n++)
		if (device_owned_locked(&devices[n], p))
			return true;
	return false;
}

/* ---- its ranges ---- */

/* The range of d behind g, which may be NULL; NULL: there is no other. */
static const struct boot_grant *next(const struct device *d,
				     const struct boot_grant *g)
{
	const struct boot_grant *end = boot->grants + boot->nr_grants;

	for (g = g ? g + 1 : boot->grants; g < end; g++)
		if (g->func == device_nr(d) + 1)
			return g;
	return NULL;
}

/* Nothing of another function lies in the range. */
static bool range_alone(const struct boot_grant *g)
{
	const struct boot_grant *o = boot->grants;

	for (; o < boot->grants + boot->nr_grants; o++)
		if (o->kind == g->kind && o->func != g->func &&
		    o->start < g->start + g->size &&
		    g->start < o->start + o->size)
			return false;
	return g->size <= HUGE_SIZE;
}

static bool movable(const struct device *d)
{
	for (const struct boot_grant *g = NULL; (g = next(d, g));)
		if (!range_alone(g))
			return false;
	return true;
}

static int map(struct partition *p, const struct boot_grant *g)
{
	if (g->kind == BOOT_GRANT_DEVICE)
		return gmem_map(p, gpa(g->start), hpa(g->hpa), g->size,
				NP_READ | NP_WRITE | NP_DEVICE);
	lock_scope(&p->lock);
	if (ioreq_overlaps(p, PV_SPACE_PORT, g->start, g->size))
		return PV_EEXIST;
	virt_io_allow(&p->space, (u16)g->start, (u16)g->size, true);
	return PV_OK;
}

/* It was mapped as one: no large page is split. */
static void unmap(struct partition *p, const struct boot_grant *g)
{
	lock_scope(&p->lock);
	if (g->kind == BOOT_GRANT_PORTS)
		virt_io_allow(&p->space, (u16)g->start, (u16)g->size, false);
	else if (nested_unmap(&p->space, gpa(g->start), g->size))
		panic("device memory at %lx is part of a large page", g->start);
}

/* Those before `end`, or all. */
static void unmap_all(struct partition *p, const struct device *d,
		      const struct boot_grant *end)
{
	for (const struct boot_grant *g = NULL; (g = next(d, g)) != end;)
		unmap(p, g);
}

/* All of it, or nothing: p maps d, and owns it. */
static int give_locked(struct device *d, struct partition *p, u64 *handle)
{
	const struct boot_grant *g = next(d, NULL);
	int err = PV_OK;

	while (g && !(err = map(p, g)))
		g = next(d, g);
	if (!err)
		err = own_locked(d, p, handle);
	if (err)
		unmap_all(p, d, g);
	return err;
}

/* ---- moves ---- */

int device_adopt(struct partition *host, u16 bdf, u64 *handle)
{
	struct device *d = device_at(bdf);
	int err;

	lock_scope(&device_lock);
	*handle = 0;
	if (d->gen && !device_owned_locked(d, host))
		return PV_OK;
	err = own_locked(d, host, handle);
	return err ? err : attach_locked(d, host);
}

static int assign_locked(struct device *d, struct partition *from,
			 struct partition *to, u64 *handle)
{
	int err;

	if (!device_owned_locked(d, from))
		return PV_EHANDLE;
	if (!movable(d))
		return PV_EINVAL;
	err = give_locked(d, to, handle);
	if (err)
		return err;
	bus_off_locked(&pci_funcs[device_nr(d)]);
	irq_unbind_locked(device_nr(d));
	unmap_all(from, d, NULL);
	return attach_locked(d, to);
}

int device_assign(struct partition *from, u64 h, struct partition *to,
		  u32 flags, u64 *handle)
{
	struct device *d;
	bool more; /* what is left of the old one's tree is stale */
	int err = device_find(from, h, PV_RIGHT_CONTROL, &d);

	if (err)
		return err;
	if (to->state != PV_STATE_NEW)
		return PV_ESTATE;
	if (!(flags & PV_DEVICE_UNSAFE_DMA) && !iommu.kind)
		return PV_ENOSYS;
	lock_take(&device_lock);
	err = assign_locked(d, from, to, handle);
	lock_drop(&device_lock);
	if (err)
		return err;
	if (handle_revoke(from, h,
			  &more)) /* closed meanwhile, by another vCPU */
		err = PV_OK;
	gmem_shootdown(from);
	return err;
}

int device_take(struct partition *to, u32 bdf, u64 *handle)
{
	struct device *d = device_at(bdf);
	int err;

	lock_scope(&device_lock);
	if (!d)
		return PV_EINVAL;
	err = d->owner_gen ? (int)PV_ESTATE : give_locked(d, to, handle);
	return err ? err : attach_locked(d, to);
}

void device_stop(struct partition *p, bool release)
{
	lock_scope(&device_lock);
	for (u32 n = 0; n < pci_count; n++) {
		if (!device_owned_locked(&devices[n], p))
			continue;
		bus_off_locked(&pci_funcs[n]);
		if (!release)
			continue;
		irq_unbind_locked(n);
		iommu_attach(n, 0, 0);
		devices[n].owner_gen = 0;
		devices[n].gen++;
	}
}
