/* SPDX-License-Identifier: BSD-2-Clause */
/* What main/again.c needs beside guest memory: PCI, interrupts, power, vCPUs. */
#ifndef UNIT_CORE_FAKE_RENEW_H
#define UNIT_CORE_FAKE_RENEW_H

#include "fake_space.h"

#include <signal.h>
#include <ucontext.h>

#include "arch/irq.h"
#include "core/device.h"
#include "core/event.h"
#include "core/renew.h"
#include "core/sched.h"
#include "core/trace.h"
#include "lib/log.h"
#include "lib/power.h"
#include "main/host.h"

#define HOST (&parts[0])
#define A (&parts[1])
#define B (&parts[2])
#define AT 0x40000000ull    /* where the host maps what it accepts */
#define EXTRA 0x50000000ull /* memory that it took besides */
#define RING 0x60000000ull
#define MMIO 0xe0000000ull
#define FUNCS 3
#define MSI 0x50
#define FLOOR (2 * PAGE_SIZE)
#define TOP (LARGE_SIZE - PAGE_SIZE)
#define OFF_STATUS 98

static struct boot_host host;
static u8 image[FLOOR + LARGE_SIZE - TOP] __attribute__((aligned(8)));
static u8 port_vector[PAGE_SIZE];
static struct vcpu v;
static struct pv_vcpu_page page;
static u64 device[FUNCS]; /* handles */

/* ---- beneath: PCI, interrupts ---- */

u64 tsc_khz;
u32 pci_count = FUNCS, cpu_count = 1;
struct pci_func pci_funcs[PCI_MAX_FUNCS];
struct cpu *cpu_table[CPU_MAX] = { &cpu };
static u32 command[FUNCS], msi[FUNCS], attached[FUNCS];
static irq_fn handlers[256];
static u32 told;
static void (*on_bus_off)(void);

const struct pci_func *pci_find(u16 bdf) { return &pci_funcs[bdf]; }

u32 pci_read32(u16 bdf, u16 reg)
{
	return reg == MSI ? msi[bdf] : command[bdf];
}

void pci_write32(u16 bdf, u16 reg, u32 val)
{
	if (reg == MSI) {
		msi[bdf] = val;
		return;
	}
	command[bdf] = val;
	if (!(val & PCI_COMMAND_MASTER) && on_bus_off)
		on_bus_off();
}

void iommu_attach(u32 n, u32 domain, u64 root) { attached[n] = domain; }
u64 iommu_message(u16 bdf, u32 vector, u32 apic) { return vector; }
void iommu_vector_off(u16 bdf, u32 vector) {}
void virt_io_allow(struct virt_space *s, u16 port, u16 count, bool allow) {}
void irq_register(u32 vector, irq_fn fn) { handlers[vector] = fn; }
int ioapic_gsi(u32 irq, bool isa) { return (int)irq; }
void ioapic_route(u32 irq, bool isa, u32 n) {}
void ioapic_mask(u32 gsi, bool mask) {}
bool ioapic_is_level(u32 gsi) { return true; }
void event_send(struct partition *p, u32 port) { told++; }

/* ---- beneath: log, power, the rest of core ---- */

static int off_status;
static jmp_buf off;
static u32 unmapped, rings_unmapped, restarts;
static u64 timer_at;
static u64 own; /* the new start's handle of itself */

void log(const char *fmt, ...) {}
void log_flush(void) {}

void power_off(u32 status)
{
	off_status = (int)status;
	longjmp(off, 1);
}

void (*host_died)(struct vcpu *v);
void trace_unmapped(void) { rings_unmapped++; }
void gmem_log_set(struct partition *p, bool on) { p->space.logging = on; }
void ioreq_unmap(struct partition *p) { unmapped |= 1u << p->id; }
void sched_timer_set(struct vcpu *w, u64 at) { timer_at = at; }
void event_vcpu_init(struct vcpu *w) { w->page->vcpus = 1; }
void vcpu_start_finish(struct vcpu *w) {}

int host_own(struct partition *p, const struct boot_host *h)
{
	int err = handle_grant(p, p, PV_RIGHT_ALL, &own);

	for (u16 i = 0; !err && i < FUNCS; i++)
		err = device_adopt(p, i, &device[i]);
	return err;
}

static void fake_window(struct virt_vcpu *w, bool on) { assert_false(on); }

static const struct virt_ops ops = { .format = &format, .window = fake_window };

/* STI and CLI of irq_window() are no instructions of a program. */
static void step_over(int sig, siginfo_t *info, void *arg)
{
	greg_t *rip = &((ucontext_t *)arg)->uc_mcontext.gregs[REG_RIP];
	u8 op = *(const u8 *)*rip;

	if (op != 0xfb && op != 0xfa)
		abort();
	++*rip;
}

#endif
