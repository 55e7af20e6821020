/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes hands when another vCPU comes to a CPU: extended state, debug
 * registers, MSRs that the backend's structure does not hold. */
#include "virt/backend.h"
#include "lib/regs.h"
#include "arch/x86.h"

#define MSR_STAR 0xC0000081
#define MSR_LSTAR 0xC0000082
#define MSR_CSTAR 0xC0000083
#define MSR_SFMASK 0xC0000084
#define MSR_KERNEL_GS 0xC0000102
#define MSR_TSC_AUX 0xC0000103
#define MSR_PRED_CMD 0x49
#define MSR_FLUSH_CMD 0x10B
#define ARCH_CAP_RDCL_NO 1ull
#define ARCH_CAP_SKIP_L1DFL 8ull
#define ARCH_CAP_MDS_NO 32ull

#define TSC_AUX_INDEX 5
static const u32 msr_of[VIRT_MSRS] = { MSR_STAR,   MSR_LSTAR,	  MSR_CSTAR,
				       MSR_SFMASK, MSR_KERNEL_GS, MSR_TSC_AUX };

u32 virt_mitigations;

/* The VMCB holds all of them but TSC_AUX. */
static u32 msr_first(void)
{
	return virt == &vmx_ops ? 0 : TSC_AUX_INDEX;
}

static u32 msr_end(void)
{
	return cpu_feat.rdtscp ? VIRT_MSRS : TSC_AUX_INDEX;
}

static void msrs_save(struct virt_vcpu *v)
{
	u32 i;

	for (i = msr_first(); i < msr_end(); i++)
		v->msrs[i] = rdmsr(msr_of[i]);
}

static void msrs_load(const struct virt_vcpu *v)
{
	u32 i;

	for (i = msr_first(); i < msr_end(); i++)
		wrmsr(msr_of[i], v->msrs[i]);
}

static u64 xgetbv(void)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (u64)hi << 32 | lo;
}

/*
 * Extended state moves under the widest mask whatever the guest's XCR0 is, so
 * that a component which it has switched off keeps nothing of another guest.
 */
static void xstate_save(struct virt_vcpu *v)
{
	u64 mask = cpu_feat.xcr0_mask;

	if (!cpu_feat.xsave) {
		__asm__ volatile("fxsave64 (%0)" : : "r"(v->xsave) : "memory");
		return;
	}
	v->xcr0 = xgetbv() & mask; /* QEMU 7.2 does not intercept XSETBV */
	xsetbv(0, mask);
	__asm__ volatile("xsave64 (%0)"
			 :
			 : "r"(v->xsave), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
}

static void xstate_load(struct virt_vcpu *v)
{
	u64 mask = cpu_feat.xcr0_mask;

	if (!cpu_feat.xsave) {
		__asm__ volatile("fxrstor64 (%0)" : : "r"(v->xsave) : "memory");
		return;
	}
	__asm__ volatile("xrstor64 (%0)"
			 :
			 : "r"(v->xsave), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
	if (v->xcr0 != mask)
		xsetbv(0, v->xcr0);
}

static u64 dr_read(unsigned n)
{
	switch (n) {
	case 0:
		return read_dr0();
	case 1:
		return read_dr1();
	case 2:
		return read_dr2();
	default:
		return read_dr3();
	}
}

static void dr_write(unsigned n, u64 val)
{
	switch (n) {
	case 0:
		return write_dr0(val);
	case 1:
		return write_dr1(val);
	case 2:
		return write_dr2(val);
	default:
		return write_dr3(val);
	}
}

void virt_switch_in(struct virt_vcpu *v)
{
	struct virt_cpu *pc = virt_cpu();
	unsigned i;

	virt->load(v);
	cpu_this()->current = v;
	if (virt_mitigations & MIT_IBPB && pc->space != v->space)
		wrmsr(MSR_PRED_CMD, 1);
	pc->space = v->space;
	xstate_load(v);
	for (i = 0; i < 4; i++)
		dr_write(i, v->dr[i]);
	if (virt == &vmx_ops) {
		write_dr6(v->dr6);
		write_cr2(v->cr2);
	}
	msrs_load(v);
	v->live = true;
}

void virt_switch_out(struct virt_vcpu *v)
{
	unsigned i;

	if (v->live) {
		xstate_save(v);
		for (i = 0; i < 4; i++)
			v->dr[i] = dr_read(i);
		if (virt == &vmx_ops) {
			v->dr6 = read_dr6();
			v->cr2 = read_cr2();
		}
		msrs_save(v);
		v->live = false;
	}
	virt->unload(v);
	cpu_this()->current = NULL;
}

static int msr_index(enum vreg r)
{
	if (r >= VREG_STAR && r <= VREG_KERNEL_GS)
		return (int)(r - VREG_STAR);
	return r == VREG_TSC_AUX ? TSC_AUX_INDEX : -1;
}

static bool msr_live(const struct virt_vcpu *v, int i)
{
	return v->live && (i != TSC_AUX_INDEX || cpu_feat.rdtscp);
}

bool virt_soft_get(struct virt_vcpu *v, enum vreg r, u64 *val)
{
	int m = msr_index(r);

	if (m >= 0)
		*val = msr_live(v, m) ? rdmsr(msr_of[m]) : v->msrs[m];
	else if (r >= VREG_DR0 && r <= VREG_DR3)
		*val = v->live ? dr_read(r - VREG_DR0) : v->dr[r - VREG_DR0];
	else if (r == VREG_DR6)
		*val = v->live ? read_dr6() : v->dr6;
	else if (r == VREG_CR2)
		*val = v->live ? read_cr2() : v->cr2;
	else
		return false;
	return true;
}

bool virt_soft_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	int m = msr_index(r);

	if (m >= 0) {
		v->msrs[m] = val;
		if (msr_live(v, m))
			wrmsr(msr_of[m], val);
	} else if (r >= VREG_DR0 && r <= VREG_DR3) {
		v->dr[r - VREG_DR0] = val;
		if (v->live)
			dr_write(r - VREG_DR0, val);
	} else if (r == VREG_DR6) {
		v->dr6 = val;
		if (v->live)
			write_dr6(val);
	} else if (r == VREG_CR2) {
		v->cr2 = val;
		if (v->live)
			write_cr2(val);
	} else {
		return false;
	}
	return true;
}

/* ---- mitigations ---- */

static u32 mitigations_intel(void)
{
	struct cpuid_regs r = cpuid(7, 0);
	u64 cap = cpu_feat.arch_capabilities;
	u32 set = MIT_RSB;

	if (r.d & 1u << 26)
		set |= MIT_IBPB;
	if (r.d & 1u << 10 && !(cap & ARCH_CAP_MDS_NO))
		set |= MIT_VERW;
	if (r.d & 1u << 28 && !(cap & (ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DFL)))
		set |= MIT_L1D;
	return set;
}

void virt_mitigations_choose(void)
{
	if (virt == &vmx_ops)
		virt_mitigations = mitigations_intel();
	else
		virt_mitigations =
			MIT_RSB |
			(cpuid(0x80000008, 0).b & 1u << 12 ? MIT_IBPB : 0);
}

const char *virt_mitigation_name(u32 set)
{
	static const char *const names[] = { "IBPB", "RSB fill", "VERW",
					     "L1D flush" };

	return set & 15 ? names[__builtin_ctz(set)] : NULL;
}

void virt_l1d_flush(void)
{
	wrmsr(MSR_FLUSH_CMD, 1);
}
