/* SPDX-License-Identifier: BSD-2-Clause */
/* vCPUs: making, starting, counters. */
#include "core/event.h"
#include "core/gmem.h"
#include "core/sched.h"
#include "core/vapic.h"
#include "lib/string.h"

/* clang-format off */
enum {
	/* offsets in the legacy area of XSAVE, SDM Vol. 1 10.5.1 */
	XSAVE_FCW = 0,		XSAVE_MXCSR = 24,
	FCW_RESET = 0x37f,	MXCSR_RESET = 0x1f80,
	RFLAGS_RESET = 2,	TSS_LIMIT = 0x67,
	/* access rights, SDM Vol. 3C 24.4.1 */
	AR_CODE64 = 0xa09b,	AR_DATA = 0xc093,
	AR_TSS = 0x008b,
};
/* clang-format on */
#define CR3_ADDR 0x000ffffffffff000ull

/* The vCPU and its XSAVE area, which begins behind it, are one block. */
_Static_assert(sizeof(struct vcpu) % 64 == 0, "XSAVE's alignment");

static unsigned vcpu_order(void)
{
	unsigned order = 0;

	while (sizeof(struct vcpu) + cpu_feat.xsave_size > PAGE_SIZE << order)
		order++;
	return order;
}

/* All components in their initial state: XSTATE_BV is 0. */
static void reset_registers(struct vcpu *v)
{
	struct virt_vcpu *hw = &v->hw;

	memset(hw->xsave, 0, cpu_feat.xsave_size);
	*(u16 *)((char *)hw->xsave + XSAVE_FCW) = FCW_RESET;
	*(u32 *)((char *)hw->xsave + XSAVE_MXCSR) = MXCSR_RESET;
	memset(hw->gpr, 0, sizeof(hw->gpr));
	memset(hw->soft, 0, sizeof(hw->soft));
	hw->dr6 = DR6_RESET;
	hw->xcr0 = XCR0_X87;
}

static struct vcpu *vcpu_object(struct partition *p, u32 id)
{
	struct vcpu *v = partition_pages(p, vcpu_order());

	if (!v)
		return NULL;
	v->part = p;
	v->id = id;
	v->state = VCPU_STOPPED;
	v->hw.space = &p->space;
	v->hw.profile = p->profile;
	v->hw.last_cpu = VIRT_NOWHERE;
	v->hw.stub = p->stub;
	v->hw.xsave = v + 1;
	reset_registers(v);
	sched_admit(v);
	return v;
}

int vcpu_create(struct partition *p, u32 id)
{
	struct vcpu *v = vcpu_object(p, id);

	if (!v)
		return PV_ENOMEM;
	p->vcpus[id] = v;
	v->page = partition_pages(p, 0);
	if (!v->page || virt_vcpu_init(&v->hw))
		return PV_ENOMEM;
	event_vcpu_init(v);
	if (p->profile != PROFILE_PV && vapic_init(v))
		return PV_ENOMEM;
	return gmem_map(p, gpa(PV_VCPU_PAGE(id)), ptr_hpa(v->page), PAGE_SIZE,
			NP_READ | NP_WRITE);
}

void vcpu_destroy(struct vcpu *v)
{
	struct partition *p = v->part;

	sched_forget(v);
	virt_vcpu_free(&v->hw);
	if (v->apic)
		partition_pages_free(p, v->apic, 0);
	if (v->page)
		partition_pages_free(p, v->page, 0);
	partition_pages_free(p, v, vcpu_order());
}

static void start_state(const struct pv_vcpu_start *a, struct vstate *s)
{
	struct vseg data = { .sel = 0x10, .ar = AR_DATA, .limit = ~0u };

	*s = (struct vstate){
		.rip = a->rip,
		.rsp = a->rsp,
		.rflags = RFLAGS_RESET,
		.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG,
		.cr3 = a->cr3,
		.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT,
		.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
		.pat = PAT_RESET,
		.dr7 = DR7_RESET,
		.cs = { .sel = 0x08, .ar = AR_CODE64, .limit = ~0u },
		.ss = data,
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ldtr = { .ar = AR_UNUSABLE },
		.tr = { .ar = AR_TSS, .limit = TSS_LIMIT },
		.gdt_base = a->gdt_base,
		.gdt_limit = a->gdt_limit,
	};
}

void vcpu_start_finish(struct vcpu *v)
{
	struct vstate s;

	start_state(&v->start, &s);
	virt_leave(&v->hw);
	reset_registers(v);
	v->hw.gpr[R_DI] = v->start.rdi;
	v->hw.gpr[R_SI] = v->start.rsi;
	event_vcpu_reset(v);
	virt_load(&v->hw);
	virt_state_set(&v->hw, &s);
	virt_switch(NULL, &v->hw);
}

static bool start_ok(const struct pv_vcpu_start *s)
{
	return canonical48(s->rip) && canonical48(s->gdt_base) &&
	       s->gdt_limit <= 0xffff && !s->pad && !(s->cr3 & ~CR3_ADDR) &&
	       s->cr3 < 1ull << cpu_feat.phys_bits;
}

int vcpu_start(struct vcpu *v, const struct pv_vcpu_start *s)
{
	if (!start_ok(s))
		return PV_EINVAL;
	lock_scope(&v->part->lock);
	if (v->state != VCPU_STOPPED)
		return PV_ESTATE;
	v->start = *s;
	v->call_finish = vcpu_start_finish;
	sched_timer_set(v, 0);
	vcpu_pend(v, PEND_CALL);
	sched_wake(v);
	return PV_OK;
}

#define SAME(name) _Static_assert((int)EXIT_##name == PV_EXIT_##name, #name);
PV_EXIT_LIST(SAME)

void vcpu_stats_get(struct vcpu *v, struct pv_vcpu_stats *s)
{
	_Static_assert(sizeof(s->exits) == sizeof(v->hw.exits), "exit kinds");
	*s = (struct pv_vcpu_stats){
		.run_tsc = v->run_tsc,
		.guest_tsc = v->hw.guest_tsc,
		.vmcs_accesses = v->hw.vmcs_accesses,
		.entries = v->hw.entries,
		.steal_tsc = v->steal_tsc,
		.idle_tsc = sched_of(v->cpu)->idle_tsc,
		.cpu = v->cpu,
		.moves = v->moves,
	};
	for (u32 i = 0; i < HCALL_TABLE_SIZE; i++)
		s->calls += v->hw.calls[i];
	memcpy(s->exits, v->hw.exits, sizeof(s->exits));
	if (v->state == VCPU_RUNNING)
		s->run_tsc += rdtsc() - v->run_since;
}

void vcpu_calls_get(struct vcpu *v, struct pv_vcpu_calls *c)
{
	_Static_assert(PV_CALL_COUNT <= PV_CALLS_MAX, "all have a counter");
	memset(c, 0, sizeof(*c));
	for (u32 i = 0; i < HCALL_TABLE_SIZE; i++)
		if (i < PV_CALL_COUNT)
			c->calls[i] = v->hw.calls[i];
		else
			c->unknown += v->hw.calls[i];
}
