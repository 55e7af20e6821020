/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver needs of its surroundings: one source, any environment. */
#ifndef DRIVERS_ENV_H
#define DRIVERS_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address as a device on the bus uses it. */
typedef struct {
	uint64_t v;
} dev_addr_t;

static inline dev_addr_t dev_addr(uint64_t v) { return (dev_addr_t){ v }; }

/* An interrupt, as its driver names it. */
struct env_irq {
	enum { ENV_IRQ_ISA, ENV_IRQ_LINE, ENV_IRQ_MSI } kind;
	unsigned index;	 /* ISA: its number; MSI: which message */
	uint64_t device; /* LINE, MSI: handle of struct pci_dev */
	/* MSI: what the driver has to write into the device, by irq_attach */
	uint32_t address, data;
};

/*
 * Filled by the host partition, by a guest with an assigned device, or by a
 * unit test. No function may be null. `size` is in bytes: ports 1, 2, 4; MMIO
 * 1, 2, 4, 8. None of them fails but where it says so.
 */
struct env {
	void *ctx; /* the environment's own */
	/* An IOMMU translates device addresses: they are not physical ones. */
	bool translated;

	uint32_t (*port_in)(struct env *e, uint16_t port, unsigned size);
	void (*port_out)(struct env *e, uint16_t port, unsigned size,
			 uint32_t value);

	/* Makes a device's memory reachable, uncached; false: refused. */
	bool (*mmio_map)(struct env *e, uint64_t addr, uint64_t size);
	uint64_t (*mmio_read)(struct env *e, uint64_t addr, unsigned size);
	void (*mmio_write)(struct env *e, uint64_t addr, unsigned size,
			   uint64_t value);

	/* Copies memory that may vanish meanwhile (a guest's, which can take a
	 * share back); false: it did, and the copy is incomplete. */
	bool (*copy)(struct env *e, void *to, const void *from, size_t n);
	/* Zeroed, page-aligned, contiguous for the device; null: no memory. */
	void *(*dma_alloc)(struct env *e, size_t bytes, dev_addr_t *dev);

	/* fn runs in ordinary context, never nested; false: refused. */
	bool (*irq_attach)(struct env *e, struct env_irq *irq,
			   void (*fn)(void *arg), void *arg);
	/* Lets a level-triggered line interrupt again. */
	void (*irq_ack)(struct env *e, const struct env_irq *irq);

	uint64_t (*now_ns)(struct env *e); /* monotonic */
	/* Sleeps and runs irq handlers until one ran or the time has come. */
	void (*wait)(struct env *e, uint64_t until_ns);

	void (*log)(struct env *e, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
};

#define ENV_MS 1000000ull /* nanoseconds */

static inline uint8_t in8(struct env *e, uint16_t port)
{
	return (uint8_t)e->port_in(e, port, 1);
}

static inline uint16_t in16(struct env *e, uint16_t port)
{
	return (uint16_t)e->port_in(e, port, 2);
}

static inline uint32_t in32(struct env *e, uint16_t port)
{
	return e->port_in(e, port, 4);
}

static inline void out8(struct env *e, uint16_t port, uint8_t v)
{
	e->port_out(e, port, 1, v);
}

static inline void out16(struct env *e, uint16_t port, uint16_t v)
{
	e->port_out(e, port, 2, v);
}

static inline void out32(struct env *e, uint16_t port, uint32_t v)
{
	e->port_out(e, port, 4, v);
}

/* Little-endian fields of a byte buffer, at any alignment. */
static inline uint16_t le16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t le32(const void *p)
{
	const uint8_t *b = p;

	return le16(b) | (uint32_t)le16(b + 2) << 16;
}

static inline uint64_t le64(const void *p)
{
	const uint8_t *b = p;

	return le32(b) | (uint64_t)le32(b + 4) << 32;
}

static inline void put_le16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(void *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void put_le64(void *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

#endif
