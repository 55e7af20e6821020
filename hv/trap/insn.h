/* SPDX-License-Identifier: BSD-2-Clause */
/* A pure decoder for the x86 instructions that Parley has to understand. */
#pragma once

#include "lib/types.h"

#define INSN_MAX 15

/* What an instruction does. Those up to INSN_STOS may have an MMIO operand. */
/* clang-format off */
enum insn_op {
	INSN_NONE,
	INSN_LOAD,	/* register := memory, sign- or zero-extended */
	INSN_STORE,	/* memory := register */
	INSN_STORE_IMM,
	INSN_ALU_MR,	/* memory op= register, insn.alu */
	INSN_ALU_RM,	/* register op= memory */
	INSN_ALU_MI,	/* memory op= immediate */
	INSN_XCHG,
	INSN_MOVS, INSN_STOS,
	INSN_IN, INSN_OUT, INSN_INS, INSN_OUTS,
	/* by ModRM.reg of 0F 00, then of 0F 01 */
	INSN_SLDT, INSN_STR, INSN_LLDT, INSN_LTR,
	INSN_SGDT, INSN_SIDT, INSN_LGDT, INSN_LIDT,
	INSN_SMSW, INSN_0F01_5, INSN_LMSW, INSN_INVLPG,
	INSN_MOV_FROM_CR, INSN_MOV_FROM_DR, INSN_MOV_TO_CR, INSN_MOV_TO_DR,
	INSN_CLTS, INSN_RDTSCP,
	INSN_OTHER,	/* only its length matters */
};

/* ALU operations in the order of the opcode map, then TEST. */
enum insn_alu {
	ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP,
	ALU_TEST,
};
/* clang-format on */

enum insn_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

struct insn {
	u8 op;	  /* enum insn_op */
	u8 alu;	  /* enum insn_alu */
	u8 len;	  /* bytes, 1..15 */
	u8 size;  /* bytes of the register operand: 1, 2, 4, 8 */
	u8 msize; /* bytes of the memory operand */
	u8 asize; /* bytes of an address: 2, 4, 8 */
	u8 reg;	  /* ModRM.reg with REX.R, or the implied register */
	u8 rm;	  /* register operand in ModRM.rm; only if !mem */
	u8 seg;	  /* enum insn_seg, of the memory operand */
	bool mem, sign, rep, lock, rex;
	u64 ea;	 /* effective address: offset in seg */
	u64 imm; /* sign-extended to 64 bits */
};

/* The machine state that an address depends on. */
struct insn_env {
	u8 mode; /* bytes of the default address: 2, 4, 8 (64-bit mode) */
	u64 rip; /* of the instruction */
	const u64 *gpr; /* 16, with RSP in its place */
};

enum insn_status { INSN_OK, INSN_SHORT, INSN_BAD };

/*
 * Decodes the n bytes at b. INSN_SHORT: it goes on behind them. INSN_BAD: not
 * an instruction that is known, or longer than 15 bytes. SDM Vol. 2, chapter 2.
 */
enum insn_status insn_decode(struct insn *i, const u8 *b, unsigned n,
			     const struct insn_env *env);

/*
 * a op b of size bytes with the arithmetic flags (SDM Vol. 1, 3.4.3.1) in
 * *flags, of which CF is also an input.
 */
u64 insn_alu(enum insn_alu op, unsigned size, u64 a, u64 b, u64 *flags);

/* The low size bytes of v; and a register's value after such a write. */
static inline u64 insn_mask(u64 v, unsigned size)
{
	return size >= 8 ? v : v & ((1ull << size * 8) - 1);
}
static inline u64 insn_merge(u64 old, u64 v, unsigned size)
{
	if (size >= 4)
		return insn_mask(v, size);
	return (old & ~insn_mask(~0ull, size)) | insn_mask(v, size);
}
static inline u64 insn_sext(u64 v, unsigned size)
{
	unsigned sh = 64 - size * 8;

	return (u64)((s64)(v << sh) >> sh);
}

/* Register number n of a byte operand: 4..7 are AH..BH without REX. */
static inline bool insn_high(const struct insn *i, unsigned size)
{
	return size == 1 && !i->rex && i->reg >= 4 && i->reg < 8;
}
