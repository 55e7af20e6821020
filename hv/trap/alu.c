/* SPDX-License-Identifier: BSD-2-Clause */
/* Results and flags of the ALU operations that may have an MMIO operand. */
#include "trap/insn.h"

enum { CF = 0x1, PF = 0x4, AF = 0x10, ZF = 0x40, SF = 0x80, OF = 0x800 };

/* Each bit's carry of a + b (+ c) = r, or borrow of a - b (- c) = r. */
static u64 carries(bool add, u64 a, u64 b, u64 r)
{
	return add ? (a & b) | ((a | b) & ~r) : (~a & b) | ((~a | b) & r);
}

u64 insn_alu(enum insn_alu op, unsigned size, u64 a, u64 b, u64 *flags)
{
	bool add = op == ALU_ADD || op == ALU_ADC;
	bool logic = op == ALU_AND || op == ALU_TEST || op == ALU_OR ||
		     op == ALU_XOR;
	u64 top = 1ull << (size * 8 - 1), r, c;

	a = insn_mask(a, size);
	b = insn_mask(b, size);
	c = op == ALU_ADC || op == ALU_SBB ? *flags & CF : 0;
	r = insn_mask(add ? a + b + c : a - b - c, size);
	if (logic)
		r = op == ALU_OR ? a | b : op == ALU_XOR ? a ^ b : a & b;
	c = logic ? 0 : carries(add, a, b, r);
	*flags &= ~(u64)(CF | PF | AF | ZF | SF | OF);
	*flags |= (c & top ? CF : 0) | (c & 8 ? AF : 0) | (r ? 0 : ZF) |
		  (r & top ? SF : 0) |
		  (__builtin_parity((unsigned)r & 0xff) ? 0 : PF);
	/* overflow: the carries into and out of the top bit differ */
	if ((c ^ c << 1) & top)
		*flags |= OF;
	return r;
}
