/* SPDX-License-Identifier: BSD-2-Clause */
/* Between what guests do by calls (guest.c) and by exits (exits.c). */
#pragma once

#include "tests/fuzz/sim.h"
#include "virt/svm/svm.h"
#include "virt/vmx/vmx.h"

#define VMX_REASON_IRQ 1u
#define VMX_REASON_WINDOW 7u

#define OWN(n) (((n)&3) * PAGE_SIZE)
#define BORROWED(n) (OWN(n) + 64 * PAGE_SIZE)

/* Of a large page, which is split and becomes one again. */
#define BIG(n) (OWN(n) + LARGE_SIZE)

/* Values of the input's bytes: of so many, and a guest-physical address. */
u64 guest_word(u32 bytes);
u64 guest_gpa(void);

static inline struct vmcb *guest_vmcb(struct vcpu *v) { return v->hw.ctl; }

static inline u64 *guest_vmcs(struct vcpu *v, u32 field)
{
	return vmcs_field(v->hw.ctl_pa, field);
}

/* RIP stays on a call that is to be resumed; else the stub moves it on. */
static inline u64 *guest_rip(struct vcpu *v)
{
	return sim_vmx ? guest_vmcs(v, GUEST_RIP) : &guest_vmcb(v)->rip;
}

/* v leaves to the C code for this reason. */
void exit_leave(struct vcpu *v, u32 vmx_reason, u64 svm_code);
/* An exit of any kind; REP OUTS or INS. true: v has left. */
bool exit_some(struct vcpu *v);
bool exit_string(struct vcpu *v);
