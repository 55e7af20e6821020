/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts as virtual ones (APM Vol. 2, 15.21.4), in QEMU: what its VMRUN has
 * delivered for EVENTINJ it delivers once more if it stops the CPU before the next
 * exit or exception, as it does ten times a second when there are several. Where an
 * interrupt can be taken at once, V_IRQ is as good.
 */
#include "virt/svm/svm.h"

bool svm_virq_inject(struct vmcb *b, u32 event)
{
	if (!cpu_feat.qemu || (event & INJECT_TYPE) != INJECT_EXTINT ||
	    b->v_irq)
		return false;
	b->v_irq = V_IRQ_ON;
	b->v_prio = V_PRIO_IGN_TPR;
	b->v_vector = (u8)event;
	return true;
}

u32 svm_virq_take(struct vmcb *b)
{
	if (!b->v_irq || b->misc1 & SVM_BIT(VINTR))
		return 0;
	b->v_irq = b->v_prio = 0;
	return EVENT_VALID | INJECT_EXTINT | b->v_vector;
}
