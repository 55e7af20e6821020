/* SPDX-License-Identifier: BSD-2-Clause */
/* Results and flags of the ALU operations that may have an MMIO operand. */
#include "trap/insn.h"

#define CF 0x1ull
#define PF 0x4ull
#define AF 0x10ull
#define ZF 0x40ull
#define SF 0x80ull
#define OF 0x800ull

static u64 result_flags(u64 r, u64 top)
{
	return (__builtin_parity((unsigned)r & 0xff) ? 0 : PF) |
	       (r ? 0 : ZF) | (r & top ? SF : 0);
}

/* a + b + c: carries out of each bit, SDM Vol. 1, 3.4.3.1. */
static u64 add_flags(u64 a, u64 b, u64 r, u64 top)
{
	u64 carry = (a & b) | ((a | b) & ~r);

	return (carry & top ? CF : 0) | (carry & 8 ? AF : 0) |
	       ((a ^ r) & (b ^ r) & top ? OF : 0);
}

static u64 sub_flags(u64 a, u64 b, u64 r, u64 top)
{
	u64 borrow = (~a & b) | ((~a | b) & r);

	return (borrow & top ? CF : 0) | (borrow & 8 ? AF : 0) |
	       ((a ^ b) & (a ^ r) & top ? OF : 0);
}

static u64 bit_op(enum insn_alu op, unsigned size, u64 a, u64 b, u64 *flags)
{
	u64 bit = 1ull << (b & (size * 8 - 1));

	*flags = (*flags & ~CF) | (a & bit ? CF : 0);
	if (op == ALU_BTS)
		return a | bit;
	if (op == ALU_BTR)
		return a & ~bit;
	return op == ALU_BTC ? a ^ bit : a;
}

u64 insn_alu(enum insn_alu op, unsigned size, u64 a, u64 b, u64 *flags)
{
	u64 top = 1ull << (size * 8 - 1), carry = *flags & CF, r, f = 0;

	if (op >= ALU_BT)
		return bit_op(op, size, a, b, flags);
	if (op == ALU_NOT)
		return insn_mask(~a, size);
	if (op == ALU_NEG) {
		b = a;
		a = 0;
	} else if (op == ALU_INC || op == ALU_DEC) {
		b = 1;
	}
	a = insn_mask(a, size);
	b = insn_mask(b, size);
	if (op == ALU_ADD || op == ALU_ADC || op == ALU_INC) {
		r = insn_mask(a + b + (op == ALU_ADC ? carry : 0), size);
		f = add_flags(a, b, r, top);
	} else if (op == ALU_AND || op == ALU_TEST) {
		r = a & b;
	} else if (op == ALU_OR) {
		r = a | b;
	} else if (op == ALU_XOR) {
		r = a ^ b;
	} else {
		r = insn_mask(a - b - (op == ALU_SBB ? carry : 0), size);
		f = sub_flags(a, b, r, top);
	}
	if (op == ALU_INC || op == ALU_DEC)
		f = (f & ~CF) | carry;
	*flags = (*flags & ~(CF | PF | AF | ZF | SF | OF)) | f |
		 result_flags(r, top);
	return r;
}
