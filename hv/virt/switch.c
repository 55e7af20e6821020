/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes hands when another vCPU comes to a CPU: extended state, debug
 * registers, MSRs that the backend's structure does not hold. */
#include "virt/backend.h"

bool virt_soft;

/*
 * Those of SYSCALL and TSC_AUX change only by WRMSR, which exits (see
 * hv/boot/virt.c): the vCPU's structure has them, and the CPU is written where it
 * holds something else. KERNEL_GS changes by SWAPGS, too.
 */
static const u32 msrs[] = { MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK,
			    MSR_KERNEL_GS };
enum { KERNEL_GS = 4 };

static inline void msr_hold(u64 *held, u32 msr, u64 val)
{
	if (likely(*held == val))
		return;
	*held = val;
	wrmsr(msr, val);
}

/* A vCPU that uses no debug register cannot read any, nor does one of them match
 * in it: what another has left there may stay. */
static noinline_fn void dr_save(struct virt_vcpu *v)
{
	v->dr[0] = read_dr0();
	v->dr[1] = read_dr1();
	v->dr[2] = read_dr2();
	v->dr[3] = read_dr3();
	if (virt_soft)
		v->dr6 = read_dr6();
}

static noinline_fn void dr_load(const struct virt_vcpu *v)
{
	write_dr0(v->dr[0]);
	write_dr1(v->dr[1]);
	write_dr2(v->dr[2]);
	write_dr3(v->dr[3]);
	if (virt_soft)
		write_dr6(v->dr6);
}

void virt_dr_use(struct virt_vcpu *v)
{
	if (!v->dr_used && v->live)
		dr_load(v);
	v->dr_used = true;
}

/* From the CPU, where they are while v is live. */
static inline void soft_save(struct virt_cpu *pc, struct virt_vcpu *v)
{
	if (unlikely(v->dr_used))
		dr_save(v);
	if (!virt_soft)
		return;
	v->cr2 = read_cr2();
	v->msrs[KERNEL_GS] = pc->msrs[KERNEL_GS] = rdmsr(MSR_KERNEL_GS);
}

static inline void soft_load(struct virt_cpu *pc, const struct virt_vcpu *v)
{
	if (unlikely(v->dr_used))
		dr_load(v);
	msr_hold(&pc->tsc_aux, MSR_TSC_AUX, v->tsc_aux);
	if (!virt_soft)
		return;
	write_cr2(v->cr2);
#pragma GCC unroll 5
	for (u32 i = 0; i < array_size(msrs); i++)
		msr_hold(&pc->msrs[i], msrs[i], v->msrs[i]);
}

static noinline_fn void soft_load_apart(const struct virt_vcpu *v)
{
	soft_load(virt_cpu(), v);
}

u64 virt_soft_get(struct virt_vcpu *v, enum vreg r)
{
	if (r < virt->soft_first || r > VREG_TSC_AUX)
		return 0;
	if (v->live)
		soft_save(virt_cpu(), v);
	return v->soft[r - VREG_CR2];
}

void virt_soft_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	if (r < virt->soft_first || r > VREG_TSC_AUX)
		return;
	if (r >= VREG_DR0 && r <= VREG_DR3)
		virt_dr_use(v);
	if (v->live)
		soft_save(virt_cpu(), v);
	v->soft[r - VREG_CR2] = val;
	if (v->live)
		soft_load_apart(v);
}

/* Only of XCR0's lower half: a guest may set none of the upper one. */
static u32 xgetbv(void)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo;
}

/* An instruction of the XSAVE or, mask 0, of the FXSAVE family. */
#define XSTATE(insn, v, mask)                                 \
	__asm__ volatile(insn " (%0)"                         \
			 :                                    \
			 : "r"((v)->xsave), "a"(mask), "d"(0) \
			 : "memory")

/*
 * Extended state moves under the widest mask whatever the guest's XCR0 is, so
 * that a component which it has switched off keeps nothing of another guest.
 * mask 0: the CPU has no XSAVE.
 */
static inline void xstate_save(struct virt_vcpu *v, u32 mask)
{
	if (unlikely(!mask)) {
		XSTATE("fxsave64", v, 0u);
		return;
	}
	if (cpu_feat.qemu) /* 7.2 does not intercept XSETBV */
		v->xcr0 = xgetbv() & mask;
	if ((u32)v->xcr0 != mask)
		xsetbv(0, mask);
	XSTATE("xsave64", v, mask);
}

static inline void xstate_load(const struct virt_vcpu *v, u32 mask)
{
	if (unlikely(!mask)) {
		XSTATE("fxrstor64", v, 0u);
		return;
	}
	XSTATE("xrstor64", v, mask);
	if ((u32)v->xcr0 != mask)
		xsetbv(0, (u32)v->xcr0);
}

/* ---- loading ---- */

/* v has come from another CPU, or what is cached for it here is void. */
static noinline_fn void load_anew(struct virt_cpu *pc, struct virt_vcpu *v)
{
	u32 cpu = cpu_this()->index;
	bool moved = v->last_cpu != cpu;

	virt->load(pc->loaded, v);
	pc->loaded = v;
	if (moved || v->tag_gen != pc->tag_gen)
		virt_tag_take(v);
	if (moved || v->space_gen != v->space->gen)
		virt_flush(v);
	v->last_cpu = cpu;
}

/* In the place of what is loaded; last, so that it is a jump. */
static inline void load(const struct cpu *c, struct virt_cpu *pc,
			struct virt_vcpu *v)
{
	struct virt_vcpu *from = pc->loaded;

	if (unlikely(v->last_cpu != c->index || v->tag_gen != pc->tag_gen ||
		     v->space_gen != v->space->gen))
		return load_anew(pc, v);
	pc->loaded = v;
	virt->load(from, v);
}

void virt_load(struct virt_vcpu *v)
{
	if (virt_cpu()->loaded != v)
		load(cpu_this(), virt_cpu(), v);
}

void virt_unload(struct virt_vcpu *v)
{
	if (virt_cpu()->loaded != v)
		return;
	if (virt->unload)
		virt->unload(v);
	virt_cpu()->loaded = NULL;
}

static inline void state_save(struct virt_cpu *pc, struct virt_vcpu *v,
			      u32 mask)
{
	xstate_save(v, mask);
	soft_save(pc, v);
	v->live = false;
}

void virt_leave(struct virt_vcpu *v)
{
	state_save(virt_cpu(), v, (u32)cpu_feat.xcr0_mask);
	cpu_this()->current = NULL;
	virt_unload(v);
}

void virt_switch(struct virt_vcpu *old, struct virt_vcpu *v)
{
	struct cpu *c = cpu_this();
	struct virt_cpu *pc = c->virt;
	u32 mask = (u32)cpu_feat.xcr0_mask;

	if (likely(old))
		state_save(pc, old, mask);
	c->current = v;
	if (unlikely(mitigations & MIT_IBPB) && pc->space_id != v->space->id) {
		wrmsr(MSR_PRED_CMD, 1);
		pc->space_id = v->space->id;
	}
	xstate_load(v, mask);
	soft_load(pc, v);
	v->live = true;
	if (pc->loaded != v)
		load(c, pc, v);
}
