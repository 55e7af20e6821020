/* SPDX-License-Identifier: BSD-2-Clause */
/* An AHCI HBA with two disks, a drive for CDs and an empty port, with faults. */
#ifndef TESTS_UNIT_DRIVERS_FAKE_AHCI_H
#define TESTS_UNIT_DRIVERS_FAKE_AHCI_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ahci_port.h"
#include "drivers/fake_env.h"

#define BAR 0xfe000000ull
#define BAR_BYTES 0x400u /* ports 0 to 5 */
#define SECTORS 512u
#define PORTS 4u
#define PORT_CD 2u
#define PORT_EMPTY 3u
#define MSI_CAP 0x80u

struct fake_port {
	uint32_t is, ie, cmd, tfd, sig, ssts, sctl, serr, ci;
	uint64_t list, fis;
	bool halted; /* at a command that failed */
	uint16_t id[256];
	uint8_t disk[SECTORS * 512];
	/* faults */
	bool silent, stuck, sulks, dead_identify, removed;
	bool df;      /* a failure shows as a device fault only */
	bool forgets; /* PxCI of a failed command is cleared */
	uint32_t short_by;
	uint64_t bad_lba; /* 0: none */
	unsigned served, resets;
};

static struct {
	uint32_t cap, cap2, ghc, is, pi, bohc;
	bool stuck, gone, firmware_stays;
	unsigned resets, flushes;
	struct fake_port port[PORTS];
} hba;

static uint8_t config[256];
static uint32_t config_addr;

static uint32_t in(uint16_t port, unsigned size)
{
	uint32_t v = 0;

	memcpy(&v, config + ((config_addr & 0xfc) | (port & 3)), size);
	return v;
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	if (port == 0xcf8)
		config_addr = v;
	else
		memcpy(config + ((config_addr & 0xfc) | (port & 3)), &v, size);
}

/* ---- commands ---- */

/* Two bits of PxIS show bits of PxSERR (3.3.5). */
static uint32_t port_is(const struct fake_port *p)
{
	return p->is | (p->serr & 1u << 16 ? IS_PRCS : 0) |
	       (p->serr & 1u << 26 ? IS_PCS : 0);
}

static void port_raise(struct fake_port *p, uint32_t bits)
{
	p->is |= bits;
	if (port_is(p) & p->ie)
		hba.is |= 1u << (p - hba.port);
}

/* Moves bytes between a table's pieces and the device's. */
static uint32_t pieces_move(struct ahci_header *c, struct ahci_table *t,
			    uint8_t *at, uint32_t bytes, bool write)
{
	uint32_t moved = 0;

	for (unsigned i = 0; i < c->flags >> 16 && moved < bytes; i++) {
		uint32_t len = (t->prd[i].last & 0x3fffff) + 1;
		void *p = fake_dma_at(t->prd[i].base, len);

		assert_non_null(p);
		assert_int_equal(t->prd[i].base & 1, 0);
		assert_true(moved + len <= bytes);
		if (write)
			memcpy(at + moved, p, len);
		else
			memcpy(p, at + moved, len);
		moved += len;
	}
	return moved;
}

static bool command_run(struct fake_port *p, struct ahci_header *c)
{
	struct ahci_table *t = fake_dma_at(c->table, sizeof(*t));
	const uint8_t *f = t->fis;
	uint64_t lba = f[4] | f[5] << 8 | f[6] << 16 | (uint64_t)f[8] << 24 |
		       (uint64_t)f[9] << 32 | (uint64_t)f[10] << 40;
	uint32_t count = f[12] | (uint32_t)f[13] << 8;
	bool write = f[2] == ATA_WRITE_DMA_EXT;

	assert_int_equal(c->table % 128, 0);
	assert_int_equal(c->flags & 31, 5);
	assert_int_equal(f[0], 0x27);
	assert_int_equal(f[1], 0x80);
	assert_int_equal(!!(c->flags & 0x40), write);
	p->served++;
	switch (f[2]) {
	case ATA_IDENTIFY:
		if (p->dead_identify)
			return false;
		c->bytes = pieces_move(c, t, (uint8_t *)p->id, 512, false);
		break;
	case ATA_FLUSH_CACHE_EXT:
		hba.flushes++;
		return !p->bad_lba;
	case ATA_READ_DMA_EXT:
	case ATA_WRITE_DMA_EXT:
		assert_true(lba + count <= SECTORS && count);
		if (p->bad_lba && lba <= p->bad_lba && p->bad_lba < lba + count)
			return false;
		c->bytes = pieces_move(c, t, p->disk + lba * 512, count * 512,
				       write);
		assert_int_equal(c->bytes, count * 512);
		break;
	default:
		return false;
	}
	c->bytes -= p->short_by;
	return true;
}

static void port_work(struct fake_port *p)
{
	struct ahci_header *list = fake_dma_at(p->list, 1024);

	for (unsigned slot = 0; slot < 32; slot++) {
		if (!(p->ci & 1u << slot) || p->silent || p->halted ||
		    !(p->cmd & CMD_ST))
			continue;
		assert_int_equal(p->list % 1024, 0);
		assert_int_equal(p->fis % 256, 0);
		if (command_run(p, &list[slot])) {
			p->ci &= ~(1u << slot);
			p->tfd = 0x50;
			port_raise(p, IS_DHRS);
			continue;
		}
		if (p->df || p->forgets)
			p->ci &= ~(1u << slot);
		p->tfd = p->df ? 0x70 : 0x4051;
		p->halted = !p->df;
		port_raise(p, p->df ? IS_DHRS : IS_TFES);
	}
}

/* ---- registers ---- */

static void link_up(struct fake_port *p)
{
	p->resets++;
	p->ci = 0;
	p->halted = false;
	p->ssts = p->removed ? 0 : 0x123;
	p->tfd = p->sulks ? 0x80 : 0x50;
	p->serr |= 1u << 26;
	port_raise(p, 0);
}

static uint32_t port_in(struct fake_port *p, unsigned reg)
{
	switch (reg) {
	case PORT_IS:
		return port_is(p);
	case PORT_CMD:
		return p->cmd;
	case PORT_TFD:
		return p->tfd;
	case PORT_SIG:
		return p->sig;
	case PORT_SSTS:
		return p->ssts;
	case PORT_CI:
		return p->ci;
	}
	return 0;
}

static void cmd_write(struct fake_port *p, uint32_t v)
{
	p->cmd = v & ~(CMD_CR | CMD_FR);
	if (v & CMD_ST || p->stuck)
		p->cmd |= CMD_CR;
	if (v & CMD_FRE)
		p->cmd |= CMD_FR;
	if (!(v & CMD_ST)) {
		p->ci = 0;
		p->halted = false;
	}
}

static void base_write(uint64_t *base, bool high, uint32_t v)
{
	*base = high ? (uint32_t)*base | (uint64_t)v << 32 :
		       (*base >> 32 << 32) | v;
}

static void port_out(struct fake_port *p, unsigned reg, uint32_t v)
{
	switch (reg) {
	case PORT_CLB:
	case PORT_CLB + 4:
		base_write(&p->list, reg & 4, v);
		break;
	case PORT_FB:
	case PORT_FB + 4:
		base_write(&p->fis, reg & 4, v);
		break;
	case PORT_IS:
		p->is &= ~v;
		break;
	case PORT_IE:
		p->ie = v;
		break;
	case PORT_CMD:
		cmd_write(p, v);
		break;
	case PORT_SCTL:
		if (p->sctl & 15 && !(v & 15))
			link_up(p);
		p->sctl = v;
		break;
	case PORT_SERR:
		p->serr &= ~v;
		break;
	case PORT_CI:
		assert_true(p->cmd & CMD_ST);
		p->ci |= v;
		port_work(p);
		break;
	}
}

static void ghc_write(uint32_t v)
{
	hba.ghc = v | (hba.stuck ? GHC_HR : 0);
	if (!(v & GHC_HR) || hba.stuck)
		return;
	hba.ghc = hba.is = 0;
	hba.resets++;
	for (unsigned n = 0; n < PORTS; n++) {
		struct fake_port *p = &hba.port[n];

		p->cmd = p->ie = p->is = p->sctl = 0;
		p->list = p->fis = 0;
		p->stuck = false;
		if (n == PORT_EMPTY)
			p->removed = true;
		link_up(p);
	}
}

static uint64_t mmio_read(uint64_t at, unsigned size)
{
	at -= BAR;
	assert_int_equal(size, 4);
	assert_true(at < BAR_BYTES);
	if (hba.gone)
		return ~0u;
	if (at >= PORT_BASE)
		return at < PORT_BASE + PORTS * PORT_BYTES ?
			       port_in(&hba.port[(at - PORT_BASE) / PORT_BYTES],
				       at % PORT_BYTES) :
			       0;
	switch (at) {
	case HBA_CAP:
		return hba.cap;
	case HBA_GHC:
		return hba.ghc;
	case HBA_IS:
		return hba.is;
	case HBA_PI:
		return hba.pi;
	case HBA_CAP2:
		return hba.cap2;
	case HBA_BOHC:
		return hba.bohc;
	}
	return 0;
}

static void mmio_write(uint64_t at, unsigned size, uint64_t v)
{
	at -= BAR;
	assert_int_equal(size, 4);
	assert_true(at < BAR_BYTES);
	if (hba.gone)
		return;
	if (at == HBA_GHC)
		ghc_write((uint32_t)v);
	else if (at == HBA_IS)
		hba.is &= ~(uint32_t)v;
	else if (at == HBA_BOHC)
		hba.bohc = (uint32_t)v & ~(hba.firmware_stays ? 0 : BOHC_BOS);
	else if (at >= PORT_BASE && at < PORT_BASE + PORTS * PORT_BYTES)
		port_out(&hba.port[(at - PORT_BASE) / PORT_BYTES],
			 at % PORT_BYTES, (uint32_t)v);
	for (unsigned n = 0; n < PORTS; n++)
		port_raise(&hba.port[n], 0);
}

static void port_init(struct fake_port *p, unsigned n)
{
	static const char model[] = "aFek didks"; /* bytes swapped */

	p->sig = n == PORT_CD ? 0xeb140101 : SIG_ATA;
	for (unsigned i = 0; i < sizeof(p->disk); i++)
		p->disk[i] = (uint8_t)(i * 3 + i / 512 + n);
	for (unsigned i = 27; i < 47; i++)
		p->id[i] = 0x2020;
	memcpy(&p->id[27], model, 10);
	p->id[49] = 1 << 9 | 1 << 8;
	p->id[83] = 1 << 10 | 1 << 13;
	p->id[100] = SECTORS;
}

/* ---- under test ---- */

static struct ahci ahci;
static struct pci_dev pci;
static struct blk_dev *disk; /* at port 0 */
static uint8_t *data;
static dev_addr_t data_dev;

static void idle(void)
{
	fake_now += ENV_MS;
	if (hba.gone || (hba.is && hba.ghc & GHC_IE))
		fake_interrupt();
	else if (hba.port[0].silent)
		fake_now += 1000 * ENV_MS;
}

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	fake_read = mmio_read;
	fake_write = mmio_write;
	fake_idle = idle;
	memset(config, 0, sizeof(config));
	memset(&hba, 0, sizeof(hba));
	hba.cap = CAP_S64A | 31u << 8;
	hba.pi = 0x8000000f; /* the last is beyond the BAR */
	for (unsigned n = 0; n < PORTS; n++)
		port_init(&hba.port[n], n);
	pci = (struct pci_dev){ .class_code = AHCI_CLASS,
				.subclass = AHCI_SUBCLASS,
				.progif = AHCI_PROGIF,
				.handle = 77 };
	pci.bar[5] = (struct pci_bar){ BAR, BAR_BYTES, false };
	return 0;
}

static const char *start(void)
{
	const char *why = ahci_start(&ahci, &fake_env, &pci);

	disk = &ahci.port[0].blk;
	data = fake_env.dma_alloc(&fake_env, 8192, &data_dev);
	return why ? why : ahci_disk_start(&ahci, 0);
}

static enum blk_status io(enum blk_op op, uint64_t sector, uint32_t bytes)
{
	return blk_sync(disk, op, sector, data, data_dev, bytes);
}

#endif
