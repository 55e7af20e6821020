/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers' environment for PCI functions of this partition. */
#include "kit/device.h"

#include <stdarg.h>

#include "kit/call.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "kit/wait.h"

#define PAGE KIT_PAGE_SIZE

static uint32_t port_in(struct env *e, uint16_t port, unsigned size)
{
	uint32_t v = 0;

	(void)e;
	if (size == 1)
		__asm__ volatile("inb %%dx, %%al" : "+a"(v) : "d"(port));
	else if (size == 2)
		__asm__ volatile("inw %%dx, %%ax" : "+a"(v) : "d"(port));
	else
		__asm__ volatile("inl %%dx, %%eax" : "+a"(v) : "d"(port));
	return v;
}

static void port_out(struct env *e, uint16_t port, unsigned size, uint32_t v)
{
	(void)e;
	if (size == 1)
		__asm__ volatile("outb %%al, %%dx" ::"a"(v), "d"(port));
	else if (size == 2)
		__asm__ volatile("outw %%ax, %%dx" ::"a"(v), "d"(port));
	else
		__asm__ volatile("outl %%eax, %%dx" ::"a"(v), "d"(port));
}

static bool mmio_map(struct env *e, uint64_t addr, uint64_t size)
{
	uint64_t start = addr & ~(PAGE - 1);
	uint64_t end = (addr + size + PAGE - 1) & ~(PAGE - 1);

	(void)e;
	return kit_map(start, start, end - start, KIT_WRITE | KIT_UNCACHED);
}

static uint64_t mmio_read(struct env *e, uint64_t addr, unsigned size)
{
	volatile void *p = kit_ptr(addr);

	(void)e;
	switch (size) {
	case 1:
		return *(volatile uint8_t *)p;
	case 2:
		return *(volatile uint16_t *)p;
	case 4:
		return *(volatile uint32_t *)p;
	default:
		return *(volatile uint64_t *)p;
	}
}

static void mmio_write(struct env *e, uint64_t addr, unsigned size, uint64_t v)
{
	volatile void *p = kit_ptr(addr);

	(void)e;
	switch (size) {
	case 1:
		*(volatile uint8_t *)p = (uint8_t)v;
		break;
	case 2:
		*(volatile uint16_t *)p = (uint16_t)v;
		break;
	case 4:
		*(volatile uint32_t *)p = (uint32_t)v;
		break;
	default:
		*(volatile uint64_t *)p = v;
		break;
	}
}

static bool copy(struct env *e, void *to, const void *from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	(void)e;
	while (n--)
		*t++ = *f++;
	return true;
}

static uint64_t device_of(struct env *e) { return (uint64_t)(uintptr_t)e->ctx; }

/* Are these pages, of which the first is at `at`, in a row for the device? */
static bool contiguous(struct env *e, uint64_t gpa, size_t pages, uint64_t at)
{
	uint64_t next;

	for (size_t i = 1; i < pages; i++)
		if (pv_device_addr(device_of(e), gpa + i * PAGE, &next) ||
		    next != at + i * PAGE)
			return false;
	return true;
}

static void *dma_alloc(struct env *e, size_t bytes, dev_addr_t *dev)
{
	size_t pages = (bytes + PAGE - 1) / PAGE;
	void *p = kit_pages_alloc(pages);

	if (p && !pv_device_addr(device_of(e), kit_gpa(p), &dev->v) &&
	    contiguous(e, kit_gpa(p), pages, dev->v))
		return p;
	if (p)
		kit_pages_free(p, pages);
	return NULL;
}

/* Page 0 of memory is nobody's: what has it as its address has our address. */
static bool is_translated(uint64_t device)
{
	uint64_t at;

	return device && !pv_device_addr(device, 0, &at) && !at;
}

static uint64_t bind(struct env_irq *irq, unsigned port)
{
	uint64_t message = 0, err;

	if (irq->kind == ENV_IRQ_ISA)
		return pv_irq_bind(kit_info()->self, irq->index, port);
	err = pv_device_irq_bind(irq->device, irq->index,
				 irq->kind == ENV_IRQ_MSI ? PV_IRQ_MSI : 0,
				 port, &message);
	irq->address = (uint32_t)message;
	irq->data = (uint32_t)(message >> 32);
	return err;
}

static bool irq_attach(struct env *e, struct env_irq *irq,
		       void (*fn)(void *arg), void *arg)
{
	int port = kit_event_alloc();

	(void)e;
	if (port < 0)
		return false;
	kit_event_register((unsigned)port, fn, arg);
	return !bind(irq, (unsigned)port);
}

static void irq_ack(struct env *e, const struct env_irq *irq)
{
	(void)e;
	if (irq->kind == ENV_IRQ_LINE)
		pv_device_irq_ack(irq->device);
}

static uint64_t now_ns(struct env *e)
{
	(void)e;
	return kit_time_ns();
}

static void wait(struct env *e, uint64_t until_ns)
{
	(void)e;
	kit_wait(until_ns);
}

static void log(struct env *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void log(struct env *e, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	(void)e;
	va_start(ap, fmt);
	kit_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	kit_printf("%s\n", line);
}

void kit_env_init(struct env *e, uint64_t handle)
{
	*e = (struct env){ .ctx = (void *)(uintptr_t)handle,
			   .translated = is_translated(handle),
			   .port_in = port_in,
			   .port_out = port_out,
			   .mmio_map = mmio_map,
			   .mmio_read = mmio_read,
			   .mmio_write = mmio_write,
			   .copy = copy,
			   .dma_alloc = dma_alloc,
			   .irq_attach = irq_attach,
			   .irq_ack = irq_ack,
			   .now_ns = now_ns,
			   .wait = wait,
			   .log = log };
}

void kit_pci_dev(struct pci_dev *to, const struct pv_device *d)
{
	*to = (struct pci_dev){ .bdf = d->bdf,
				.vendor = d->vendor,
				.device = d->device,
				.class_code = d->class_code,
				.subclass = d->subclass,
				.progif = d->progif,
				.handle = d->handle };
	for (int i = 0; i < 6; i++)
		to->bar[i] = (struct pci_bar){ d->bar[i].base, d->bar[i].size,
					       d->bar[i].io };
}
