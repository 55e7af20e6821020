/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes hands when another vCPU comes to a CPU: extended state, debug
 * registers, MSRs that the backend's structure does not hold. */
#include "virt/backend.h"
#include "lib/x86.h"

/* clang-format off */
enum {
	MSR_PRED_CMD = 0x49,       MSR_STAR = 0xC0000081,
	MSR_LSTAR = 0xC0000082,    MSR_CSTAR = 0xC0000083,
	MSR_SFMASK = 0xC0000084,   MSR_KERNEL_GS = 0xC0000102,
	MSR_TSC_AUX = 0xC0000103,
};
/* clang-format on */

/*
 * Those of SYSCALL and TSC_AUX change only by WRMSR, which exits (see
 * virt_msr_allow): the vCPU's structure has them, and the CPU is written where it
 * holds something else. KERNEL_GS changes by SWAPGS, too.
 */
static const u32 msrs[] = { MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK,
			    MSR_KERNEL_GS };
enum { KERNEL_GS = 4 };

void virt_cpu_msrs(struct virt_cpu *pc)
{
	for (u32 i = 0; i < array_size(msrs); i++)
		pc->msrs[i] = rdmsr(msrs[i]);
	if (cpu_feat.rdtscp)
		pc->tsc_aux = rdmsr(MSR_TSC_AUX);
}

static inline void msr_hold(u64 *held, u32 msr, u64 val)
{
	if (likely(*held == val))
		return;
	*held = val;
	wrmsr(msr, val);
}

/* A vCPU that uses no debug register cannot read any, nor does one of them match
 * in it: what another has left there may stay. */
static void dr_save(struct virt_vcpu *v)
{
	v->dr[0] = read_dr0();
	v->dr[1] = read_dr1();
	v->dr[2] = read_dr2();
	v->dr[3] = read_dr3();
	if (virt->soft_first != VREG_DR0)
		v->dr6 = read_dr6();
}

static void dr_load(const struct virt_vcpu *v)
{
	write_dr0(v->dr[0]);
	write_dr1(v->dr[1]);
	write_dr2(v->dr[2]);
	write_dr3(v->dr[3]);
	if (virt->soft_first != VREG_DR0)
		write_dr6(v->dr6);
}

void virt_dr_use(struct virt_vcpu *v)
{
	if (!v->dr_used && v->live)
		dr_load(v);
	v->dr_used = true;
}

/* From the CPU, where they are while v is live. */
static void soft_save(struct virt_vcpu *v)
{
	if (unlikely(v->dr_used))
		dr_save(v);
	if (virt->soft_first == VREG_DR0)
		return;
	v->cr2 = read_cr2();
	v->msrs[KERNEL_GS] = virt_cpu()->msrs[KERNEL_GS] = rdmsr(MSR_KERNEL_GS);
}

static void soft_load(const struct virt_vcpu *v)
{
	struct virt_cpu *pc = virt_cpu();

	if (unlikely(v->dr_used))
		dr_load(v);
	if (cpu_feat.rdtscp)
		msr_hold(&pc->tsc_aux, MSR_TSC_AUX, v->tsc_aux);
	if (virt->soft_first == VREG_DR0)
		return;
	write_cr2(v->cr2);
	for (u32 i = 0; i < array_size(msrs); i++)
		msr_hold(&pc->msrs[i], msrs[i], v->msrs[i]);
}

u64 virt_soft_get(struct virt_vcpu *v, enum vreg r)
{
	if (r < virt->soft_first || r > VREG_TSC_AUX)
		return 0;
	if (v->live)
		soft_save(v);
	return v->soft[r - VREG_CR2];
}

void virt_soft_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	if (r < virt->soft_first || r > VREG_TSC_AUX)
		return;
	if (r >= VREG_DR0 && r <= VREG_DR3)
		virt_dr_use(v);
	if (v->live)
		soft_save(v);
	v->soft[r - VREG_CR2] = val;
	if (v->live)
		soft_load(v);
}

static u64 xgetbv(void)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (u64)hi << 32 | lo;
}

/* An instruction of the XSAVE or, mask 0, of the FXSAVE family. */
#define XSTATE(insn, v, mask)                                 \
	__asm__ volatile(insn " (%0)"                         \
			 :                                    \
			 : "r"((v)->xsave), "a"((u32)(mask)), \
			   "d"((mask) >> 32)                  \
			 : "memory")

/*
 * Extended state moves under the widest mask whatever the guest's XCR0 is, so
 * that a component which it has switched off keeps nothing of another guest.
 */
static void xstate_save(struct virt_vcpu *v)
{
	u64 mask = cpu_feat.xcr0_mask;

	if (!cpu_feat.xsave) {
		XSTATE("fxsave64", v, 0ull);
		return;
	}
	if (cpu_feat.qemu) /* 7.2 does not intercept XSETBV */
		v->xcr0 = xgetbv() & mask;
	if (v->xcr0 != mask)
		xsetbv(0, mask);
	XSTATE("xsave64", v, mask);
}

static void xstate_load(struct virt_vcpu *v)
{
	u64 mask = cpu_feat.xcr0_mask;

	if (!cpu_feat.xsave) {
		XSTATE("fxrstor64", v, 0ull);
		return;
	}
	XSTATE("xrstor64", v, mask);
	if (v->xcr0 != mask)
		xsetbv(0, v->xcr0);
}

void virt_switch_in(struct virt_vcpu *v)
{
	struct virt_cpu *pc = virt_cpu();

	virt_load(v);
	cpu_this()->current = v;
	if (mitigations & MIT_IBPB && pc->space_id != v->space->id)
		wrmsr(MSR_PRED_CMD, 1);
	pc->space_id = v->space->id;
	xstate_load(v);
	soft_load(v);
	v->live = true;
}

void virt_switch_out(struct virt_vcpu *v)
{
	if (v->live) {
		xstate_save(v);
		soft_save(v);
		v->live = false;
	}
	virt_unload(v);
	cpu_this()->current = NULL;
}
