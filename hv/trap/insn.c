/* SPDX-License-Identifier: BSD-2-Clause */
/* A pure decoder for the x86 instructions that Parley has to understand. */
#include "trap/insn.h"

/* clang-format off */
/* How an opcode's operands are encoded. */
enum {
	F_MODRM = 1,
	F_W     = 2,   /* bit 0 of the opcode clear: byte operand */
	F_IMM8  = 4,
	F_IMMW  = 8,   /* by operand size: 1, 2 or 4 bytes */
	F_MEM   = 16,  /* ModRM names memory */
	F_SIGN  = 32,
	F_MOFFS = 64,
	F_CRDR  = 128, /* ModRM.mod is ignored: always a register */
	/* op, or alu, counts on with ModRM.reg */
	F_NEXT  = 256, F_NEXT_ALU = 512,
};
#define M F_MODRM

/* Opcodes: one byte, or MAP2 | second byte, or MAP3 + third byte of 0F 38, whose
 * upper half comes first: only a few of it are known. */
enum { MAP2 = 0x100, MAP3 = 0x200, OPCODES = MAP3 + 3, GROUP7 = MAP2 | 1 };

struct opcode {
	u8 op, alu;
	u8 msize;  /* of the memory operand; 0: as the other */
	u8 digits; /* those that ModRM.reg may be, as bits; 0: all */
	u16 flags;
};

#define ALU(n) \
	[8 * n ... 8 * n + 1] = { INSN_ALU_MR, n, 0, 0, M | F_W }, \
	[8 * n + 2 ... 8 * n + 3] = { INSN_ALU_RM, n, 0, 0, M | F_W }
static const struct opcode opcodes[OPCODES] = {
	ALU(0), ALU(1), ALU(2), ALU(3), ALU(4), ALU(5), ALU(6), ALU(7),
	[0x63] = { INSN_LOAD, 0, 4, 0, M | F_SIGN },
	[0x6c ... 0x6d] = { INSN_INS, .flags = F_W },
	[0x6e ... 0x6f] = { INSN_OUTS, .flags = F_W },
	[0x80 ... 0x81] = { INSN_ALU_MI, .flags = M | F_NEXT_ALU | F_W | F_IMMW },
	[0x83] = { INSN_ALU_MI, .flags = M | F_NEXT_ALU | F_IMM8 },
	[0x84 ... 0x85] = { INSN_ALU_MR, ALU_TEST, 0, 0, M | F_W },
	[0x86 ... 0x87] = { INSN_XCHG, .flags = M | F_W },
	[0x88 ... 0x89] = { INSN_STORE, .flags = M | F_W },
	[0x8a ... 0x8b] = { INSN_LOAD, .flags = M | F_W },
	[0x90] = { INSN_OTHER }, /* PAUSE */
	[0xa0 ... 0xa1] = { INSN_LOAD, .flags = F_MOFFS | F_W },
	[0xa2 ... 0xa3] = { INSN_STORE, .flags = F_MOFFS | F_W },
	[0xa4 ... 0xa5] = { INSN_MOVS, .flags = F_W },
	[0xaa ... 0xab] = { INSN_STOS, .flags = F_W },
	[0xc6 ... 0xc7] = { INSN_STORE_IMM, 0, 0, 1, M | F_W | F_IMMW },
	[0xe4 ... 0xe5] = { INSN_IN, .flags = F_W | F_IMM8 },
	[0xe6 ... 0xe7] = { INSN_OUT, .flags = F_W | F_IMM8 },
	[0xec ... 0xed] = { INSN_IN, .flags = F_W },
	[0xee ... 0xef] = { INSN_OUT, .flags = F_W },
	[0xf4] = { INSN_OTHER }, /* HLT */
	[0xf6 ... 0xf7] = { INSN_ALU_MI, ALU_TEST, 0, 1, M | F_W | F_IMMW },
	[MAP2 | 0x00] = { INSN_SLDT, 0, 2, 0x0f, M | F_NEXT },
	[GROUP7] = { INSN_SGDT, 0, 0, 0xdf, M | F_NEXT },
	[MAP2 | 0x06] = { INSN_CLTS },
	[MAP2 | 0x08 ... MAP2 | 0x09] = { INSN_OTHER }, /* INVD WBINVD */
	[MAP2 | 0x20] = { INSN_MOV_FROM_CR, .flags = M | F_CRDR },
	[MAP2 | 0x21] = { INSN_MOV_FROM_DR, .flags = M | F_CRDR },
	[MAP2 | 0x22] = { INSN_MOV_TO_CR, .flags = M | F_CRDR },
	[MAP2 | 0x23] = { INSN_MOV_TO_DR, .flags = M | F_CRDR },
	[MAP2 | 0x30 ... MAP2 | 0x33] = { INSN_OTHER }, /* WRMSR .. RDPMC */
	[MAP2 | 0x78 ... MAP2 | 0x79] = { INSN_OTHER, .flags = M }, /* VMREAD VMWRITE */
	[MAP2 | 0xa2] = { INSN_OTHER }, /* CPUID */
	[MAP2 | 0xb6] = { INSN_LOAD, 0, 1, 0, M },
	[MAP2 | 0xb7] = { INSN_LOAD, 0, 2, 0, M },
	[MAP2 | 0xbe] = { INSN_LOAD, 0, 1, 0, M | F_SIGN },
	[MAP2 | 0xbf] = { INSN_LOAD, 0, 2, 0, M | F_SIGN },
	[MAP2 | 0xc7] = { INSN_OTHER, 0, 0, 0xc0, M | F_MEM }, /* VMPTR.. */
	[MAP3 ... MAP3 + 2] = { INSN_OTHER, .flags = M | F_MEM }, /* INVEPT.. */
};
/* clang-format on */
#define MODRM_RDTSCP 0xf9

/* An instruction being taken apart. */
struct decoder {
	const u8 *b; /* its bytes */
	unsigned n, at;
	bool out; /* a byte was wanted that is not there */
	bool opsize, asize;
	u8 rex;
	struct opcode o;
	struct insn *i;
	const struct insn_env *env;
};

static u64 take(struct decoder *d, unsigned bytes)
{
	u64 v = 0;

	if (d->at + bytes > d->n) {
		d->out = true;
		return 0;
	}
	for (unsigned k = 0; k < bytes; k++)
		v |= (u64)d->b[d->at++] << 8 * k;
	return v;
}

static u64 take_signed(struct decoder *d, unsigned bytes)
{
	return insn_sext(take(d, bytes), bytes);
}

/* A prefix changes *d. false: it is none. */
static bool prefix(struct decoder *d, u8 b)
{
	if ((b & 0xe7) == 0x26) {
		/* 64-bit mode ignores all but FS and GS */
		if (d->env->mode != 8)
			d->i->seg = b >> 3 & 3;
		return true;
	}
	switch (b) {
	case 0x64:
	case 0x65:
		d->i->seg = SEG_FS + (b & 1);
		return true;
	case 0x66:
		return d->opsize = true;
	case 0x67:
		return d->asize = true;
	case 0xf0:
		return d->i->lock = true;
	case 0xf2:
	case 0xf3:
		return d->i->rep = true;
	}
	return false;
}

/* Takes all prefixes, and returns the byte behind them. */
static u8 take_prefixes(struct decoder *d)
{
	u8 b = (u8)take(d, 1);

	for (; !d->out; b = (u8)take(d, 1)) {
		/* REX counts only right before the opcode */
		if (prefix(d, b))
			d->rex = 0;
		else if (d->env->mode == 8 && (b & 0xf0) == 0x40)
			d->rex = b;
		else
			break;
	}
	return b;
}

static u32 take_opcode(struct decoder *d)
{
	u8 b = take_prefixes(d);

	if (b != 0x0f)
		return b;
	b = (u8)take(d, 1);
	return b == 0x38 ? MAP3 + ((u32)take(d, 1) ^ 0x80) : MAP2 | (u32)b;
}

/* What the opcode means with this ModRM; op is INSN_NONE if nothing known. */
static struct opcode lookup(u32 code, u8 modrm)
{
	struct opcode o = { 0 };
	u8 digit = modrm >> 3 & 7;
	bool is_reg = modrm >> 6 == 3;

	if (code < OPCODES)
		o = opcodes[code];
	/* with a register: VMCALL, MWAIT, XGETBV, VMRUN, SWAPGS, RDTSCP, .. */
	if (code == GROUP7 && is_reg && digit != 4 && digit != 6)
		return (struct opcode){ modrm == MODRM_RDTSCP ? INSN_RDTSCP :
								INSN_OTHER,
					.flags = M };
	if ((o.digits && !(o.digits >> digit & 1)) ||
	    (o.flags & F_MEM && is_reg))
		o.op = INSN_NONE;
	o.op += o.op && o.flags & F_NEXT ? digit : 0;
	o.alu += o.flags & F_NEXT_ALU ? digit : 0;
	return o;
}

#define NO_SEG 0xff

static void seg_default(struct insn *i, u8 seg)
{
	if (i->seg == NO_SEG)
		i->seg = seg;
}

static void modrm16(struct decoder *d, u8 mod, u8 rm)
{
	static const u8 base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 };
	static const u8 index[4] = { 6, 7, 6, 7 };
	const u64 *r = d->env->gpr;

	if (mod == 0 && rm == 6) {
		d->i->ea = take(d, 2);
		return;
	}
	d->i->ea = r[base[rm]] + (rm < 4 ? r[index[rm]] : 0);
	if (base[rm] == 5) /* rBP */
		seg_default(d->i, SEG_SS);
	if (mod)
		d->i->ea += take_signed(d, mod);
}

/* Returns whether the address is relative to the next instruction. */
static bool modrm32(struct decoder *d, u8 mod, u8 base)
{
	const u64 *r = d->env->gpr;
	bool has_base = mod || base != 5, rel = !has_base && d->env->mode == 8;
	u64 *ea = &d->i->ea;

	if (base == 4) {
		u8 sib = (u8)take(d, 1);
		u8 index = (sib >> 3 & 7) | (d->rex & 2 ? 8 : 0);

		base = sib & 7;
		if (index != 4)
			*ea = r[index] << (sib >> 6);
		has_base = mod || base != 5;
	}
	if (has_base) {
		*ea += r[base | (d->rex & 1 ? 8 : 0)];
		if ((base == 4 || base == 5) && !(d->rex & 1))
			seg_default(d->i, SEG_SS);
	}
	if (mod || !has_base)
		*ea += take_signed(d, mod == 1 ? 1 : 4);
	return rel;
}

/* Sizes, from the opcode's flags and the prefixes. */
static void sizes(struct decoder *d, u32 code)
{
	u8 mode = d->env->mode, size = (mode == 2) == d->opsize ? 4 : 2;
	struct insn *i = d->i;

	if (d->rex & 8)
		size = i->op >= INSN_IN && i->op <= INSN_OUTS ? 4 : 8;
	if (d->o.flags & F_CRDR)
		size = mode == 8 ? 8 : 4;
	if (d->o.flags & F_W && !(code & 1))
		size = 1;
	i->size = size;
	i->msize = d->o.msize ? d->o.msize : size;
	i->sign = d->o.flags & F_SIGN;
	i->rex = d->rex != 0;
	i->asize = mode == 8		   ? (d->asize ? 4 : 8) :
		   (mode == 2) == d->asize ? 4 :
					     2;
}

static void operands(struct decoder *d)
{
	u16 flags = d->o.flags;
	struct insn *i = d->i;
	bool rel = false;

	if (flags & F_MODRM) {
		u8 modrm = (u8)take(d, 1), mod = modrm >> 6, rm = modrm & 7;

		i->reg = (modrm >> 3 & 7) | (d->rex & 4 ? 8 : 0);
		i->rm = rm | (d->rex & 1 ? 8 : 0);
		i->mem = mod != 3 && !(flags & F_CRDR);
		if (i->mem && i->asize == 2)
			modrm16(d, mod, rm);
		else if (i->mem)
			rel = modrm32(d, mod, rm);
	}
	if (flags & F_MOFFS) {
		i->mem = true;
		i->ea = take(d, i->asize);
	}
	if (flags & F_IMM8)
		i->imm = take_signed(d, 1);
	if (flags & F_IMMW)
		i->imm = take_signed(d, i->size == 8 ? 4 : i->size);
	if (rel)
		i->ea += d->env->rip + d->at;
	i->ea = insn_mask(i->ea, i->asize);
	seg_default(i, SEG_DS);
}

enum insn_status insn_decode(struct insn *i, const u8 *b, unsigned n,
			     const struct insn_env *env)
{
	struct decoder d = {
		.b = b, .n = n > INSN_MAX ? INSN_MAX : n, .i = i, .env = env
	};
	enum insn_status more = d.n == INSN_MAX ? INSN_BAD : INSN_SHORT;
	u32 code;

	*i = (struct insn){ .seg = NO_SEG };
	code = take_opcode(&d);
	if (d.out)
		return more;
	/* the byte that selects in a group may be missing */
	d.o = lookup(code, d.at < d.n ? b[d.at] : 0);
	if (!d.o.op)
		return d.at < d.n ? INSN_BAD : more;
	if (code == 0x63 && env->mode != 8)
		return INSN_BAD; /* ARPL */
	i->op = d.o.op;
	i->alu = d.o.alu;
	sizes(&d, code);
	operands(&d);
	i->len = (u8)d.at;
	return d.out ? more : INSN_OK;
}
