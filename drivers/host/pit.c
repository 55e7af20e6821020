/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of an emulated 8254 timer; pure. */
#include "pit.h"

#define SECOND_NS 1000000000ull
#define REFRESH_NS 15085ull /* of port 0x61's bit 4 */

#define CONTROL_REG 3u
#define CONTROL_RW 0x30u
#define RW_LATCH 0x00u
#define RW_LOW 0x10u
#define RW_HIGH 0x20u
#define READ_BACK 3u
#define BACK_NO_COUNT 0x20u
#define BACK_NO_STATUS 0x10u
#define STATUS_OUT 0x80u
#define STATUS_NULL 0x40u

#define GATE_OPEN 0x01u
#define GATE_BITS 0x0fu
#define GATE_REFRESH 0x10u
#define GATE_OUT 0x20u

static uint64_t ticks(uint64_t ns)
{
	return ns / SECOND_NS * PIT_HZ + ns % SECOND_NS * PIT_HZ / SECOND_NS;
}

/* Bit 2 of modes 2 and 3 is ignored. */
static unsigned mode(const struct pit_channel *c)
{
	unsigned m = c->control >> 1 & 7;

	return m > 5 ? m - 4 : m;
}

static bool periodic(const struct pit_channel *c)
{
	return mode(c) == 2 || mode(c) == 3;
}

static uint64_t counted(const struct pit_channel *c, uint64_t ns)
{
	return c->done + (c->open ? ticks(ns) - c->since : 0);
}

static uint32_t from_bcd(uint32_t v)
{
	return (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 +
	       (v & 15);
}

static uint32_t to_bcd(uint32_t v)
{
	return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 |
	       v % 10;
}

static uint16_t count(const struct pit_channel *c, uint64_t ns)
{
	bool bcd = c->control & 1;
	uint32_t wrap = bcd ? 10000 : 0x10000, n;
	uint64_t t = counted(c, ns);

	if (!c->loaded)
		return 0;
	if (mode(c) == 2)
		n = c->from - (uint32_t)(t % c->from);
	else if (mode(c) == 3)
		n = (c->from - (uint32_t)(2 * t % c->from)) & ~1u;
	else
		n = c->from + wrap - (uint32_t)(t % wrap);
	n %= wrap;
	return (uint16_t)(bcd ? to_bcd(n) : n);
}

static bool out(const struct pit_channel *c, uint64_t ns)
{
	uint64_t t = counted(c, ns);

	if (!c->loaded)
		return mode(c) != 0;
	switch (mode(c)) {
	case 0:
	case 1:
		return t >= c->from;
	case 2:
		return t % c->from != c->from - 1;
	case 3:
		return t % c->from < (c->from + 1) / 2;
	default:
		return t != c->from;
	}
}

static void load(struct pit_channel *c, uint32_t v, uint64_t ns)
{
	uint32_t n = c->control & 1 ? from_bcd(v) : v;
	uint64_t t = counted(c, ns);

	/* a periodic mode goes on to the end of its period, as far as it can */
	if (!c->loaded || !periodic(c))
		t = 0;
	c->from = n ? n : c->control & 1 ? 10000 : 0x10000;
	c->done = t % c->from;
	c->since = ticks(ns);
	c->told = 0;
	c->loaded = true;
}

static void count_write(struct pit_channel *c, uint8_t v, uint64_t ns)
{
	unsigned rw = c->control & CONTROL_RW;

	if (rw == RW_LOW) {
		load(c, v, ns);
	} else if (rw == RW_HIGH) {
		load(c, (uint32_t)v << 8, ns);
	} else if (c->half_written) {
		c->half_written = false;
		load(c, (uint32_t)v << 8 | c->low, ns);
	} else {
		c->half_written = true;
		c->low = v;
		if (!periodic(c))
			c->loaded = false; /* the first byte stops it */
	}
}

static void latch(struct pit_channel *c, uint64_t ns)
{
	unsigned rw = c->control & CONTROL_RW;

	if (c->latched)
		return;
	c->latch = count(c, ns);
	c->latched = rw == RW_LOW || rw == RW_HIGH ? 1 : 2;
	c->half_read = false;
}

static void latch_status(struct pit_channel *c, uint64_t ns)
{
	if (c->status_latched)
		return;
	c->status_latched = true;
	c->status = (uint8_t)(c->control | (out(c, ns) ? STATUS_OUT : 0) |
			      (c->loaded ? 0 : STATUS_NULL));
}

static void read_back(struct pit *p, uint8_t v, uint64_t ns)
{
	for (unsigned n = 0; n < PIT_CHANNELS; n++) {
		if (!(v >> n & 2))
			continue;
		if (!(v & BACK_NO_COUNT))
			latch(&p->channel[n], ns);
		if (!(v & BACK_NO_STATUS))
			latch_status(&p->channel[n], ns);
	}
}

static void control(struct pit *p, uint8_t v, uint64_t ns)
{
	unsigned n = v >> 6;
	struct pit_channel *c;

	if (n == READ_BACK) {
		read_back(p, v, ns);
		return;
	}
	c = &p->channel[n];
	if ((v & CONTROL_RW) == RW_LATCH) {
		latch(c, ns);
		return;
	}
	*c = (struct pit_channel){ .control = v & 0x3f, .open = c->open };
}

void pit_init(struct pit *p)
{
	*p = (struct pit){ .gate = 0 };
	p->channel[0].open = p->channel[1].open = true;
}

void pit_write(struct pit *p, unsigned reg, uint8_t v, uint64_t ns)
{
	if (reg == CONTROL_REG)
		control(p, v, ns);
	else if (reg < PIT_CHANNELS)
		count_write(&p->channel[reg], v, ns);
}

uint8_t pit_read(struct pit *p, unsigned reg, uint64_t ns)
{
	struct pit_channel *c = &p->channel[reg % PIT_CHANNELS];
	unsigned rw = c->control & CONTROL_RW;
	uint16_t v;
	bool high;

	if (reg >= PIT_CHANNELS)
		return 0xff;
	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	v = c->latched ? c->latch : count(c, ns);
	if (c->latched)
		c->latched--;
	high = rw == RW_HIGH || (rw != RW_LOW && c->half_read);
	c->half_read = rw != RW_HIGH && rw != RW_LOW && !c->half_read;
	return (uint8_t)(high ? v >> 8 : v);
}

/* How often the output has gone up, t ticks behind the load. */
static uint64_t edges(const struct pit_channel *c, uint64_t t)
{
	if (!c->loaded)
		return 0;
	switch (mode(c)) {
	case 0:
		return t >= c->from;
	case 2:
	case 3:
		return t / c->from;
	case 4:
		return t > c->from;
	default:
		return 0; /* only its gate starts it, which does not move */
	}
}

bool pit_edge(struct pit *p, uint64_t ns)
{
	struct pit_channel *c = &p->channel[0];
	uint64_t n = edges(c, counted(c, ns));
	bool is_new = n != c->told;

	c->told = n;
	return is_new;
}

uint64_t pit_next(const struct pit *p)
{
	const struct pit_channel *c = &p->channel[0];
	uint64_t t = (c->told + 1) * c->from + (mode(c) == 4);

	if (!c->loaded || edges(c, t) == c->told)
		return 0;
	t += c->since - c->done;
	return t / PIT_HZ * SECOND_NS +
	       (t % PIT_HZ * SECOND_NS + PIT_HZ - 1) / PIT_HZ;
}

bool pit_counts(const struct pit *p) { return p->channel[0].loaded; }

uint8_t pit_gate_read(const struct pit *p, uint64_t ns)
{
	return (uint8_t)(p->gate | (ns / REFRESH_NS & 1 ? GATE_REFRESH : 0) |
			 (out(&p->channel[2], ns) ? GATE_OUT : 0));
}

void pit_gate_write(struct pit *p, uint8_t v, uint64_t ns)
{
	struct pit_channel *c = &p->channel[2];
	bool open = v & GATE_OPEN;

	p->gate = v & GATE_BITS;
	if (open == c->open)
		return;
	/* a rising edge begins anew, but in modes 0 and 4, which only pause */
	c->done = open && mode(c) != 0 && mode(c) != 4 ? 0 : counted(c, ns);
	c->since = ticks(ns);
	c->open = open;
}
