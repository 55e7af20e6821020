/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instructions of VMX and SVM that the back ends contain. A program may not
 * execute them: each raises a signal, is decoded here, has its effect on the
 * model, and is left behind.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "tests/fuzz/sim.h"

#define VMCS_FIELDS 2048
#define FRAMES (SIM_SIZE / PAGE_SIZE)
#define FLAG_CF 1
#define FLAG_ZF 0x40

static u64 *vmcs_of[FRAMES], *saved_vmcs[FRAMES];
static u64 current[SIM_CPUS], saved_current[SIM_CPUS];

u64 vmcs_current(void) { return current[cpu_this()->index]; }

u64 *vmcs_field(u64 vmcs, u32 field)
{
	u64 i = (vmcs - SIM_RAM) / PAGE_SIZE;

	if (i >= FRAMES)
		sim_finding("no VMCS at %lx", (unsigned long)vmcs);
	if (!vmcs_of[i])
		vmcs_of[i] = calloc(VMCS_FIELDS, sizeof(u64));
	return &vmcs_of[i][(field >> 10 & 0x1f) << 6 | (field >> 1 & 0x3f)];
}

void insn_snapshot(bool restore)
{
	for (u64 i = 0; i < FRAMES; i++) {
		u64 **to = restore ? &vmcs_of[i] : &saved_vmcs[i];
		u64 *from = restore ? saved_vmcs[i] : vmcs_of[i];

		if (*to && !from)
			memset(*to, 0, VMCS_FIELDS * sizeof(u64));
		if (!*to && from)
			*to = calloc(VMCS_FIELDS, sizeof(u64));
		if (from)
			memcpy(*to, from, VMCS_FIELDS * sizeof(u64));
	}
	if (restore)
		memcpy(current, saved_current, sizeof(current));
	else
		memcpy(saved_current, current, sizeof(current));
}

/* Numbers of the instruction set's registers, in a signal's frame. */
static const int greg[] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX,
			    REG_RSP, REG_RBP, REG_RSI, REG_RDI,
			    REG_R8,  REG_R9,  REG_R10, REG_R11,
			    REG_R12, REG_R13, REG_R14, REG_R15 };

struct insn {
	const u8 *at, *start;
	u8 prefix, rex, modrm;
	u64 *regs; /* in the frame */
	u64 *rm;   /* register or memory operand */
};

static u64 *reg(struct insn *i, u32 n) { return &i->regs[greg[n]]; }

static s64 disp(struct insn *i, u32 bytes)
{
	s64 v = bytes == 1 ? (s64)(signed char)*i->at : *(const s32 *)i->at;

	i->at += bytes;
	return v;
}

/* Base, index and displacement; `tail` bytes follow the operand. */
static void operand(struct insn *i)
{
	u32 mod = i->modrm >> 6, base = i->modrm & 7;
	u64 at = 0;

	if (mod == 3) {
		i->rm = reg(i, base | (i->rex & 1) << 3);
		return;
	}
	if (base == 4) {
		u8 sib = *i->at++;
		u32 index = (sib >> 3 & 7) | (i->rex & 2) << 2;

		base = sib & 7;
		if (index != 4)
			at += *reg(i, index) << (sib >> 6);
		if (base == 5 && !mod)
			at += (u64)disp(i, 4);
		else
			at += *reg(i, base | (i->rex & 1) << 3);
	} else if (base == 5 && !mod) {
		at = (u64)disp(i, 4);
		at += (u64)(uintptr_t)i->at; /* no immediate follows */
	} else {
		at = *reg(i, base | (i->rex & 1) << 3);
	}
	if (mod)
		at += (u64)disp(i, mod == 1 ? 1 : 4);
	i->rm = (u64 *)(uintptr_t)at;
}

static void take_modrm(struct insn *i)
{
	i->modrm = *i->at++;
	operand(i);
}

static void pointer(struct insn *i)
{
	u64 *c = &current[cpu_this()->index];

	if (i->prefix == 0xf3) /* VMXON */
		return;
	if (!i->prefix)
		*c = *i->rm;
	else if (*c == *i->rm)
		*c = 0;
}

static void invalidate(struct insn *i, bool ept)
{
	u64 type = *reg(i, (i->modrm >> 3 & 7) | (i->rex & 4) << 1);

	if (ept)
		tlb_invept(type == 1 ? i->rm[0] : 0);
	else if (type)
		tlb_invvpid(type == 2 ? 0 : i->rm[0] & 0xffff);
}

static bool two_byte(struct insn *i)
{
	u8 op = *i->at++;
	u64 *r;

	if (op == 0x38) {
		op = *i->at++;
		take_modrm(i);
		invalidate(i, op == 0x80);
		return op == 0x80 || op == 0x81;
	}
	take_modrm(i);
	r = reg(i, (i->modrm >> 3 & 7) | (i->rex & 4) << 1);
	switch (op) {
	case 0x78: /* VMREAD */
		*i->rm = *vmcs_field(vmcs_current(), (u32)*r);
		return true;
	case 0x79: /* VMWRITE */
		*vmcs_field(vmcs_current(), (u32)*r) = *i->rm;
		return true;
	case 0xc7: /* VMPTRLD VMCLEAR VMXON */
		pointer(i);
		return (i->modrm >> 3 & 7) == 6;
	case 0x01: /* VMSAVE INVLPGA SGDT SIDT */
		if (i->modrm < 0xc0)
			memset(i->rm, 0, 10);
		return i->modrm < 0xc0 || i->modrm == 0xdb || i->modrm == 0xdf;
	default:
		return false;
	}
}

static struct sigaction before[2];

static void on_fault(int sig, siginfo_t *info, void *frame)
{
	ucontext_t *u = frame;
	struct insn i = { .regs = (u64 *)u->uc_mcontext.gregs };

	i.at = i.start = (u8 *)(uintptr_t)i.regs[REG_RIP];
	for (; *i.at == 0x66 || *i.at == 0xf3 || *i.at == 0xf2; i.at++)
		i.prefix = *i.at;
	if ((*i.at & 0xf0) == 0x40)
		i.rex = *i.at++;
	if (*i.at++ != 0x0f || !two_byte(&i)) {
		/* a real fault: again, for who reports it */
		sigaction(sig, &before[sig == SIGILL], NULL);
		return;
	}
	i.regs[REG_RIP] = (u64)(uintptr_t)i.at;
	i.regs[REG_EFL] &= ~(u64)(FLAG_CF | FLAG_ZF);
}

void insn_init(void)
{
	struct sigaction a = { .sa_sigaction = on_fault,
			       .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &a, &before[0]);
	sigaction(SIGILL, &a, &before[1]);
}
