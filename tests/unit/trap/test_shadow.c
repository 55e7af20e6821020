/* SPDX-License-Identifier: BSD-2-Clause */
/* An interrupt of the hypervisor's that comes between a guest's STI and HLT.
 * TEST-SRC: hv/trap/misc.c hv/virt/svm/exit.c hv/virt/svm/virq.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/sched.h"
#include "trap/trap.h"
#include "virt/svm/svm.h"

#define RIP 0x1000u
#define HLT 0xf4
#define NOP 0x90

struct cpu_features cpu_feat;
struct svm_caps svm_caps;
static struct vcpu v;
static struct vmcb vmcb;
static u8 code;
static bool slept;

static u64 fake_get(struct virt_vcpu *hw, enum vreg r)
{
	assert_int_equal(r, VREG_CPL);
	return vmcb.cpl;
}

struct cpu *cpu_this(void)
{
	fail(); /* no flush is due */
	return NULL;
}

static const struct virt_ops ops = { .reg_get = fake_get };
const struct virt_ops *virt = &ops;

bool trap_at_hlt(struct vcpu *w);
bool trap_at_hlt(struct vcpu *w) { return code == HLT; }

void trap_advance(struct vcpu *w, u32 len);
void trap_advance(struct vcpu *w, u32 len) { vmcb.rip += len; }

void sched_block(struct vcpu *w, enum vcpu_state why, u64 deadline)
{
	assert_int_equal(why, VCPU_WAITING);
	assert_int_equal(deadline, 0);
	slept = true;
}

bool virt_exit_begin(struct virt_vcpu *hw, struct exit *x) { return false; }

/* What these exits do not come to; never called, so the types do not matter
 * (trap/emul.h and virt/backend.h do not go together). */
#define NEVER(name)      \
	void name(void); \
	void name(void) { fail_msg(#name); }
NEVER(trap_cpuid)
NEVER(trap_msr)
NEVER(trap_io)
NEVER(trap_cr)
NEVER(trap_dr)
NEVER(trap_mmio)
NEVER(trap_desc)
NEVER(trap_length)
NEVER(trap_decode)
NEVER(trap_seg_base)
NEVER(trap_fault)

bool xcr0_ok(u64 x)
{
	fail();
	return false;
}

void partition_die(struct vcpu *w, const char *fmt, ...) { fail(); }
void sched_yield(struct vcpu *w) { fail(); }
void virt_reinject(struct virt_vcpu *hw, u32 event, u32 error, u32 len)
{
	fail();
}
void virt_entry_failed(struct virt_vcpu *hw, struct exit *x, const char *why)
{
	fail();
}

/* Whether the guest sleeps then; its RIP goes on if, and only if, it does. */
static bool sleeps(u32 exitcode, bool shadow, u8 cpl, u8 first_byte)
{
	vmcb = (struct vmcb){ .exitcode = exitcode,
			      .int_shadow = shadow,
			      .cpl = cpl,
			      .rip = RIP };
	code = first_byte;
	slept = false;
	v.hw.ctl = &vmcb;
	svm_exit_decode(&v.hw, &v.last);
	trap_handle(&v, &v.last);
	assert_int_equal(vmcb.rip, RIP + slept);
	return slept;
}

static void hlt_begins(void **state)
{
	assert_true(sleeps(SVM_EXIT_INTR, true, 0, HLT));
	assert_true(sleeps(SVM_EXIT_NMI, true, 0, HLT));
}

static void others_do_not(void **state)
{
	assert_false(sleeps(SVM_EXIT_INTR, false, 0, HLT));
	assert_false(sleeps(SVM_EXIT_INTR, true, 0, NOP));
	assert_false(sleeps(SVM_EXIT_INTR, true, 3, HLT));
	assert_false(sleeps(SVM_EXIT_VINTR, true, 0, HLT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hlt_begins),
		cmocka_unit_test(others_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
