/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine beneath the scheduler, faked: three CPUs, and six vCPUs of one
 * partition on the first of them. Included once by each test program. */
#ifndef UNIT_CORE_FAKE_SCHED_H
#define UNIT_CORE_FAKE_SCHED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/irq.h"
#include "lib/machine.h"
#include "lib/x86.h"
#include "core/event.h"
#include "core/sched.h"
#include "core/vapic.h"
#include "lib/panic.h"
#include "pvabi/calls.h"

#define SECOND 1000000000ull

#define CPUS 3

static struct cpu cpus[CPUS], *self = &cpus[0];
static struct partition part;
static struct vcpu vcpus[6];
static struct pv_vcpu_page vpages[6];
static u32 ipis, fired, kicked; /* kicked: CPUs, a bit each */
static u64 armed;
static const struct vcpu *event_for;
static struct sched_cpu scheds[CPUS];

struct cpu *cpu_table[CPU_MAX];
u32 cpu_count;
u64 tsc_khz = 1000000;

struct cpu *cpu_this(void) { return self; }

void lapic_ipi(u32 apic_id, u32 vector)
{
	assert_int_equal(vector, VEC_KICK);
	assert_int_not_equal(apic_id, self->apic_id);
	ipis++;
	kicked |= 1u << (apic_id - 10);
}

static struct virt_vcpu *switched_out;

void virt_leave(struct virt_vcpu *v) { switched_out = v; }

bool event_pending(const struct vcpu *v) { return v == event_for; }

void vapic_timer_fired(struct vcpu *v) { fail(); }
void event_timer(struct vcpu *v) { fired |= 1u << v->id; }

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static void fake_arm(struct virt_vcpu *v, u64 tsc, u64 now) { armed = tsc; }

static bool window __attribute__((unused)); /* it is open */

static void fake_window(struct virt_vcpu *v, bool on) { window = on; }

static const struct virt_ops fake = { .name = "fake",
				      .window = fake_window,
				      .deadline_arm = fake_arm };
const struct virt_ops *virt = &fake;

static int setup(void **state)
{
	memset(vcpus, 0, sizeof(vcpus));
	memset(&part, 0, sizeof(part));
	self = &cpus[0];
	ipis = fired = kicked = 0;
	switched_out = NULL;
	armed = 0;
	memset(vpages, 0, sizeof(vpages));
	event_for = NULL;
	part.state = PV_STATE_RUNNING;
	part.priority = 1;
	part.slice_us = SCHED_SLICE_US;
	part.cpu_mask = 1;
	cpu_count = CPUS;
	sched_idle = 0;
	for (u32 i = 0; i < CPUS; i++) {
		cpus[i].index = i;
		cpus[i].apic_id = 10 + i;
		cpu_table[i] = &cpus[i];
		memset(&scheds[i], 0, sizeof(scheds[i]));
		cpus[i].sched = &scheds[i];
		sched_init_cpu(&cpus[i]);
	}
	for (u32 i = 0; i < 6; i++) {
		vcpus[i].id = i;
		vcpus[i].part = &part;
		vcpus[i].page = &vpages[i];
		vcpus[i].hw.deadline = TIMER_NEVER;
		sched_admit(&vcpus[i]);
	}
	return 0;
}

#define T(f) cmocka_unit_test_setup(f, setup)

#endif
