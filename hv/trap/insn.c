/* SPDX-License-Identifier: BSD-2-Clause */
/* A pure decoder for the x86 instructions that Parley has to understand. */
#include "trap/insn.h"

/* How an opcode's operands are encoded. */
#define F_MODRM 1u
#define F_W 2u /* bit 0 of the opcode clear: byte operand */
#define F_IMM8 4u
#define F_IMMW 8u /* by operand size: 1, 2 or 4 bytes */
#define F_MEM 16u /* ModRM names memory */
#define F_REG 32u /* ModRM names a register */
#define F_M1 64u  /* memory operand of one byte (MOVZX, MOVSX) */
#define F_M2 128u /* of two bytes */
#define F_M4 256u /* of four (MOVSXD) */
#define F_SIGN 512u
#define F_MOFFS 1024u
#define F_CRDR 2048u  /* ModRM.mod is ignored: always a register */
#define F_DIGIT 4096u /* only for ModRM.reg from digit to digit_last */
/* op, or for these alu, counts on with the opcode or with ModRM.reg */
#define F_NEXT 8192u
#define F_NEXT_ALU 16384u

/* Opcodes: one byte, or MAP2 | second byte, or MAP3 | third byte of 0F 38. */
#define MAP2 0x100u
#define MAP3 0x200u
#define MODRM_RDTSCP 0xf9

struct opcode {
	u16 first, last;
	u8 op, alu;
	u16 flags;
	u8 digit, digit_last;
};

#define M F_MODRM
#define G (F_MODRM | F_DIGIT)

/* clang-format off */
static const struct opcode opcodes[] = {
	{ 0x88, 0x89, INSN_STORE, 0, M | F_W, 0, 0 },
	{ 0x8a, 0x8b, INSN_LOAD, 0, M | F_W, 0, 0 },
	{ 0xa0, 0xa1, INSN_LOAD, 0, F_MOFFS | F_W, 0, 0 },
	{ 0xa2, 0xa3, INSN_STORE, 0, F_MOFFS | F_W, 0, 0 },
	{ 0xa4, 0xa5, INSN_MOVS, 0, F_W, 0, 0 },
	{ 0xaa, 0xab, INSN_STOS, 0, F_W, 0, 0 },
	{ 0xc6, 0xc7, INSN_STORE_IMM, 0, G | F_W | F_IMMW, 0, 0 },
	{ 0x63, 0x63, INSN_LOAD, 0, M | F_M4 | F_SIGN, 0, 0 },
	{ MAP2 | 0xb6, MAP2 | 0xb6, INSN_LOAD, 0, M | F_M1, 0, 0 },
	{ MAP2 | 0xb7, MAP2 | 0xb7, INSN_LOAD, 0, M | F_M2, 0, 0 },
	{ MAP2 | 0xbe, MAP2 | 0xbe, INSN_LOAD, 0, M | F_M1 | F_SIGN, 0, 0 },
	{ MAP2 | 0xbf, MAP2 | 0xbf, INSN_LOAD, 0, M | F_M2 | F_SIGN, 0, 0 },
	{ 0x80, 0x81, INSN_ALU_MI, 0, G | F_NEXT_ALU | F_W | F_IMMW, 0, 7 },
	{ 0x83, 0x83, INSN_ALU_MI, 0, G | F_NEXT_ALU | F_IMM8, 0, 7 },
	{ 0x84, 0x85, INSN_ALU_MR, ALU_TEST, M | F_W, 0, 0 },
	{ 0x86, 0x87, INSN_XCHG, 0, M | F_W, 0, 0 },
	{ 0xf6, 0xf7, INSN_ALU_MI, ALU_TEST, G | F_W | F_IMMW, 0, 0 },
	{ 0x6c, 0x6d, INSN_INS, 0, F_W, 0, 0 },
	{ 0x6e, 0x6f, INSN_OUTS, 0, F_W, 0, 0 },
	{ 0xe4, 0xe5, INSN_IN, 0, F_W | F_IMM8, 0, 0 },
	{ 0xe6, 0xe7, INSN_OUT, 0, F_W | F_IMM8, 0, 0 },
	{ 0xec, 0xed, INSN_IN, 0, F_W, 0, 0 },
	{ 0xee, 0xef, INSN_OUT, 0, F_W, 0, 0 },
	{ 0x90, 0x90, INSN_OTHER, 0, 0, 0, 0 }, /* PAUSE */
	{ 0xf4, 0xf4, INSN_OTHER, 0, 0, 0, 0 }, /* HLT */
	{ MAP2 | 0x20, MAP2 | 0x23, INSN_MOV_FROM_CR, 0, M | F_CRDR | F_NEXT, 0, 0 },
	{ MAP2 | 0x00, MAP2 | 0x00, INSN_SLDT, 0, G | F_M2 | F_NEXT, 0, 3 },
	{ MAP2 | 0x01, MAP2 | 0x01, INSN_SGDT, 0, G | F_MEM | F_NEXT, 0, 3 },
	{ MAP2 | 0x01, MAP2 | 0x01, INSN_SMSW, 0, G | F_M2, 4, 4 },
	{ MAP2 | 0x01, MAP2 | 0x01, INSN_LMSW, 0, G | F_M2, 6, 6 },
	{ MAP2 | 0x01, MAP2 | 0x01, INSN_INVLPG, 0, G | F_MEM, 7, 7 },
	/* VMCALL .. MWAIT, XGETBV, VMRUN .. INVLPGA, SWAPGS, RDTSCP, .. */
	{ MAP2 | 0x01, MAP2 | 0x01, INSN_OTHER, 0, M | F_REG, 0, 0 },
	{ MAP2 | 0x06, MAP2 | 0x06, INSN_CLTS, 0, 0, 0, 0 },
	{ MAP2 | 0x08, MAP2 | 0x09, INSN_OTHER, 0, 0, 0, 0 }, /* INVD WBINVD */
	{ MAP2 | 0x30, MAP2 | 0x33, INSN_OTHER, 0, 0, 0, 0 }, /* WRMSR .. RDPMC */
	{ MAP2 | 0xa2, MAP2 | 0xa2, INSN_OTHER, 0, 0, 0, 0 }, /* CPUID */
	{ MAP2 | 0x78, MAP2 | 0x79, INSN_OTHER, 0, M, 0, 0 }, /* VMREAD VMWRITE */
	{ MAP2 | 0xc7, MAP2 | 0xc7, INSN_OTHER, 0, G | F_MEM, 6, 7 }, /* VMPTR.. */
	{ MAP3 | 0x80, MAP3 | 0x82, INSN_OTHER, 0, M | F_MEM, 0, 0 }, /* INVEPT.. */
};
/* clang-format on */

/* The bytes being taken apart. */
struct cursor {
	const u8 *b;
	unsigned n, at;
	bool out; /* a byte was wanted that is not there */
};

static u64 take(struct cursor *c, unsigned bytes)
{
	u64 v = 0;

	if (c->at + bytes > c->n) {
		c->out = true;
		return 0;
	}
	for (unsigned k = 0; k < bytes; k++)
		v |= (u64)c->b[c->at++] << 8 * k;
	return v;
}

struct prefixes {
	bool opsize, asize, rep, repne;
	u8 rex;
};

static u8 take_prefixes(struct cursor *c, struct insn *i, struct prefixes *p,
			bool long_mode)
{
	static const u8 seg_prefix[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

	for (;;) {
		u8 b = (u8)take(c, 1);
		bool seg = false;

		for (u8 s = 0; s < 6; s++) {
			if (b != seg_prefix[s])
				continue;
			seg = true;
			/* 64-bit mode ignores all but FS and GS */
			if (!long_mode || s >= SEG_FS)
				i->seg = s;
		}
		if (b == 0x66)
			p->opsize = true;
		else if (b == 0x67)
			p->asize = true;
		else if (b == 0xf0)
			i->lock = true;
		else if (b == 0xf2 || b == 0xf3)
			i->rep = true;
		else if (!seg && long_mode && (b & 0xf0) == 0x40) {
			p->rex = b; /* counts only right before the opcode */
			continue;
		} else if (!seg)
			return b;
		p->rex = 0;
		if (c->out)
			return 0;
	}
}

#define NO_SEG 0xff

static void seg_default(struct insn *i, u8 seg)
{
	if (i->seg == NO_SEG)
		i->seg = seg;
}

static void modrm16(struct cursor *c, struct insn *i, const u64 *r, u8 modrm)
{
	static const u8 base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 };
	static const u8 index[4] = { 6, 7, 6, 7 };
	u8 mod = modrm >> 6, rm = modrm & 7;

	if (mod == 0 && rm == 6) {
		i->ea = take(c, 2);
	} else {
		i->ea = r[base[rm]] + (rm < 4 ? r[index[rm]] : 0);
		if (base[rm] == 5)
			seg_default(i, SEG_SS);
		if (mod)
			i->ea += insn_sext(take(c, mod), mod);
	}
}

/* Returns whether the address is relative to the next instruction. */
static bool modrm32(struct cursor *c, struct insn *i,
		    const struct insn_env *env, u8 modrm, u8 rex)
{
	u8 mod = modrm >> 6, base = modrm & 7, disp = mod == 1 ? 1 : 4;
	bool rel = false, has_base = true;

	if (base == 4) {
		u8 sib = (u8)take(c, 1);
		u8 index = (sib >> 3 & 7) | (rex & 2 ? 8 : 0);

		base = sib & 7;
		if (index != 4)
			i->ea += env->gpr[index] << (sib >> 6);
		has_base = mod || base != 5;
	} else if (mod == 0 && base == 5) {
		has_base = false;
		rel = env->mode == 8;
	}
	if (has_base) {
		i->ea += env->gpr[base | (rex & 1 ? 8 : 0)];
		if ((base == 4 || base == 5) && !(rex & 1))
			seg_default(i, SEG_SS);
	}
	if (mod || !has_base)
		i->ea += insn_sext(take(c, disp), disp);
	return rel;
}

static bool takes(const struct opcode *o, u32 code, u8 modrm)
{
	u8 g = modrm >> 3 & 7;

	if (code < o->first || code > o->last ||
	    (o->flags & F_DIGIT && (g < o->digit || g > o->digit_last)))
		return false;
	if (modrm >> 6 == 3)
		return !(o->flags & F_MEM);
	return !(o->flags & F_REG);
}

static bool lookup(struct opcode *o, u32 code, u8 modrm)
{
	u8 next;

	/* 00..3F: eight ALU operations with one form each in four columns */
	if (code < 0x40 && (code & 7) < 4) {
		*o = (struct opcode){ .op = code & 2 ? INSN_ALU_RM :
						       INSN_ALU_MR,
				      .alu = (u8)(code >> 3),
				      .flags = F_MODRM | F_W };
		return true;
	}
	for (unsigned k = 0; k < array_size(opcodes); k++) {
		if (!takes(&opcodes[k], code, modrm))
			continue;
		*o = opcodes[k];
		next = o->flags & F_DIGIT ? (modrm >> 3 & 7) - o->digit :
					    (u8)(code - o->first);
		o->op += o->flags & F_NEXT ? next : 0;
		o->alu += o->flags & F_NEXT_ALU ? next : 0;
		return true;
	}
	return false;
}

static u32 take_opcode(struct cursor *c, u8 first)
{
	u32 code = first;

	if (first != 0x0f)
		return code;
	code = (u32)take(c, 1);
	return code == 0x38 ? MAP3 | (u32)take(c, 1) : MAP2 | code;
}

/* Operand sizes, from the opcode's flags and the prefixes. */
static void sizes(struct insn *i, const struct opcode *o, u32 code,
		  const struct prefixes *p, u8 mode)
{
	u8 size = (mode == 2) == p->opsize ? 4 : 2;

	if (p->rex & 8)
		size = i->op >= INSN_IN && i->op <= INSN_OUTS ? 4 : 8;
	if (o->flags & F_CRDR)
		size = mode == 8 ? 8 : 4;
	if (o->flags & F_W && !(code & 1))
		size = 1;
	i->size = size;
	i->msize = o->flags & F_M1 ? 1 :
		   o->flags & F_M2 ? 2 :
		   o->flags & F_M4 ? 4 :
				     size;
	i->sign = o->flags & F_SIGN;
	i->rex = p->rex != 0;
}

static void operands(struct cursor *c, struct insn *i, const struct opcode *o,
		     const struct prefixes *p, const struct insn_env *env)
{
	bool rel = false;
	u8 modrm, immz = i->size == 8 ? 4 : i->size;

	if (o->flags & F_MODRM) {
		modrm = (u8)take(c, 1);
		i->reg = (modrm >> 3 & 7) | (p->rex & 4 ? 8 : 0);
		i->rm = (modrm & 7) | (p->rex & 1 ? 8 : 0);
		i->mem = modrm >> 6 != 3 && !(o->flags & F_CRDR);
		if (i->mem && i->asize == 2)
			modrm16(c, i, env->gpr, modrm);
		else if (i->mem)
			rel = modrm32(c, i, env, modrm, p->rex);
	}
	if (o->flags & F_MOFFS) {
		i->mem = true;
		i->ea = take(c, i->asize);
	}
	if (o->flags & F_IMM8)
		i->imm = insn_sext(take(c, 1), 1);
	if (o->flags & F_IMMW)
		i->imm = insn_sext(take(c, immz), immz);
	if (rel)
		i->ea += env->rip + c->at;
	i->ea = insn_mask(i->ea, i->asize);
}

enum insn_status insn_decode(struct insn *i, const u8 *b, unsigned n,
			     const struct insn_env *env)
{
	struct cursor c = { .b = b, .n = n > INSN_MAX ? INSN_MAX : n };
	enum insn_status more = c.n == INSN_MAX ? INSN_BAD : INSN_SHORT;
	struct prefixes p = { 0 };
	struct opcode o;
	u32 code;
	u8 first;

	*i = (struct insn){ .seg = NO_SEG };
	first = take_prefixes(&c, i, &p, env->mode == 8);
	code = take_opcode(&c, first);
	if (c.out)
		return more;
	/* the byte that selects in a group may be missing */
	if (!lookup(&o, code, c.at < c.n ? b[c.at] : 0))
		return c.at < c.n ? INSN_BAD : more;
	if (code == 0x63 && env->mode != 8)
		return INSN_BAD; /* ARPL */
	i->op = o.op;
	i->alu = o.alu;
	i->asize = env->mode == 8	       ? (p.asize ? 4 : 8) :
		   (env->mode == 2) == p.asize ? 4 :
						 2;
	sizes(i, &o, code, &p, env->mode);
	operands(&c, i, &o, &p, env);
	seg_default(i, SEG_DS);
	if (c.out)
		return more;
	i->len = (u8)c.at;
	if (code == (MAP2 | 0x01) && !i->mem && b[c.at - 1] == MODRM_RDTSCP)
		i->op = INSN_RDTSCP;
	return INSN_OK;
}
