/* SPDX-License-Identifier: BSD-2-Clause */
/* IN and OUT: ports that a partition serves; all others read as ones. */
#include "core/device.h"
#include "trap/emul.h"

#define PCI_ADDRESS 0xcf8  /* to CFF */
#define KEYBOARD_DATA 0x60 /* commands go to 64 */

/* The value has arrived or has been taken: all its elements are done. */
static void port_finish(struct vcpu *v, u64 value)
{
	const struct insn i = io_state(v)->i;
	u32 n = io_state(v)->count;
	bool in = i.op == INSN_IN || i.op == INSN_INS;

	if (i.op == INSN_IN)
		trap_gpr_set(v, R_AX, value, i.size);
	if (i.op == INSN_INS && n == 1 &&
	    !trap_copy(v, trap_string_at(v, &i, true), &value, i.size, true))
		return;
	if (i.op == INSN_IN || i.op == INSN_OUT ||
	    trap_string_step(v, &i, n, !in, in))
		trap_advance(v, i.len);
}

/* The keyboard controller, whose other commands reach A20 and the reset line. */
static u64 keyboard(const struct ioreq *r)
{
	u16 port = (u16)r->addr;
	u8 v = (u8)r->value;

	if (!r->write)
		return inb(port);
	/* the mode's reading and writing, tests, both ports on and off */
	if (port == KEYBOARD_DATA || v == 0x20 || v == 0x60 ||
	    (v >= 0xa7 && v <= 0xae))
		outb(port, v);
	return 0;
}

/* Ports that nobody serves: PCI's are there for who owns a function. */
static u64 port_absent(struct vcpu *v, const struct ioreq *r)
{
	if ((r->addr & ~4ull) == KEYBOARD_DATA && !v->part->id && r->size == 1)
		return keyboard(r);
	return (r->addr & ~7ull) == PCI_ADDRESS && device_any(v->part) ?
		       trap_pci(v, r) :
		       ~0ull;
}

static void port_access(struct vcpu *v, const struct ioreq *r)
{
	bool posted = false;

	v->io_finish = port_finish;
	io_state(v)->count = r->count;
	if (ioreq_send(v, r, &posted) != PV_OK) {
		io_state(v)->count = 1;
		port_finish(v, port_absent(v, r));
	} else if (!posted)
		port_finish(v, 0);
}

/* How many elements of a REP one request takes: those that lie in one page, in
 * ascending order. */
static u32 string_count(struct vcpu *v, const struct insn *i, u64 at)
{
	u64 off = v->hw.gpr[i->op == INSN_INS ? R_DI : R_SI];
	u64 wrap = insn_mask(~off, i->asize);
	u64 room = PAGE_SIZE - (at & PAGE_MASK), n;

	if (!i->rep || reg_get(v, VREG_RFLAGS) & RFLAGS_DF)
		return 1;
	n = (room < wrap ? room : wrap) / i->size;
	if (n > insn_mask(v->hw.gpr[R_CX], i->asize))
		n = insn_mask(v->hw.gpr[R_CX], i->asize);
	return n ? (u32)n : 1;
}

/* INS and OUTS: what one time through here does, if their memory allows it. */
static bool string_start(struct vcpu *v, struct insn *i, struct ioreq *r)
{
	u64 at;

	if (!trap_decode(v, i, INSN_INS, INSN_OUTS))
		return false;
	if (trap_string_done(v, i)) {
		trap_advance(v, i->len);
		return false;
	}
	at = trap_string_at(v, i, !r->write);
	r->count = string_count(v, i, at);
	return trap_copy(v, at, r->write && r->count == 1 ? &r->value : NULL,
			 (u64)r->count * i->size, !r->write);
}

enum trap_end trap_io(struct vcpu *v, struct exit *x)
{
	struct ioreq r = { .space = PV_SPACE_PORT,
			   .addr = x->io_port,
			   .size = x->io_size,
			   .write = !x->io_in,
			   .count = 1 };
	struct insn *i = &io_state(v)->i;

	if (unlikely(x->io_string)) {
		if (!string_start(v, i, &r))
			return TRAP_DONE;
	} else {
		i->len = (u8)x->insn_len;
		i->op = x->io_in ? INSN_IN : INSN_OUT;
		i->size = x->io_size;
		r.value = insn_mask(v->hw.gpr[R_AX], r.size);
	}
	port_access(v, &r);
	return TRAP_DONE;
}
