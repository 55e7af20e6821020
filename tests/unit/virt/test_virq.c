/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts by V_IRQ, and what is left of one at an exit. */
/* TEST-SRC: hv/virt/svm/virq.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "virt/svm/svm.h"

#define VECTOR 0x61u
#define LEFT (EVENT_VALID | INJECT_EXTINT | VECTOR)

struct cpu_features cpu_feat;
static struct vmcb vmcb;

static int setup(void **state)
{
	memset(&vmcb, 0, sizeof(vmcb));
	cpu_feat.qemu = true;
	return 0;
}

static void one_that_is_not_taken_comes_back(void **state)
{
	assert_true(svm_virq_inject(&vmcb, LEFT));
	assert_int_equal(vmcb.v_irq, V_IRQ_ON);
	assert_int_equal(vmcb.v_prio, V_PRIO_IGN_TPR);
	assert_int_equal(vmcb.v_vector, VECTOR);
	assert_int_equal(vmcb.eventinj, 0);
	assert_int_equal(svm_virq_take(&vmcb), LEFT);
	assert_int_equal(vmcb.v_irq | vmcb.v_prio, 0);
	assert_int_equal(svm_virq_take(&vmcb), 0);
}

/* The CPU clears V_IRQ. */
static void one_that_was_taken_does_not(void **state)
{
	assert_true(svm_virq_inject(&vmcb, LEFT));
	vmcb.v_irq = 0;
	assert_int_equal(svm_virq_take(&vmcb), 0);
}

static void window_is_no_interrupt(void **state)
{
	vmcb.misc1 = SVM_BIT(VINTR);
	vmcb.v_irq = V_IRQ_ON;
	assert_int_equal(svm_virq_take(&vmcb), 0);
	assert_int_equal(vmcb.v_irq, V_IRQ_ON);
	assert_false(svm_virq_inject(&vmcb, LEFT)); /* so it stays open */
	assert_int_equal(vmcb.v_vector, 0);
}

static void other_events_go_by_eventinj(void **state)
{
	assert_false(svm_virq_inject(&vmcb, EVENT_VALID | INJECT_NMI | 2));
	assert_false(
		svm_virq_inject(&vmcb, EVENT_VALID | INJECT_EXCEPTION | 6));
	cpu_feat.qemu = false;
	assert_false(svm_virq_inject(&vmcb, LEFT));
	assert_int_equal(vmcb.v_irq, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_that_is_not_taken_comes_back, setup),
		cmocka_unit_test_setup(one_that_was_taken_does_not, setup),
		cmocka_unit_test_setup(window_is_no_interrupt, setup),
		cmocka_unit_test_setup(other_events_go_by_eventinj, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
