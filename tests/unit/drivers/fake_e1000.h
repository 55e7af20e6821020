/* SPDX-License-Identifier: BSD-2-Clause */
/* An 82540EM, with faults, for its driver's tests. */
#ifndef TESTS_UNIT_DRIVERS_FAKE_E1000_H
#define TESTS_UNIT_DRIVERS_FAKE_E1000_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "e1000.h"

#define BAR 0xfe000000ull
#define CTRL 0x0000u
#define STATUS 0x0008u
#define EERD 0x0014u
#define ICR 0x00c0u
#define IMS 0x00d0u
#define IMC 0x00d8u
#define RCTL 0x0100u
#define TCTL 0x0400u
#define RDBAL 0x2800u
#define RDLEN 0x2808u
#define RDT 0x2818u
#define TDBAL 0x3800u
#define TDLEN 0x3808u
#define TDT 0x3818u
#define RAL 0x5400u
#define RAH 0x5404u

#define LSC 4u
#define RXT0 0x80u
#define TXDW 1u

/* ---- the card ---- */

static const uint16_t eeprom[] = { 0x5452, 0x1200, 0x5634 };
static const uint8_t mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static struct {
	uint32_t reg[0x6000 / 4];
	uint32_t mask;
	unsigned rdh, tdh, tails;
	uint16_t command;
	uint32_t config_at;
	/* faults */
	bool gone, stuck_reset, no_eeprom, silent;
	uint16_t mac0;
} card;

static uint8_t wire[2048];
static uint32_t wire_len;
static unsigned wire_frames;

static uint32_t *reg(uint32_t off) { return &card.reg[off / 4]; }

static inline struct e1000_tx_desc *tx_desc(unsigned i)
{
	return (struct e1000_tx_desc *)fake_dma_at(*reg(TDBAL), 2048) + i;
}

static inline struct e1000_rx_desc *rx_desc(unsigned i)
{
	return (struct e1000_rx_desc *)fake_dma_at(*reg(RDBAL), 2048) + i;
}

static void transmit(void)
{
	card.tails++;
	assert_true(*reg(TCTL) & 2);
	assert_int_equal(*reg(TDLEN), 2048);
	while (!card.silent && card.tdh != *reg(TDT)) {
		struct e1000_tx_desc *t = tx_desc(card.tdh);

		assert_int_equal(t->cmd & 2, 2);
		memcpy(wire + wire_len, fake_dma_at(t->addr, t->len), t->len);
		wire_len += t->len;
		if (t->cmd & 1) {
			wire_frames++;
			assert_int_equal(t->cmd & 8, 8);
			t->status |= 1;
		}
		card.tdh = (card.tdh + 1) % E1000_RING;
		*reg(ICR) |= TXDW;
	}
}

/* A descriptor is filled, if the driver has given it away. */
static inline void fill(uint16_t len, uint8_t status, uint8_t errors)
{
	struct e1000_rx_desc *r = rx_desc(card.rdh);
	uint8_t *p = fake_dma_at(r->addr, NET_BUFFER);

	assert_true(*reg(RCTL) & 2);
	assert_int_not_equal(card.rdh, *reg(RDT));
	assert_non_null(p);
	for (unsigned i = 0; i < len && i < NET_BUFFER; i++)
		p[i] = (uint8_t)(i * 5 + len);
	r->len = len;
	r->errors = errors;
	r->status = status;
	card.rdh = (card.rdh + 1) % E1000_RING;
	*reg(ICR) |= RXT0;
}

static inline void arrive(uint16_t len) { fill(len, 3, 0); }

static uint64_t mmio_read(uint64_t at, unsigned size)
{
	uint32_t v;

	assert_int_equal(size, 4);
	if (card.gone)
		return 0xffffffff;
	at -= BAR;
	if (at == EERD && card.no_eeprom)
		return 1;
	v = *reg((uint32_t)at);
	if (at == ICR)
		*reg(ICR) = 0;
	return v;
}

static void eeprom_start(uint32_t v)
{
	uint32_t word = v >> 8 & 0xff;
	uint32_t data = word || !card.mac0 ? eeprom[word] : card.mac0;

	assert_true(word < 3);
	*reg(EERD) = data << 16 | word << 8 | 0x10;
}

static void ctrl_write(uint32_t v)
{
	if (!(v & 1u << 26)) {
		*reg(CTRL) = v;
		return;
	}
	memset(card.reg, 0, sizeof(card.reg));
	card.rdh = card.tdh = card.mask = 0;
	*reg(STATUS) = 2;
	*reg(CTRL) = card.stuck_reset ? v : 0;
}

static void mmio_write(uint64_t at, unsigned size, uint64_t v64)
{
	uint32_t v = (uint32_t)v64;

	assert_int_equal(size, 4);
	at -= BAR;
	if (card.gone)
		return;
	if (at == CTRL)
		ctrl_write(v);
	else if (at == EERD)
		eeprom_start(v);
	else if (at == IMS)
		card.mask |= v;
	else if (at == IMC)
		card.mask &= ~v;
	else
		*reg((uint32_t)at) = v;
	if (at == TDT && v != card.tdh)
		transmit();
}

static uint32_t in(uint16_t port, unsigned size)
{
	(void)port;
	(void)size;
	return card.command;
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	(void)size;
	if (port == PCI_CONFIG_ADDRESS)
		card.config_at = v & 0xfc;
	else if (card.config_at == PCI_COMMAND)
		card.command = (uint16_t)v;
}

/* The line, as long as a cause is wanted. */
static inline void interrupts(void)
{
	for (int i = 0; i < 4 && (*reg(ICR) & card.mask); i++)
		fake_interrupt();
	assert_false(*reg(ICR) & card.mask);
}

#endif
