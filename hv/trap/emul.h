/* SPDX-License-Identifier: BSD-2-Clause */
/* What the emulators share: faults, fetch and decode, advance, operands. */
#pragma once

#include "core/gmem.h"
#include "core/ioreq.h"
#include "trap/insn.h"
#include "trap/regs.h"
#include "trap/trap.h"

/* One emulator for each exit kind, and what is left to do when it returns. */
enum trap_end {
	TRAP_DONE, /* nothing: a fault was raised, or the like */
	TRAP_NEXT, /* RIP goes on by x->insn_len */
	TRAP_UD,
	TRAP_GP, /* with error code 0 */
};
typedef enum trap_end trap_fn(struct vcpu *v, struct exit *x);
trap_fn trap_cpuid, trap_msr, trap_io, trap_cr, trap_dr, trap_mmio, trap_desc;

static inline u64 reg_get(struct vcpu *v, enum vreg r)
{
	return virt->reg_get(&v->hw, r);
}
static inline void reg_set(struct vcpu *v, enum vreg r, u64 val)
{
	virt->reg_set(&v->hw, r, val);
}

/* Writes the register if the value is good, which it returns. */
static inline bool reg_set_if(struct vcpu *v, bool good, enum vreg r, u64 val)
{
	if (good)
		reg_set(v, r, val);
	return good;
}
/* EFER.LMA: the CPU is in long mode. */
static inline bool trap_lma(struct vcpu *v)
{
	return reg_get(v, VREG_EFER) & EFER_LMA;
}

/* The next entry raises the exception, with the error code if it is one that
 * has; RIP stays. Returns false. */
bool trap_fault(struct vcpu *v, u8 vector, u32 error);

/* General registers by number, RSP included; size as the CPU merges it. */
u64 trap_gpr(struct vcpu *v, u8 n);
void trap_gpr_set(struct vcpu *v, u8 n, u64 val, unsigned size);

/* Default address size in bytes: 8 in 64-bit mode, else 4 or 2. */
u8 trap_mode(struct vcpu *v);

/* Base of a segment as address computation uses it in this mode. */
u64 trap_seg_base(struct vcpu *v, u8 seg);

/*
 * Decodes the instruction at RIP, one of those from first to last, and puts its
 * length into v->last, where the emulators find it as x->insn_len. false: a
 * fault was raised, or the partition ended because it is another; the caller
 * returns.
 */
bool trap_decode(struct vcpu *v, struct insn *i, enum insn_op first,
		 enum insn_op last) must_check;
/* Makes sure of x->insn_len, which is a guess or unknown. */
bool trap_length(struct vcpu *v, struct exit *x) must_check;

/* A HLT without prefix is at RIP. */
bool trap_at_hlt(struct vcpu *v);

/* RIP behind an instruction of len bytes; a single step then raises #DB. */
void trap_advance(struct vcpu *v, u32 len);

/*
 * Guest-virtual access, from or (write) to the guest; with the rights of the
 * running code, or others. Without buf only checked. v->io_gpa says where its last
 * page is. false: a fault was raised, or the partition ended
 * because no memory is there.
 */
bool trap_copy(struct vcpu *v, u64 at, void *buf, u64 n, bool write) must_check;
bool trap_copy_as(struct vcpu *v, u64 at, void *buf, u64 n,
		  struct walk_access a) must_check;

/* Linear address of the memory operand. false: a fault was raised. */
bool trap_address(struct vcpu *v, const struct insn *i, u64 *at) must_check;
/* An operand r/m16: a register, or two bytes of memory. put writes a register
 * in the instruction's operand size. */
bool trap_rm16_get(struct vcpu *v, const struct insn *i, u16 *val) must_check;
bool trap_rm16_put(struct vcpu *v, const struct insn *i, u64 val) must_check;

/* n steps of a string instruction done: counts, and whether RIP may go on. */
bool trap_string_step(struct vcpu *v, const struct insn *i, u32 n, bool si,
		      bool di);
/* A REP with nothing to do. */
bool trap_string_done(struct vcpu *v, const struct insn *i);

/* Where a string instruction's element is: at ES:rDI, or else at rSI. */
u64 trap_string_at(struct vcpu *v, const struct insn *i, bool di);

/*
 * What is needed to go on when the server of a region has answered, in
 * v->io_arg: the instruction may have changed in memory meanwhile.
 */
struct io_state {
	struct insn i;
	u64 at;	      /* port or guest-physical address */
	u64 operand;  /* the other operand, or for MOVS its address */
	u64 old;      /* XCHG: what was read */
	u32 count;    /* of INS or OUTS */
	bool written; /* only the end of the instruction is left */
};
_Static_assert(sizeof(struct io_state) <= sizeof(((struct vcpu *)NULL)->io_arg),
	       "fits");
static inline struct io_state *io_state(struct vcpu *v)
{
	return (struct io_state *)v->io_arg;
}

/* Ports CF8 to CFF of the host partition; what a read gives. */
u64 trap_pci(struct vcpu *v, const struct ioreq *r);
