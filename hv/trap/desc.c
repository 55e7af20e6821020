/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor-table registers, for the classic profile (SDM Vol. 3A, 2.4). */
#include "trap/emul.h"

/* clang-format off */
enum {
	SEL_TI = 4, SEL_INDEX = 0xfff8, SEL_ERROR = 0xfffc,
	TYPE_LDT = 2, TYPE_TSS16 = 1, TYPE_TSS = 9,
};
/* clang-format on */
#define DESC_PRESENT (1ull << 47)
#define DESC_SYSTEM (1ull << 44) /* 0: a system segment */
#define DESC_BUSY (1ull << 41)
#define DESC_TYPE(d) ((d) >> 40 & 0xf)

/* The last two of each four do: LLDT, LTR, LGDT, LIDT. */
static bool loads(const struct insn *i) { return (i->op - INSN_SLDT) & 2; }

/* SGDT, SIDT, LGDT, LIDT: a limit of two bytes, a base of four or eight. */
static bool table_register(struct vcpu *v, const struct insn *i)
{
	bool gdt = i->op == INSN_SGDT || i->op == INSN_LGDT;
	enum vreg base = gdt ? VREG_GDTR_BASE : VREG_IDTR_BASE;
	enum vreg limit = base + 1; /* in their order */
	unsigned n = trap_mode(v) == 8 ? 8 : 4;
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) m = { 0 };
	u64 at;

	if (!trap_address(v, i, &at))
		return false;
	if (!loads(i)) {
		m.limit = (u16)reg_get(v, limit);
		m.base = reg_get(v, base);
		return trap_copy(v, at, &m, 2 + n, true);
	}
	if (!trap_copy(v, at, &m, 2 + n, false))
		return false;
	if (n == 4 && i->size == 2)
		m.base &= 0xffffff;
	if (n == 8 && !canonical48(m.base))
		return trap_fault(v, VEC_GP, 0);
	reg_set(v, base, m.base);
	reg_set(v, limit, m.limit);
	return true;
}

static struct vseg unpack(u16 sel, const u64 d[2])
{
	struct vseg s = { .sel = sel, .ar = d[0] >> 40 & 0xf0ff };

	s.limit = (u32)((d[0] & 0xffff) | (d[0] >> 32 & 0xf0000));
	if (d[0] >> 55 & 1)
		s.limit = s.limit << 12 | 0xfff;
	s.base = (d[0] >> 16 & 0xffffff) | (d[0] >> 32 & 0xff000000) |
		 d[1] << 32;
	return s;
}

/* Reads and checks the descriptor that sel names (SDM Vol. 2, LLDT, LTR). The
 * CPU itself accesses it: with supervisor rights whatever the CPL. */
static bool descriptor(struct vcpu *v, u16 sel, bool tss, struct vseg *out)
{
	bool in_lma = trap_lma(v);
	u32 index = sel & SEL_INDEX, error = sel & SEL_ERROR;
	/* those that may be loaded, as bits */
	u32 types = !tss   ? 1 << TYPE_LDT :
		    in_lma ? 1 << TYPE_TSS :
			     1 << TYPE_TSS | 1 << TYPE_TSS16;
	u64 at = reg_get(v, VREG_GDTR_BASE) + index, d[2] = { 0 };
	unsigned n = in_lma ? 16 : 8;

	if (sel & SEL_TI || !index ||
	    index + n - 1 > reg_get(v, VREG_GDTR_LIMIT))
		return trap_fault(v, VEC_GP, error);
	if (!trap_copy_as(v, at, d, n, (struct walk_access){ 0 }))
		return false;
	if (d[0] & DESC_SYSTEM || !(types >> DESC_TYPE(d[0]) & 1))
		return trap_fault(v, VEC_GP, error);
	if (!(d[0] & DESC_PRESENT))
		return trap_fault(v, VEC_NP, error);
	*out = unpack(sel, d);
	if (!canonical48(out->base) || d[1] >> 40 & 0x1f)
		return trap_fault(v, VEC_GP, error);
	if (!tss)
		return true;
	d[0] |= DESC_BUSY;
	out->ar |= 2;
	return trap_copy_as(v, at, d, 8, (struct walk_access){ .write = true });
}

static bool selector_load(struct vcpu *v, const struct insn *i)
{
	struct vseg seg = { .ar = AR_UNUSABLE };
	bool tss = i->op == INSN_LTR;
	enum vreg r = tss ? VREG_TR_BASE : VREG_LDTR_BASE;
	u16 sel;

	if (!trap_rm16_get(v, i, &sel))
		return false;
	seg.sel = sel;
	if ((sel & SEL_ERROR || tss) && !descriptor(v, sel, tss, &seg))
		return false;
	reg_set(v, r, seg.base);
	reg_set(v, r + 1, seg.limit);
	reg_set(v, r + 2, seg.ar);
	reg_set(v, r + 3, seg.sel);
	return true;
}

static bool selector_store(struct vcpu *v, const struct insn *i)
{
	enum vreg r = i->op == INSN_STR ? VREG_TR_SEL : VREG_LDTR_SEL;

	return trap_rm16_put(v, i, reg_get(v, r));
}

enum trap_end trap_desc(struct vcpu *v, struct exit *x)
{
	struct insn i;
	bool ok;

	if (!trap_decode(v, &i, INSN_SLDT, INSN_LIDT))
		return TRAP_DONE;
	if (loads(&i) && reg_get(v, VREG_CPL))
		return TRAP_GP;
	if (i.op >= INSN_SGDT)
		ok = table_register(v, &i);
	else
		ok = loads(&i) ? selector_load(v, &i) : selector_store(v, &i);
	return ok ? TRAP_NEXT : TRAP_DONE;
}
