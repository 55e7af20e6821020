/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: order of the bits, edges, masking, windows; vectors of their own. */
/* TEST-SRC: hv/core/event.c hv/core/vector.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/machine.h"
#include "lib/x86.h"
#include "core/event.h"
#include "core/sched.h"
#include "core/vapic.h"
#include "pvabi/calls.h"

static struct pv_vcpu_page pages[2];
static struct vcpu v[2];
static struct partition p;
static u8 port_vector[PV_PORTS];
static u32 pokes, injected, windows, raised;
static u64 rflags, shadow;

u64 tsc_khz = 2000000;

void sched_poke(struct vcpu *w)
{
	const u64 *n = w->page->vector_pending;

	/* whoever is woken finds the work */
	assert_true(w->page->pending | n[0] | n[1] | n[2] | n[3]);
	pokes++;
}

void sched_poke_last(struct vcpu *w) { sched_poke(w); }

void vapic_raise(struct vcpu *w, u32 vector) { raised = vector; }

bool vapic_pending(const struct vcpu *w) { return raised; }

static u64 fake_reg(struct virt_vcpu *w, enum vreg r)
{
	return r == VREG_RFLAGS ? rflags : shadow;
}

static void fake_inject(struct virt_vcpu *w, const struct inject *i)
{
	assert_int_equal(i->event & ~0xffu, INJECT_EXTINT);
	injected = i->event & 0xff;
}

static void fake_window(struct virt_vcpu *w, bool on) { windows += on; }

static const struct virt_ops fake = { .reg_get = fake_reg,
				      .inject = fake_inject,
				      .window = fake_window };
const struct virt_ops *virt = &fake;

static int setup(void **state)
{
	memset(pages, 0, sizeof(pages));
	memset(v, 0, sizeof(v));
	pokes = injected = windows = raised = 0;
	rflags = RFLAGS_IF;
	shadow = 0;
	memset(&p, 0, sizeof(p));
	p.nr_vcpus = 2;
	p.port_vector = port_vector;
	for (u32 i = 0; i < 2; i++) {
		p.vcpus[i] = &v[i];
		v[i].id = i;
		v[i].part = &p;
		v[i].page = &pages[i];
		v[i].upcall_vector = 0x40;
	}
	return 0;
}

static void send_sets_three_levels(void **state)
{
	event_bind(&p, 130, 1);
	event_send(&p, 130);
	assert_int_equal(p.page.port_pending[2], 4);
	assert_int_equal(pages[1].port_summary, 4);
	assert_int_equal(pages[1].pending, PV_PENDING_EVENT);
	assert_int_equal(pages[0].pending, 0);
	assert_true(v[1].hw.pending & PEND_EVENT);
	event_send(&p, 7); /* unbound: vCPU 0 */
	assert_int_equal(pages[0].pending, PV_PENDING_EVENT);
	assert_int_equal(pokes, 2);
}

static void only_an_edge_makes_an_upcall(void **state)
{
	event_send(&p, 1);
	event_send(&p, 2);
	assert_int_equal(pokes, 1);
	event_timer(&v[0]);
	event_ipi(&v[0], 63);
	assert_int_equal(pages[0].ipi_pending, 1ull << 63);
	assert_int_equal(pokes, 3); /* each bit of pending has its edge */
}

static void delivers_when_the_guest_can_take_it(void **state)
{
	event_send(&p, 1);
	event_deliver(&v[0]);
	assert_int_equal(injected, 0x40);
	assert_int_equal(v[0].injected, 1);
	assert_int_equal(windows, 0);
}

static void asks_for_a_window(void **state)
{
	event_send(&p, 1);
	rflags = 0;
	event_deliver(&v[0]);
	assert_int_equal(v[0].upcall_due, 1);
	rflags = RFLAGS_IF;
	shadow = 1;
	event_deliver(&v[0]);
	shadow = 0;
	v[0].injected = 1; /* something else goes first */
	event_deliver(&v[0]);
	assert_int_equal(windows, 3);
	assert_int_equal(injected, 0);
}

static void masked_or_taken_is_silent(void **state)
{
	event_send(&p, 1);
	pages[0].masked = 1;
	event_deliver(&v[0]);
	pages[0].masked = 0;
	pages[0].pending = 0;
	event_deliver(&v[0]);
	assert_int_equal(injected, 0);
	assert_int_equal(windows, 0);
	assert_int_equal(v[0].upcall_due, 0);
}

static void through_the_apic(void **state)
{
	v[0].upcall_apic = 1;
	event_send(&p, 1);
	event_deliver(&v[0]);
	assert_int_equal(raised, 0x40);
	assert_int_equal(injected, 0);
}

/* Of a device: at the local APIC, or without one as any vector. */
static void a_device_raises_a_vector(void **state)
{
	static struct vapic *apic = (struct vapic *)1;

	raised = 0;
	event_vector(&v[0], 0x41);
	assert_int_equal(raised, 0);
	assert_true(vector_pending(&v[0]));
	event_vector(&v[1], 0x42);
	assert_true(vector_pending(&v[1]));
	v[1].apic = apic;
	event_vector(&v[1], 0x43);
	v[1].apic = NULL;
	assert_int_equal(raised, 0x43);
}

static void time_scale(void **state)
{
	event_vcpu_init(&v[1]);
	assert_int_equal(pages[1].vcpu, 1);
	assert_int_equal(pages[1].vcpus, 2);
	/* 2 GHz: 2,000,000 ticks are a million ns */
	assert_int_equal((unsigned __int128)2000000 * pages[1].tsc_mul >>
				 pages[1].tsc_shift,
			 1000000);
}

/* ---- vectors ---- */

static u64 bit_of(u32 vector) { return 1ull << vector % 64; }

static void a_port_raises_its_vector(void **state)
{
	event_vector_set(&p, 130, 0xff);
	event_bind(&p, 130, 1);
	event_send(&p, 130);
	assert_int_equal(p.page.port_pending[2], 4);
	assert_int_equal(pages[1].port_summary | pages[1].pending, 0);
	assert_int_equal(pages[1].vector_pending[3], 1ull << 63);
	assert_int_equal(v[1].hw.pending, PEND_VECTOR);
	assert_int_equal(pokes, 1);
	event_send(&p, 130); /* it is pending already */
	assert_int_equal(pokes, 1);
	event_vector_set(&p, 130, 0);
	event_send(&p, 130); /* to the same vCPU */
	assert_int_equal(pages[1].pending, PV_PENDING_EVENT);
}

static void take(u32 vector)
{
	injected = v[0].injected = 0;
	vector_deliver(&v[0]);
	assert_int_equal(injected, vector);
}

static void the_highest_goes_first(void **state)
{
	vector_raise(&v[0], 0x20);
	vector_raise(&v[0], 0x51);
	vector_raise(&v[0], 0x52);
	assert_true(event_pending(&v[0]));
	take(0x52);
	assert_int_equal(pages[0].in_service, 1 << 5);
	assert_int_equal(pages[0].vector_pending[1], bit_of(0x51));
	assert_int_equal(pages[0].vector_waits, 0x51);
	assert_false(event_pending(&v[0]));
	take(0);
	vector_raise(&v[0], 0x60); /* a higher class nests */
	take(0x60);
	assert_int_equal(pages[0].in_service, 3 << 5);
	pages[0].in_service = 0;
	take(0x51);
	assert_int_equal(pages[0].vector_waits, 0x20);
	pages[0].in_service = 0;
	take(0x20);
	assert_int_equal(pages[0].vector_waits, 0);
	assert_int_equal(v[0].vector_due, 0);
}

static void a_vector_waits_for_the_window(void **state)
{
	vector_raise(&v[0], 0x40);
	rflags = 0;
	take(0);
	assert_int_equal(windows, 1);
	assert_int_equal(v[0].vector_due, 1);
	assert_int_equal(pages[0].vector_pending[1], bit_of(0x40));
	assert_int_equal(pages[0].in_service | pages[0].vector_waits, 0);
	assert_true(event_pending(&v[0]));
	rflags = RFLAGS_IF;
	take(0x40);
	assert_int_equal(v[0].vector_due, 0);
}

/* Its page is the guest's to write: no exception, and nothing out of bounds. */
static void hostile_page(void **state)
{
	pages[0].vector_pending[0] = 0xffffffff;
	take(0);
	pages[0].vector_pending[0] |= bit_of(32);
	pages[0].in_service = ~0u;
	take(0);
	pages[0].in_service = 1;
	take(32);
	assert_int_equal(pages[0].vector_pending[0], 0xffffffff);
	assert_int_equal(pages[0].vector_waits, 0);
}

static void timer_and_start(void **state)
{
	v[0].timer_vector = 0x33;
	event_timer(&v[0]);
	assert_int_equal(pages[0].pending, 0);
	take(0x33);
	event_vcpu_reset(&v[0]);
	assert_int_equal(pages[0].in_service, 0);
	event_timer(&v[0]);
	assert_int_equal(pages[0].pending, PV_PENDING_TIMER);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(send_sets_three_levels),
		T(only_an_edge_makes_an_upcall),
		T(delivers_when_the_guest_can_take_it),
		T(asks_for_a_window),
		T(masked_or_taken_is_silent),
		T(through_the_apic),
		T(a_device_raises_a_vector),
		T(time_scale),
		T(a_port_raises_its_vector),
		T(the_highest_goes_first),
		T(a_vector_waits_for_the_window),
		T(hostile_page),
		T(timer_and_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
