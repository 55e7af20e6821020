/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual I/O APIC: its table, edges and levels, and where they go; with the
 * local APICs' end of interrupt. */
/* TEST-SRC: hv/core/vioapic.c hv/core/vapic.c hv/core/event.c hv/core/vector.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sched.h"
#include "core/vapic.h"
#include "core/vioapic.h"
#include "lib/x86.h"

#define VCPUS 4
#define MASKED 0x10000u
#define LEVEL 0x8000u
#define REMOTE_IRR 0x4000u
#define LOGICAL 0x800u
#define LOWEST 0x100u
#define ALL 0xff000000u
#define X_EOI 0x80b
#define X_TMR 0x818
#define X_IRR 0x820

u64 tsc_khz = 1000;
static struct partition part;
static struct vcpu vcpus[VCPUS];

void *partition_pages(struct partition *p, unsigned order)
{
	return calloc(1, PAGE_SIZE << order);
}

void sched_poke(struct vcpu *w) {}
void sched_poke_last(struct vcpu *w) {}
void sched_timer_set(struct vcpu *w, u64 tsc) {}

/* Interrupts are on, so that each is taken at once. */
static u64 fake_get(struct virt_vcpu *w, enum vreg r)
{
	return r == VREG_RFLAGS ? RFLAGS_IF : 0;
}

static void fake_set(struct virt_vcpu *w, enum vreg r, u64 val) {}
static void fake_inject(struct virt_vcpu *w, const struct inject *i) {}
static void fake_window(struct virt_vcpu *w, bool on) { fail(); }

static const struct virt_ops fake = { .reg_get = fake_get,
				      .reg_set = fake_set,
				      .inject = fake_inject,
				      .window = fake_window };
const struct virt_ops *virt = &fake;

static int setup(void **state)
{
	memset(&part, 0, sizeof(part));
	memset(vcpus, 0, sizeof(vcpus));
	part.profile = PROFILE_HVM;
	part.nr_vcpus = VCPUS;
	vioapic_init(&part.ioapic);
	for (u32 i = 0; i < VCPUS; i++) {
		part.vcpus[i] = &vcpus[i];
		vcpus[i].id = i;
		vcpus[i].part = &part;
		assert_int_equal(vapic_init(&vcpus[i]), PV_OK);
	}
	return 0;
}

static int teardown(void **state)
{
	for (u32 i = 0; i < VCPUS; i++)
		free(vcpus[i].apic);
	return 0;
}

/* ---- as a guest sees it ---- */

static u32 mem_read(u32 off, u32 size)
{
	struct ioreq r = { .space = PV_SPACE_MMIO,
			   .size = size,
			   .addr = PV_IOAPIC_BASE + off };

	return (u32)vioapic_access(&part, &r);
}

static void mem_write(u32 off, u32 size, u32 v)
{
	struct ioreq r = { .space = PV_SPACE_MMIO,
			   .size = size,
			   .write = 1,
			   .addr = PV_IOAPIC_BASE + off,
			   .value = v };

	assert_int_equal(vioapic_access(&part, &r), 0);
}

static u32 reg(u32 i)
{
	mem_write(0, 4, i);
	return mem_read(0x10, 4);
}

static void reg_set(u32 i, u32 v)
{
	mem_write(0, 4, i);
	mem_write(0x10, 4, v);
}

static void entry_set(u32 pin, u32 low, u32 high)
{
	reg_set(0x11 + 2 * pin, high);
	reg_set(0x10 + 2 * pin, low);
}

static void line(u32 pin, u32 to)
{
	u64 heard = 2;

	assert_int_equal(vioapic_line(&part, pin, to, &heard), PV_OK);
	assert_int_equal(heard, !(reg(0x10 + 2 * pin) & MASKED));
}

static bool bit(u32 vcpu, u32 first, u32 vector)
{
	u64 v = 0;

	assert_true(vapic_read(&vcpus[vcpu], first + vector / 32, &v));
	return v >> vector % 32 & 1;
}

/* Takes the vector, if it is there. */
static bool takes(u32 vcpu, u32 vector)
{
	bool there = bit(vcpu, X_IRR, vector);

	vcpus[vcpu].injected = 0;
	if (there)
		vapic_deliver(&vcpus[vcpu]);
	assert_false(bit(vcpu, X_IRR, vector));
	return there;
}

static void ends(u32 vcpu) { assert_true(vapic_write(&vcpus[vcpu], X_EOI, 0)); }

static u32 raised(u32 vector)
{
	u32 n = 0;

	for (u32 i = 0; i < VCPUS; i++)
		n |= (u32)bit(i, X_IRR, vector) << i;
	return n;
}

/* ---- tests ---- */

static void the_table_keeps_what_it_may(void **state)
{
	assert_int_equal(reg(1), 0x170011);
	assert_int_equal(reg(0), 0);
	for (u32 i = 0x10; i < 0x40; i++)
		assert_int_equal(reg(i), i % 2 ? 0 : MASKED);
	entry_set(23, ~0u, ~0u);
	assert_int_equal(reg(0x3e), 0x1afff);
	assert_int_equal(reg(0x3f), ALL);
	assert_int_equal(mem_read(0, 4), 0x3f);
	mem_write(0, 4, 0x13f);
	assert_int_equal(mem_read(0, 4), 0x3f);
}

static void other_accesses_mean_nothing(void **state)
{
	reg_set(0x10, 0x30);
	for (u32 size = 1; size <= 8; size *= 2)
		for (u32 off = 0; off < PAGE_SIZE; off += size) {
			if (size == 4 && (off == 0 || off == 0x10))
				continue;
			mem_write(off, size, MASKED);
			assert_int_equal(mem_read(off, size), 0);
		}
	assert_int_equal(mem_read(0, 4), 0x10);
	assert_int_equal(mem_read(0x10, 4), 0x30);
	for (u32 i = 0; i < 512; i++)
		if (i < 0x10 || i >= 0x40)
			reg_set(i, 0); /* 8 bits select */
	assert_int_equal(reg(0x40), 0);
	assert_int_equal(reg(0xff), 0);
}

static void it_is_where_it_is(void **state)
{
	u64 heard;

	assert_true(vioapic_overlaps(&part, PV_IOAPIC_BASE, 1));
	assert_true(vioapic_overlaps(&part, PV_IOAPIC_BASE - 1, 2));
	assert_true(vioapic_overlaps(&part, PV_IOAPIC_BASE + 0xfff, 8));
	assert_false(vioapic_overlaps(&part, PV_IOAPIC_BASE - 1, 1));
	assert_false(vioapic_overlaps(&part, PV_IOAPIC_BASE + 0x1000, 1));
	part.profile = PROFILE_PV;
	assert_false(vioapic_overlaps(&part, PV_IOAPIC_BASE, 1));
	assert_int_equal(vioapic_line(&part, 0, PV_LINE_UP, &heard), PV_ENOSYS);
}

static void interrupts_go_where_the_entry_says(void **state)
{
	entry_set(5, 0x40, 2u << 24);
	line(5, PV_LINE_PULSE);
	assert_int_equal(raised(0x40), 1u << 2);
	entry_set(5, 0x41, ALL);
	line(5, PV_LINE_PULSE);
	assert_int_equal(raised(0x41), 0xf);
	entry_set(5, 0x42 | LOGICAL, 0x0au << 24);
	line(5, PV_LINE_PULSE);
	assert_int_equal(raised(0x42), 0xa);
	entry_set(5, 0x43 | LOGICAL | LOWEST, 0x0au << 24); /* one of them */
	line(5, PV_LINE_PULSE);
	assert_int_equal(raised(0x43), 2);
	entry_set(5, 0x44, 0x70u << 24); /* nobody */
	line(5, PV_LINE_PULSE);
	assert_int_equal(raised(0x44), 0);
	entry_set(5, 0x0f, 0);
	line(5, PV_LINE_PULSE);
	assert_int_equal(raised(0x0f), 0);
	entry_set(5, 0x45 | 0x400, 0); /* an NMI */
	line(5, PV_LINE_PULSE);
	assert_int_equal(raised(0x45), 0);
}

static void edge_is_a_line_that_rises(void **state)
{
	entry_set(4, 0x50, 0);
	line(4, PV_LINE_DOWN);
	assert_false(takes(0, 0x50));
	line(4, PV_LINE_UP);
	assert_true(takes(0, 0x50));
	assert_false(bit(0, X_TMR, 0x50));
	line(4, PV_LINE_UP);
	ends(0);
	assert_false(takes(0, 0x50));
	line(4, PV_LINE_PULSE); /* it is up: no edge, but down behind it */
	assert_false(takes(0, 0x50));
	line(4, PV_LINE_PULSE);
	line(4, PV_LINE_PULSE);
	assert_true(takes(0, 0x50));
	ends(0);
	assert_false(takes(0, 0x50));
	entry_set(4, 0x50 | MASKED, 0); /* missed */
	line(4, PV_LINE_UP);
	entry_set(4, 0x50, 0);
	assert_false(takes(0, 0x50));
}

static void level_comes_again_while_it_is_up(void **state)
{
	entry_set(4, 0x50 | LEVEL, 1u << 24);
	line(4, PV_LINE_UP);
	assert_int_equal(reg(0x18), 0x50 | LEVEL | REMOTE_IRR);
	assert_true(takes(1, 0x50));
	assert_true(bit(1, X_TMR, 0x50));
	line(4, PV_LINE_DOWN);
	line(4, PV_LINE_UP); /* its end is still to come */
	assert_false(takes(1, 0x50));
	ends(1);
	assert_true(takes(1, 0x50));
	line(4, PV_LINE_DOWN);
	ends(1);
	assert_false(takes(1, 0x50));
	assert_int_equal(reg(0x18), 0x50 | LEVEL);
	line(4, PV_LINE_PULSE); /* kept until it is taken */
	assert_true(takes(1, 0x50));
	ends(1);
	assert_false(takes(1, 0x50));
}

static void masked_level_waits(void **state)
{
	entry_set(4, 0x50 | LEVEL | MASKED, 0);
	line(4, PV_LINE_UP);
	assert_false(takes(0, 0x50));
	entry_set(4, 0x50 | LEVEL, 0);
	assert_true(takes(0, 0x50));
	entry_set(4, 0x50 | LEVEL | MASKED, 0);
	ends(0);
	assert_false(takes(0, 0x50));
	assert_int_equal(reg(0x18), 0x50 | LEVEL | MASKED);
	entry_set(4, 0x50 | LEVEL, 0);
	assert_true(takes(0, 0x50));
}

/* Two pins with one vector, and an end that belongs to neither. */
static void ends_are_by_vector(void **state)
{
	entry_set(4, 0x50 | LEVEL, 0);
	entry_set(9, 0x50 | LEVEL, 0);
	entry_set(10, 0x60 | LEVEL, 0);
	line(4, PV_LINE_UP);
	line(9, PV_LINE_UP);
	assert_true(takes(0, 0x50));
	line(4, PV_LINE_DOWN);
	line(10, PV_LINE_UP);
	assert_true(takes(0, 0x60));
	ends(0);
	assert_int_equal(reg(0x22) & REMOTE_IRR, REMOTE_IRR);
	assert_true(takes(0, 0x60));
	line(10, PV_LINE_DOWN);
	ends(0);
	ends(0);
	assert_true(takes(0, 0x50)); /* of pin 9 */
	assert_int_equal(reg(0x18) & REMOTE_IRR, 0);
}

/* By which Linux ends one whose end was lost. */
static void level_that_becomes_an_edge_waits_for_no_end(void **state)
{
	entry_set(4, 0x50 | LEVEL, 0);
	line(4, PV_LINE_UP);
	assert_true(takes(0, 0x50));
	reg_set(0x18, 0x50 | MASKED);
	assert_int_equal(reg(0x18), 0x50 | MASKED);
	line(4, PV_LINE_DOWN);
	reg_set(0x18, 0x50);
	line(4, PV_LINE_UP); /* an edge, beside the one in service */
	assert_true(bit(0, X_IRR, 0x50));
	assert_false(bit(0, X_TMR, 0x50));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_table_keeps_what_it_may),
		T(other_accesses_mean_nothing),
		T(it_is_where_it_is),
		T(interrupts_go_where_the_entry_says),
		T(edge_is_a_line_that_rises),
		T(level_comes_again_while_it_is_up),
		T(masked_level_waits),
		T(ends_are_by_vector),
		T(level_that_becomes_an_edge_waits_for_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
