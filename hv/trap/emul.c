/* SPDX-License-Identifier: BSD-2-Clause */
/* What the emulators share: faults, fetch and decode, advance, operands. */
#include "trap/emul.h"
#include "lib/log.h"
#include "pvabi/calls.h"

/* It goes before an event whose delivery the exit cut short: with #DB and #AC,
 * the only ones that come so, that makes no double fault (SDM 3A 6.15). */
void trap_inject_exception(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	v->hw.reinject = (struct inject){ .vector = vector,
					  .type = INJECT_EXCEPTION,
					  .has_error = has_error,
					  .error = error };
	vcpu_pend(v, PEND_INJECT);
}

void trap_ud(struct vcpu *v)
{
	trap_inject_exception(v, VEC_UD, false, 0);
}

void trap_gp(struct vcpu *v, u32 error)
{
	trap_inject_exception(v, VEC_GP, true, error);
}

void trap_pf(struct vcpu *v, u64 at, u32 error)
{
	reg_set(v, VREG_CR2, at);
	trap_inject_exception(v, VEC_PF, true, error);
}

u64 trap_gpr(struct vcpu *v, u8 n)
{
	return n == R_SP ? reg_get(v, VREG_RSP) : v->hw.gpr[n];
}

void trap_gpr_set(struct vcpu *v, u8 n, u64 val, unsigned size)
{
	if (n == R_SP)
		reg_set(v, VREG_RSP,
			insn_merge(reg_get(v, VREG_RSP), val, size));
	else
		v->hw.gpr[n] = insn_merge(v->hw.gpr[n], val, size);
}

u8 trap_mode(struct vcpu *v)
{
	u64 ar = reg_get(v, VREG_CS_AR);

	if (ar & CS_AR_L && reg_get(v, VREG_EFER) & EFER_LMA)
		return 8;
	return ar & CS_AR_D ? 4 : 2;
}

bool trap_canonical(u64 addr)
{
	return insn_sext(addr & 0xffffffffffff, 6) == addr;
}

u64 trap_seg_base(struct vcpu *v, u8 seg)
{
	static const u8 base[6] = { VREG_ES_BASE, VREG_CS_BASE, VREG_SS_BASE,
				    VREG_DS_BASE, VREG_FS_BASE, VREG_GS_BASE };

	if (seg < SEG_FS && trap_mode(v) == 8)
		return 0;
	return reg_get(v, base[seg]);
}

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

static u64 page_rest(u64 at, u64 n)
{
	u64 rest = PAGE_SIZE - (at & PAGE_MASK);

	return n < rest ? n : rest;
}

/* One page at most. */
static bool access_page(struct vcpu *v, u64 at, void *buf, u64 n,
			enum access how)
{
	struct walk_access a = { .write = how == ACCESS_WRITE,
				 .exec = how == ACCESS_FETCH,
				 .user = reg_get(v, VREG_CPL) == 3 };
	gpa_t g;
	u32 error;
	int err;

	if (!gmem_walk(v, gva(at), a, &g, &error)) {
		trap_pf(v, at, error);
		return false;
	}
	err = a.write ? gmem_write(v->part, g, buf, n) :
			gmem_read(v->part, g, buf, n);
	if (err != PV_OK)
		partition_die(
			v, "%s at 0x%lx: no memory at guest-physical 0x%lx",
			how == ACCESS_FETCH ? "code" : "operand", at, g.v);
	return err == PV_OK;
}

static bool access_gva(struct vcpu *v, u64 at, void *buf, u64 n,
		       enum access how)
{
	while (n) {
		u64 part = page_rest(at, n);

		if (!access_page(v, at, buf, part, how))
			return false;
		at += part;
		buf = (u8 *)buf + part;
		n -= part;
	}
	return true;
}

bool trap_read_gva(struct vcpu *v, u64 at, void *to, u64 n)
{
	return access_gva(v, at, to, n, ACCESS_READ);
}

bool trap_write_gva(struct vcpu *v, u64 at, const void *from, u64 n)
{
	return access_gva(v, at, (void *)(uintptr_t)from, n, ACCESS_WRITE);
}

bool trap_address(struct vcpu *v, const struct insn *i, u64 *at)
{
	*at = trap_seg_base(v, i->seg) + i->ea;
	if (trap_mode(v) != 8)
		*at = (u32)*at;
	if (trap_canonical(*at))
		return true;
	trap_inject_exception(v, i->seg == SEG_SS ? VEC_SS : VEC_GP, true, 0);
	return false;
}

bool trap_rm16_get(struct vcpu *v, const struct insn *i, u16 *val)
{
	u64 at;

	*val = (u16)(i->mem ? 0 : trap_gpr(v, i->rm));
	return !i->mem ||
	       (trap_address(v, i, &at) && trap_read_gva(v, at, val, 2));
}

bool trap_rm16_put(struct vcpu *v, const struct insn *i, u64 val)
{
	u64 at;

	if (i->mem)
		return trap_address(v, i, &at) &&
		       trap_write_gva(v, at, &val, 2);
	trap_gpr_set(v, i->rm, val, i->size);
	return true;
}

/* Bytes as text, for a report. */
static void hex(char *to, const u8 *b, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		fmt_buf(to + 3 * k, 4, " %02x", b[k]);
}

static void die_at(struct vcpu *v, u64 rip, const u8 *b, unsigned n)
{
	char text[3 * INSN_MAX + 1] = "";

	hex(text, b, n);
	partition_die(v, "instruction at 0x%lx is not understood:%s", rip,
		      text);
}

/* The bytes at RIP up to the end of the page, and where that is. */
static bool fetch_first(struct vcpu *v, u8 *b, unsigned *n, u64 *rip)
{
	u64 at;

	*rip = reg_get(v, VREG_RIP);
	at = *rip + trap_seg_base(v, SEG_CS);
	*n = (unsigned)page_rest(at, INSN_MAX);
	return access_gva(v, at, b, *n, ACCESS_FETCH);
}

void trap_not_understood(struct vcpu *v)
{
	u8 b[INSN_MAX];
	unsigned n;
	u64 rip;

	if (fetch_first(v, b, &n, &rip))
		die_at(v, rip, b, n);
}

bool trap_decode(struct vcpu *v, struct insn *i)
{
	struct insn_env env = { .mode = trap_mode(v), .gpr = v->hw.gpr };
	enum insn_status s;
	u8 b[INSN_MAX];
	unsigned n;

	if (!fetch_first(v, b, &n, &env.rip))
		return false;
	v->hw.gpr[R_SP] = reg_get(v, VREG_RSP);
	s = insn_decode(i, b, n, &env);
	if (s == INSN_SHORT) {
		/* it crosses into the next page, which may fault */
		if (!access_gva(v, env.rip + trap_seg_base(v, SEG_CS) + n,
				b + n, INSN_MAX - n, ACCESS_FETCH))
			return false;
		n = INSN_MAX;
		s = insn_decode(i, b, n, &env);
	}
	if (s != INSN_OK)
		die_at(v, env.rip, b, n);
	return s == INSN_OK;
}

void trap_advance(struct vcpu *v, u32 len)
{
	u64 rip = reg_get(v, VREG_RIP), next = rip + len;

	/* only outside 64-bit mode does it wrap at 4 GiB */
	if (next >> 32 && !(rip >> 32) && trap_mode(v) != 8)
		next = (u32)next;
	reg_set(v, VREG_RIP, next);
	if (reg_get(v, VREG_RFLAGS) & RFLAGS_TF) {
		reg_set(v, VREG_DR6, reg_get(v, VREG_DR6) | DR6_BS);
		trap_inject_exception(v, VEC_DB, false, 0);
	}
}

bool trap_length(struct vcpu *v, const struct exit *x, struct insn *i)
{
	u8 b[INSN_MAX];
	unsigned n;
	u64 rip;

	*i = (struct insn){ .len = (u8)x->insn_len };
	if (i->len != INSN_UNKNOWN && !x->insn_guess)
		return true;
	if (i->len == INSN_UNKNOWN)
		return trap_decode(v, i);
	/* the guess is right unless a prefix comes first */
	if (!fetch_first(v, b, &n, &rip))
		return false;
	return b[0] == 0x0f || b[0] == 0xf4 || trap_decode(v, i);
}

void trap_skip(struct vcpu *v, const struct exit *x)
{
	struct insn i;

	if (trap_length(v, x, &i))
		trap_advance(v, i.len);
}

static void index_step(struct vcpu *v, u8 n, const struct insn *i, bool down)
{
	u64 step = down ? -(u64)i->size : i->size;

	trap_gpr_set(v, n, v->hw.gpr[n] + step, i->asize);
}

bool trap_string_step(struct vcpu *v, const struct insn *i, bool si, bool di)
{
	bool down = reg_get(v, VREG_RFLAGS) & RFLAGS_DF;

	if (si)
		index_step(v, R_SI, i, down);
	if (di)
		index_step(v, R_DI, i, down);
	if (!i->rep)
		return true;
	trap_gpr_set(v, R_CX, v->hw.gpr[R_CX] - 1, i->asize);
	return trap_string_done(v, i);
}

bool trap_string_done(struct vcpu *v, const struct insn *i)
{
	return i->rep && !insn_mask(v->hw.gpr[R_CX], i->asize);
}

u64 trap_string_at(struct vcpu *v, const struct insn *i, bool di)
{
	u64 off = insn_mask(v->hw.gpr[di ? R_DI : R_SI], i->asize);

	return trap_seg_base(v, di ? SEG_ES : i->seg) + off;
}
