/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC: priorities, EOI, ICR, the timer's three modes. */
/* TEST-SRC: hv/core/vapic.c hv/core/vioapic.c hv/core/event.c hv/core/vector.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/x86.h"
#include "core/sched.h"
#include "core/vapic.h"
#include "pvabi/calls.h"

#define VCPUS 20
#define X(r) (0x800u + (r))
#define TPR X(0x08)
#define PPR X(0x0a)
#define EOI X(0x0b)
#define SVR X(0x0f)
#define ESR X(0x28)
#define ICR X(0x30)
#define LVT_TIMER X(0x32)
#define TMICT X(0x38)
#define TMCCT X(0x39)
#define TDCR X(0x3e)
#define SELF_IPI X(0x3f)

u64 tsc_khz = 1000000; /* a periodic timer is at least 100,000 ticks */
static struct partition part;
static struct vcpu vcpus[VCPUS];
static struct vcpu *const v = &vcpus[0];
static u64 regs[VREG_COUNT];
static int injected; /* vector, or -1 */
static bool window;
static u64 timer; /* what was armed */

void *partition_pages(struct partition *p, unsigned order)
{
	return calloc(1, PAGE_SIZE << order);
}

void sched_poke(struct vcpu *w) {}
void sched_poke_last(struct vcpu *w) {}

void sched_timer_set(struct vcpu *w, u64 tsc) { timer = tsc; }

static u64 fake_get(struct virt_vcpu *w, enum vreg r) { return regs[r]; }

static void fake_set(struct virt_vcpu *w, enum vreg r, u64 val)
{
	regs[r] = val;
}

static void fake_inject(struct virt_vcpu *w, const struct inject *i)
{
	assert_int_equal(injected, -1);
	assert_int_equal(i->event & ~0xffu, INJECT_EXTINT);
	injected = i->event & 0xff;
}

static void fake_window(struct virt_vcpu *w, bool on) { window = on; }

static const struct virt_ops fake = { .reg_get = fake_get,
				      .reg_set = fake_set,
				      .inject = fake_inject,
				      .window = fake_window };
const struct virt_ops *virt = &fake;

static int setup(void **state)
{
	memset(regs, 0, sizeof(regs));
	memset(vcpus, 0, sizeof(vcpus));
	memset(&part, 0, sizeof(part));
	part.nr_vcpus = VCPUS;
	for (u32 i = 0; i < VCPUS; i++) {
		part.vcpus[i] = &vcpus[i];
		vcpus[i].id = i;
		vcpus[i].part = &part;
		assert_int_equal(vapic_init(&vcpus[i]), PV_OK);
	}
	regs[VREG_RFLAGS] = RFLAGS_IF;
	injected = -1;
	window = false;
	timer = 0;
	assert_true(vapic_write(v, SVR, 0x1ff));
	return 0;
}

static int teardown(void **state)
{
	for (u32 i = 0; i < VCPUS; i++)
		free(vcpus[i].apic);
	return 0;
}

/* What run does before an entry. */
static int deliver(struct vcpu *w)
{
	injected = -1;
	w->injected = 0;
	vcpu_unpend(w, PEND_APIC);
	vapic_deliver(w);
	return injected;
}

static u64 rd(u32 msr)
{
	u64 val = 0xdead;

	assert_true(vapic_read(v, msr, &val));
	return val;
}

static void priorities(void **state)
{
	vapic_raise(v, 0x41);
	vapic_raise(v, 0x83);
	vapic_raise(v, 0x45);
	assert_true(v->hw.pending & PEND_APIC);
	assert_int_equal(deliver(v), 0x83);
	assert_int_equal(rd(PPR), 0x80);
	assert_int_equal(rd(X(0x14)), 8);    /* ISR of 0x83 */
	assert_int_equal(rd(X(0x22)), 0x22); /* IRR of 0x41 and 0x45 */
	assert_int_equal(deliver(v), -1);    /* lower: wait for EOI */
	assert_false(vapic_pending(v));
	vapic_raise(v, 0x91); /* nests */
	assert_int_equal(deliver(v), 0x91);
	assert_true(vapic_write(v, EOI, 0));
	assert_int_equal(deliver(v), -1);
	assert_true(vapic_write(v, EOI, 0));
	assert_true(v->hw.pending & PEND_APIC);
	assert_int_equal(deliver(v), 0x45);
	assert_int_equal(deliver(v), -1); /* 0x41 is of the same class */
	assert_true(vapic_write(v, EOI, 0));
	assert_int_equal(deliver(v), 0x41);
	assert_true(vapic_write(v, EOI, 0));
	assert_true(vapic_write(v, EOI, 0)); /* one too many */
	assert_false(vapic_write(v, EOI, 1));
}

static void task_priority(void **state)
{
	assert_true(vapic_write(v, TPR, 0x50));
	assert_int_equal(regs[VREG_CR8], 5);
	vapic_raise(v, 0x55);
	assert_int_equal(deliver(v), -1);
	assert_false(window); /* it waits for TPR, not for RFLAGS.IF */
	vapic_tpr_set(v, 0x40);
	assert_true(v->hw.pending & PEND_APIC);
	assert_int_equal(deliver(v), 0x55);
	vapic_tpr_set(v, 0xf0); /* CR8 = 15 holds all back */
	vapic_raise(v, 0xff);
	assert_int_equal(deliver(v), -1);
	assert_int_equal(rd(PPR), 0xf0);
	assert_false(vapic_write(v, TPR, 0x100));
}

static void waits_for_the_guest(void **state)
{
	vapic_raise(v, 0x60);
	regs[VREG_RFLAGS] = 0;
	assert_int_equal(deliver(v), -1);
	assert_true(window);
	regs[VREG_RFLAGS] = RFLAGS_IF;
	regs[VREG_INTR_SHADOW] = 1;
	window = false;
	assert_int_equal(deliver(v), -1);
	assert_true(window);
	regs[VREG_INTR_SHADOW] = 0;
	v->injected = 1; /* another event goes first */
	vapic_deliver(v);
	assert_int_equal(injected, -1);
	assert_int_equal(deliver(v), 0x60);
}

static bool has(u32 n, u32 vec)
{
	bool yes = (&vcpus[n].apic->reg[0x20])[vec / 32] >> vec % 32 & 1;

	memset((&vcpus[n].apic->reg[0x20]), 0, 32);
	return yes;
}

static u32 count(u32 vec)
{
	u32 n = 0;

	for (u32 i = 0; i < VCPUS; i++)
		n += has(i, vec);
	return n;
}

static void ipis(void **state)
{
	assert_true(vapic_write(v, ICR, 3ull << 32 | 0x77)); /* physical */
	assert_true(has(3, 0x77));
	assert_int_equal(count(0x77), 0);
	assert_true(vapic_write(v, ICR, ~0u * (1ull << 32) | 0x77));
	assert_int_equal(count(0x77), VCPUS);
	assert_true(vapic_write(v, ICR, 1u << 18 | 0x78)); /* self */
	assert_true(has(0, 0x78));
	assert_true(vapic_write(v, ICR, 2u << 18 | 0x78)); /* all */
	assert_int_equal(count(0x78), VCPUS);
	assert_true(vapic_write(v, ICR, 3u << 18 | 0x78)); /* all others */
	assert_false(has(0, 0x78));
	assert_int_equal(count(0x78), VCPUS - 1);
	/* logical: cluster 1, members 0 and 2 are vCPUs 16 and 18 */
	assert_true(vapic_write(v, ICR, 0x10005ull << 32 | 0x879));
	assert_true(has(16, 0x79));
	assert_true(has(18, 0x79));
	assert_int_equal(count(0x79), 0);
	/* lowest priority: one of them */
	assert_true(vapic_write(v, ICR, 0x0000cull << 32 | 0x97a));
	assert_int_equal(count(0x7a), 1);
	assert_true(vapic_write(v, SELF_IPI, 0x31));
	assert_true(has(0, 0x31));
	assert_true(vapic_write(v, ICR, 40ull << 32 | 0x77)); /* nobody */
	assert_true(vapic_write(v, ICR, 1ull << 32 | 0x500)); /* INIT */
	assert_int_equal(count(0x77), 0);
	assert_true(vapic_write(v, SELF_IPI, 5));
	assert_int_equal(rd(ESR), 0x20);
	assert_false(vapic_write(v, ESR, 1));
	assert_true(vapic_write(v, ESR, 0));
	assert_int_equal(rd(ESR), 0);
	assert_false(vapic_write(v, ICR, 1u << 20));
}

static void one_shot(void **state)
{
	u64 t0, t1;

	assert_true(vapic_write(v, TDCR, 0xb)); /* by 1 */
	assert_true(vapic_write(v, LVT_TIMER, 0x50));
	t0 = rdtsc();
	assert_true(vapic_write(v, TMICT, 1000000000));
	t1 = rdtsc();
	assert_in_range(timer, t0 + 1000000000, t1 + 1000000000);
	assert_in_range(rd(TMCCT), 1, 1000000000);
	vapic_timer_fired(v);
	assert_int_equal(deliver(v), 0x50);
	assert_false(v->apic->armed);
	assert_true(vapic_write(v, TDCR, 0)); /* by 2 */
	t0 = rdtsc();
	assert_true(vapic_write(v, TMICT, 1000000000));
	assert_true(timer >= t0 + 2000000000ull);
	assert_true(vapic_write(v, TMICT, 0));
	assert_int_equal(timer, 0);
	assert_int_equal(rd(TMCCT), 0);
	/* masked: it expires in silence */
	assert_true(vapic_write(v, EOI, 0));
	assert_true(vapic_write(v, LVT_TIMER, 0x10050));
	vapic_timer_fired(v);
	assert_int_equal(deliver(v), -1);
}

static void periodic(void **state)
{
	u64 first, now;

	assert_true(vapic_write(v, TDCR, 0xb));
	assert_true(vapic_write(v, LVT_TIMER, 0x20051));
	assert_true(vapic_write(v, TMICT, 1000000));
	first = timer;
	while (rdtsc() < first + 2500000)
		;
	vapic_timer_fired(v);
	now = rdtsc();
	assert_int_equal(deliver(v), 0x51);
	assert_true(v->apic->armed);
	/* in step with the first, and ahead */
	assert_int_equal((timer - first) % 1000000, 0);
	assert_in_range(timer, now - 1000000, now + 1000000);
	assert_true(vapic_write(v, TMICT, 1)); /* absurdly short */
	vapic_timer_fired(v);
	assert_true(timer > rdtsc());
	assert_true(vapic_write(v, TMICT, 0));
	assert_int_equal(timer, 0);
}

static void deadline(void **state)
{
	assert_true(vapic_write(v, MSR_TSC_DEADLINE, 5000)); /* not in mode */
	assert_int_equal(timer, 0);
	assert_int_equal(rd(MSR_TSC_DEADLINE), 0);
	assert_true(vapic_write(v, LVT_TIMER, 0x40052));
	regs[VREG_TSC_OFFSET] = (u64)-1000;
	assert_true(vapic_write(v, MSR_TSC_DEADLINE, 5000));
	assert_int_equal(timer, 6000);
	regs[VREG_TSC_OFFSET] = (u64)-2000;
	vapic_timer_rearm(v);
	assert_int_equal(timer, 7000);
	assert_true(vapic_write(v, TMICT, 77)); /* ignored */
	assert_int_equal(rd(TMCCT), 0);
	assert_int_equal(timer, 7000);
	vapic_timer_fired(v);
	assert_int_equal(rd(MSR_TSC_DEADLINE), 0);
	assert_int_equal(deliver(v), 0x52);
	assert_true(vapic_write(v, MSR_TSC_DEADLINE, 9000));
	assert_true(vapic_write(v, MSR_TSC_DEADLINE, 0));
	assert_int_equal(timer, 0);
	assert_true(vapic_write(v, MSR_TSC_DEADLINE, 9000));
	assert_true(vapic_write(v, LVT_TIMER, 0x52)); /* mode change disarms */
	assert_int_equal(timer, 0);
}

static void registers(void **state)
{
	u64 val;

	assert_int_equal(rd(X(2)), 0);
	assert_true(vapic_read(&vcpus[17], X(2), &val));
	assert_int_equal(val, 17);
	assert_true(vapic_read(&vcpus[17], X(0xd), &val));
	assert_int_equal(val, 0x10002);
	assert_int_equal(rd(X(3)), 0x50014);
	assert_int_equal(rd(MSR_APIC_BASE), 0xfee00d00);
	assert_false(vapic_write(v, X(2), 0));
	assert_false(vapic_write(v, X(3), 0));
	assert_false(vapic_write(v, TMCCT, 0));
	assert_false(vapic_write(v, TPR, 1ull << 32));
	assert_false(vapic_write(v, LVT_TIMER, 0x60000));
	assert_false(vapic_write(v, SVR, 0x1000));
	assert_false(vapic_write(v, TDCR, 4));
	assert_false(vapic_read(v, EOI, &val));
	assert_false(vapic_read(v, SELF_IPI, &val));
	assert_false(vapic_read(v, X(0xff), &val));
	assert_true(vapic_write(v, X(0x35), 0x700)); /* LINT0: ExtINT */
	assert_int_equal(rd(X(0x35)), 0x700);
	assert_true(vapic_write(v, SVR, 0xff)); /* off: LVTs are masked */
	assert_int_equal(rd(X(0x35)), 0x10700);
	assert_true(vapic_write(v, LVT_TIMER, 0x50));
	assert_int_equal(rd(LVT_TIMER), 0x10050);
}

static void base(void **state)
{
	u64 val;

	assert_false(vapic_write(v, MSR_APIC_BASE, 0xfee00900)); /* xAPIC */
	assert_false(vapic_write(v, MSR_APIC_BASE, 0xfec00d00));
	assert_false(vapic_write(v, MSR_APIC_BASE, 0xfee00c00));
	assert_true(vapic_write(v, MSR_APIC_BASE, 0xfee00100)); /* off */
	assert_false(vapic_read(v, TPR, &val));
	assert_false(vapic_write(v, TPR, 0));
	assert_true(vapic_write(v, MSR_APIC_BASE, 0xfee00d00));
	assert_int_equal(rd(TPR), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(priorities), T(task_priority), T(waits_for_the_guest),
		T(ipis),       T(one_shot),	 T(periodic),
		T(deadline),   T(registers),	 T(base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
