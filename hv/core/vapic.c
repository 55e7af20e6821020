/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC of hvm and classic: x2APIC registers, priorities. */
#include "core/vapic.h"
#include "core/event.h"
#include "core/sched.h"
#include "core/vioapic.h"

/* clang-format off */

/* Registers, as MSR minus 0x800 (SDM Vol. 3A, table 11-6). LVT: thermal,
 * performance, LINT0, LINT1, error. */
enum {
	A_ID = 0x02,	A_VERSION = 0x03,	A_TPR = VAPIC_TPR,	A_PPR = 0x0a,
	A_EOI = 0x0b,	A_LDR = 0x0d,		A_SVR = 0x0f,	A_ISR = 0x10,
	A_TMR = 0x18,	A_IRR = 0x20,		A_ESR = 0x28,	A_ICR = 0x30,
	A_LVT_TIMER = 0x32,	A_LVT = 0x33,	A_LVT_END = 0x37,
	A_TMICT = 0x38,	A_TMCCT = 0x39,		A_TDCR = 0x3e,
	A_SELF_IPI = 0x3f,	A_COUNT = 0x40,
};

enum {
	VERSION_VALUE = 0x50014, /* six LVT entries */
	SVR_ENABLE = 0x100,	LVT_MASKED = 0x10000,	ESR_SEND_ILLEGAL = 0x20,
	ICR_LOGICAL = 0x800,	ICR_SELF = 0x40000,
	TIMER_PERIODIC = 1,	TIMER_DEADLINE = 2, /* modes; 0 is one-shot */
	BASE_BSP = 0x100,	BASE_ON = 0xc00, /* enabled, in x2APIC mode */
};
#define BASE_ADDR 0xfee00000ull
#define ICR_RESERVED 0xfff32000ull
/* clang-format on */

/* A periodic timer expires on its CPU even while another vCPU runs there, so
 * a guest may not make it shorter than this: 1% of a CPU's time at most. */
#define PERIOD_MIN_US 100

/* Highest bit of a 256-bit register, or -1. IRR may change meanwhile. */
static int highest(const u32 *w)
{
	for (int i = 7; i >= 0; i--) {
		u32 x = load_acquire(&w[i]);

		if (x)
			return i * 32 + 31 - __builtin_clz(x);
	}
	return -1;
}

/* Processor priority (SDM Vol. 3A, 11.8.3.1). */
static u32 ppr(const struct vapic *a)
{
	int isr = highest(&a->reg[A_ISR]);
	u32 s = isr < 0 ? 0 : (u32)isr & 0xf0, tpr = a->reg[A_TPR];

	return tpr >> 4 >= s >> 4 ? tpr : s;
}

/* The vector to deliver next, or -1. */
static inline __attribute__((always_inline)) int
deliverable(const struct vapic *a)
{
	int irr = highest(&a->reg[A_IRR]);

	return irr >= 0 && (u32)irr >> 4 > ppr(a) >> 4 ? irr : -1;
}

bool vapic_pending(const struct vcpu *v) { return deliverable(v->apic) >= 0; }

static void look_again(struct vcpu *v)
{
	if (vapic_pending(v))
		vcpu_pend(v, PEND_APIC);
}

void vapic_raise(struct vcpu *v, u32 vector)
{
	u32 *irr = &v->apic->reg[A_IRR];

	or_seq(&irr[(vector & 0xff) / 32], 1u << vector % 32);
	vcpu_pend(v, PEND_APIC);
	sched_poke(v);
}

void vapic_deliver(struct vcpu *v)
{
	struct vapic *a = v->apic;
	int vec = deliverable(a);
	u32 bit = 1u << (vec & 31);

	if (vec < 0 || !event_inject(v, (u32)vec))
		return;
	and_seq(&a->reg[A_IRR + vec / 32], ~bit);
	a->reg[A_ISR + vec / 32] |= bit;
}

static void eoi_write(struct vcpu *v, u64 zero)
{
	u32 *isr = &v->apic->reg[A_ISR], bit;
	int vec = highest(isr);

	if (vec >= 0) {
		bit = 1u << vec % 32;
		isr[vec / 32] &= ~bit;
		if (unlikely(v->apic->reg[A_TMR + vec / 32] & bit))
			vioapic_eoi(v->part, (u32)vec);
	}
	look_again(v);
}

void vapic_tpr_set(struct vcpu *v, u64 tpr)
{
	v->apic->reg[A_TPR] = (u32)tpr;
	virt->reg_set(&v->hw, VREG_CR8, tpr >> 4);
	look_again(v);
}

/* ---- timer ---- */

static u32 timer_mode(const struct vapic *a)
{
	return a->reg[A_LVT_TIMER] >> 17 & 3;
}

static u32 divider(const struct vapic *a)
{
	u32 code = (a->reg[A_TDCR] & 3) | (a->reg[A_TDCR] >> 1 & 4);

	return code == 7 ? 1 : 2u << code;
}

static u64 period(const struct vapic *a)
{
	return (u64)a->reg[A_TMICT] * divider(a);
}

static void arm(struct vcpu *v, u64 at)
{
	v->apic->armed = at != 0;
	sched_timer_set(v, at);
}

static void tmict_write(struct vcpu *v, u64 count)
{
	struct vapic *a = v->apic;

	if (timer_mode(a) == TIMER_DEADLINE)
		return;
	a->reg[A_TMICT] = (u32)count;
	a->timer_start = rdtsc();
	arm(v, count ? a->timer_start + period(a) : 0);
}

static void deadline_set(struct vcpu *v, u64 deadline)
{
	u64 at = deadline - virt->reg_get(&v->hw, VREG_TSC_OFFSET);

	v->apic->tsc_deadline = deadline;
	arm(v, !deadline ? 0 : at ? at : 1);
}

void vapic_timer_rearm(struct vcpu *v)
{
	if (v->apic->tsc_deadline)
		deadline_set(v, v->apic->tsc_deadline);
}

void vapic_timer_fired(struct vcpu *v)
{
	struct vapic *a = v->apic;
	u64 now = rdtsc(), p = period(a);

	a->armed = 0;
	a->tsc_deadline = 0;
	if (timer_mode(a) == TIMER_PERIODIC && p) {
		if (p < tsc_from_us(PERIOD_MIN_US))
			p = tsc_from_us(PERIOD_MIN_US);
		/* periods that were missed are not made up for */
		if (now > a->timer_start)
			a->timer_start = now - (now - a->timer_start) % p;
		arm(v, a->timer_start + p);
	}
	if (!(a->reg[A_LVT_TIMER] & LVT_MASKED))
		vapic_raise(v, a->reg[A_LVT_TIMER] & 0xff);
}

static u32 timer_count(const struct vapic *a)
{
	u64 gone = (rdtsc() - a->timer_start) / divider(a);
	u32 count = a->reg[A_TMICT];

	if (timer_mode(a) == TIMER_PERIODIC && count)
		return count - (u32)(gone % count);
	return gone < count ? count - (u32)gone : 0;
}

static bool lvt_write(struct vcpu *v, u32 reg, u32 val)
{
	struct vapic *a = v->apic;
	u32 was = timer_mode(a);

	if ((val >> 17 & 3) == 3) /* no such mode */
		return false;
	/* the APIC is off by SVR: masked */
	if (!(a->reg[A_SVR] & SVR_ENABLE))
		val |= LVT_MASKED;
	a->reg[reg] = val;
	/* to and from TSC-deadline mode disarms (SDM Vol. 3A, 11.5.4.1) */
	if ((was ^ timer_mode(a)) & TIMER_DEADLINE) {
		a->reg[A_TMICT] = 0;
		a->tsc_deadline = 0;
		arm(v, 0);
	}
	return true;
}

static void svr_write(struct vcpu *v, u64 val)
{
	u32 *r = v->apic->reg;

	r[A_SVR] = (u32)val;
	for (u32 i = A_LVT_TIMER; i <= A_LVT_END && !(val & SVR_ENABLE); i++)
		r[i] |= LVT_MASKED;
}

int vapic_init(struct vcpu *v)
{
	struct vapic *a = partition_pages(v->part, 0);

	if (!a)
		return PV_ENOMEM;
	a->reg[A_ID] = v->id;
	a->reg[A_VERSION] = VERSION_VALUE;
	a->reg[A_LDR] = (v->id >> 4) << 16 | 1u << (v->id & 15);
	a->base = BASE_ADDR | BASE_ON | (v->id ? 0 : BASE_BSP);
	v->apic = a;
	svr_write(v, 0xff);
	return PV_OK;
}

/* ---- interprocessor interrupts ---- */

static bool addressed(const struct vcpu *from, const struct vcpu *to, u64 icr)
{
	u32 dest = (u32)(icr >> 32), ldr = to->apic->reg[A_LDR];
	u32 shorthand = icr >> 18 & 3; /* self, all, all but self */

	if (shorthand)
		return shorthand == 2 || (shorthand == 1) == (from == to);
	if (icr & ICR_LOGICAL && dest != ~0u) /* a cluster and a bit in it */
		return dest >> 16 == ldr >> 16 && dest & ldr & 0xffff;
	return dest == ~0u || dest == to->id;
}

static void trigger_set(struct vapic *a, u32 vector, bool level)
{
	u32 *tmr = &a->reg[A_TMR + vector / 32], bit = 1u << vector % 32;

	if (level)
		or_seq(tmr, bit);
	else if (unlikely(load_relaxed(tmr) & bit))
		and_seq(tmr, ~bit);
}

void vapic_send(struct partition *p, const struct vcpu *from, u64 icr,
		bool level)
{
	u32 mode = icr >> 8 & 7, vec = icr & 0xff;

	for (u32 i = 0; mode <= 1 && i < p->nr_vcpus; i++) {
		if (!addressed(from, p->vcpus[i], icr))
			continue;
		trigger_set(p->vcpus[i]->apic, vec, level);
		vapic_raise(p->vcpus[i], vec);
		if (mode == 1) /* lowest priority: one of them */
			break;
	}
}

static void icr_write(struct vcpu *v, u64 icr)
{
	if ((icr >> 8 & 7) <= 1 && (icr & 0xff) < 16)
		v->apic->reg[A_ESR] |= ESR_SEND_ILLEGAL;
	else
		vapic_send(v->part, v, icr, false);
}

static void self_ipi_write(struct vcpu *v, u64 vector)
{
	icr_write(v, ICR_SELF | vector);
}

/* ---- registers ---- */

/* clang-format off */
enum access { NONE, READ, WRITE, BOTH };

/* What a register takes: other accesses, and bits outside the mask, are #GP.
 * LVT is not written through here. */
static const struct {
	enum access access;
	u64 mask;
	void (*write)(struct vcpu *v, u64 val); /* NULL: keeps the value */
} regs[A_COUNT] = {
	[A_ID] = { READ },			[A_VERSION] = { READ },
	[A_TPR] = { BOTH, 0xff, vapic_tpr_set },	[A_PPR] = { READ },
	[A_EOI] = { WRITE, 0, eoi_write },	[A_LDR] = { READ },
	[A_SVR] = { BOTH, 0x1ff, svr_write },	[A_ISR ... A_IRR + 7] = { READ },
	[A_ESR] = { BOTH, 0 },			[A_ICR] = { BOTH, ~ICR_RESERVED, icr_write },
	[A_LVT_TIMER] = { BOTH, 0x700ff },	[A_LVT ... A_LVT_END] = { BOTH, 0x1efff },
	[A_TMICT] = { BOTH, ~0u, tmict_write },	[A_TMCCT] = { READ },
	[A_TDCR] = { BOTH, 0xb },	[A_SELF_IPI] = { WRITE, 0xff, self_ipi_write },
};
/* clang-format on */

static bool allowed(const struct vapic *a, u32 reg, enum access access)
{
	return (a->base & BASE_ON) == BASE_ON && reg < A_COUNT &&
	       regs[reg].access & access;
}

static bool base_write(struct vapic *a, u64 val)
{
	/* the address and the BSP bit are fixed; xAPIC mode is not offered */
	if ((val ^ a->base) & ~(u64)BASE_ON ||
	    (val & BASE_ON && (val & BASE_ON) != BASE_ON))
		return false;
	a->base = val;
	return true;
}

static bool reg_write(struct vcpu *v, u32 reg, u64 val)
{
	if (!allowed(v->apic, reg, WRITE) || val & ~regs[reg].mask)
		return false;
	if (reg >= A_LVT_TIMER && reg <= A_LVT_END)
		return lvt_write(v, reg, (u32)val);
	if (regs[reg].write)
		regs[reg].write(v, val);
	else
		v->apic->reg[reg] = (u32)val;
	return true;
}

bool vapic_write(struct vcpu *v, u32 msr, u64 val)
{
	if (msr == MSR_APIC_BASE)
		return base_write(v->apic, val);
	if (msr != MSR_TSC_DEADLINE)
		return reg_write(v, msr - MSR_X2APIC, val);
	if (timer_mode(v->apic) == TIMER_DEADLINE)
		deadline_set(v, val);
	return true;
}

bool vapic_read(struct vcpu *v, u32 msr, u64 *val)
{
	const struct vapic *a = v->apic;
	u32 reg = msr - MSR_X2APIC;

	if (msr == MSR_APIC_BASE)
		*val = a->base;
	else if (msr == MSR_TSC_DEADLINE)
		*val = a->tsc_deadline;
	else if (!allowed(a, reg, READ))
		return false;
	else if (reg == A_TMCCT)
		*val = timer_count(a);
	else
		*val = reg == A_PPR ? ppr(a) : a->reg[reg];
	return true;
}
