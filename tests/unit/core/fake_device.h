/* SPDX-License-Identifier: BSD-2-Clause */
/* What is beneath PCI functions as objects: partitions, configuration space,
 * interrupts, IOMMUs. */
#ifndef UNIT_CORE_FAKE_DEVICE_H
#define UNIT_CORE_FAKE_DEVICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/iommu.h"
#include "arch/irq.h"
#include "core/device.h"
#include "core/event.h"
#include "core/gmem.h"
#include "core/ioreq.h"
#include "lib/panic.h"
#include "pvabi/calls.h"

#define HOST (&part[0])
#define GUEST (&part[1])
#define MSI 0x50
#define MSIX 0x60
#define MEMORY 0xe0000000ull
#define PORT 0xc000u

static struct partition part[3];
struct partition *partition_table[PARTITION_MAX] = { &part[0], &part[1],
						     &part[2] };
static struct vcpu vcpu;
static struct cpu cpus[2];
struct cpu *cpu_table[CPU_MAX];
u32 pci_count;
struct pci_func pci_funcs[PCI_MAX_FUNCS];
static struct boot_host boot;

/* ---- what is beneath ---- */

static u32 config[4][64];
static char order[64]; /* b: bus master off; m, u: memory; i, o: ports; a:
			 attached */
static int map_fails_at, install_fails;
static struct handle installed;
static u64 revoked;
static struct partition *flushed, *served;

static void step(char c)
{
	size_t n = strlen(order);

	assert_true(n < sizeof(order) - 1);
	order[n] = c;
}

struct cpu *cpu_this(void) { return &cpus[1]; }

u32 pci_read32(u16 bdf, u16 reg) { return config[bdf][reg / 4]; }

void pci_write32(u16 bdf, u16 reg, u32 v)
{
	if (reg == PCI_REG_COMMAND) {
		assert_int_equal(v >> 16, 0); /* no status bit is cleared */
		if (!(v & PCI_COMMAND_MASTER))
			step('b');
	}
	config[bdf][reg / 4] = v;
}

const struct pci_func *pci_find(u16 bdf)
{
	return bdf < pci_count ? &pci_funcs[bdf] : NULL;
}

struct handle handle_to(enum handle_type type, const struct partition *obj,
			u32 arg, u32 rights)
{
	return (struct handle){ .type = (u16)type,
				.rights = rights,
				.obj = obj->id,
				.obj_gen = obj->gen,
				.arg = arg };
}

/* One handle is enough, with the value 7. */
int handle_name(struct partition *p, u64 h, enum handle_type type, u32 rights,
		struct handle *out)
{
	*out = installed;
	if (h != 7 || type != HANDLE_DEVICE)
		return PV_EHANDLE;
	return rights & ~installed.rights ? PV_ERIGHT : PV_OK;
}

int handle_install(struct partition *p, const struct handle *h, u64 *value)
{
	if (install_fails)
		return PV_ENOMEM;
	installed = *h;
	*value = 7;
	return PV_OK;
}

int handle_revoke(struct partition *p, u64 h, bool *more)
{
	*more = false;
	revoked = h;
	return PV_OK;
}

int gmem_map(struct partition *p, gpa_t at, hpa_t to, u64 size, u32 flags)
{
	assert_int_equal(at.v, to.v);
	assert_int_equal(flags, NP_READ | NP_WRITE | NP_DEVICE);
	if (map_fails_at && !--map_fails_at)
		return PV_ENOMEM;
	step('m');
	return PV_OK;
}

int nested_unmap(struct virt_space *s, gpa_t at, u64 size)
{
	step('u');
	return 0;
}

void virt_io_allow(struct virt_space *s, u16 port, u16 count, bool allow)
{
	step(allow ? 'i' : 'o');
}

bool ioreq_overlaps(const struct partition *p, u32 space, u64 addr, u64 len)
{
	assert_int_equal(space, PV_SPACE_PORT);
	return p == served;
}

void gmem_shootdown(struct partition *p)
{
	assert_false(lock_held(&device_lock));
	flushed = p;
}

void panic(const char *fmt, ...) { abort(); }

static struct {
	u32 domain;
	u64 root;
} attached[4];

u64 virt_iommu_root(const struct virt_space *s) { return s->root; }

void iommu_attach(u32 n, u32 domain, u64 root)
{
	attached[n].domain = domain;
	attached[n].root = root;
	step('a');
}

static u32 vectors_off;

u64 iommu_message(u16 bdf, u32 vector, u32 apic_id)
{
	return (u64)vector << 32 | MSI_ADDRESS | apic_id << MSI_DEST_SHIFT;
}

void iommu_vector_off(u16 bdf, u32 vector) { vectors_off++; }

/* ---- interrupts ---- */

static irq_fn handlers[256];
static bool masked[GSI_COUNT];
static u32 routed;
static u32 told[3][16];

void irq_register(u32 vector, irq_fn fn) { handlers[vector] = fn; }

int ioapic_gsi(u32 irq, bool isa) { return irq < 24 ? (int)irq : -1; }

void ioapic_route(u32 irq, bool isa, u32 cpu)
{
	assert_int_equal(cpu, 1);
	routed++;
	masked[irq] = false;
}

void ioapic_mask(u32 gsi, bool mask) { masked[gsi] = mask; }

bool ioapic_is_level(u32 gsi) { return gsi != 4; }

void event_send(struct partition *p, u32 port) { told[p->id][port]++; }

static void interrupt(u32 vector)
{
	assert_non_null(handlers[vector]);
	handlers[vector](vector);
}

static void line(u32 gsi) { interrupt(VEC_GSI_BASE + gsi); }

#endif
