/* SPDX-License-Identifier: BSD-2-Clause */
/* The SVM backend's operations, and the nested-page format (APM Vol. 2,
 * 15.25): that of the hypervisor's own tables, seen as user accesses. */
#include "virt/svm/svm.h"

#define NPT_P (1ull << 0)
#define NPT_W (1ull << 1)
#define NPT_U (1ull << 2)
#define NPT_UC (1ull << 4 | 1ull << 3) /* PCD, PWT: PAT entry 3 */
#define NPT_LARGE (1ull << 7)
#define NPT_NX (1ull << 63)

static u64 npt_leaf(u64 hpa, u32 flags, unsigned level)
{
	u64 e = hpa | NPT_U | (level > 1 ? NPT_LARGE : 0);

	e |= flags & NP_READ ? NPT_P : 0;
	e |= flags & NP_WRITE ? NPT_W : 0;
	e |= flags & NP_EXEC ? 0 : NPT_NX;
	return flags & NP_DEVICE ? e | NPT_UC : e;
}

static u64 npt_table(u64 hpa)
{
	return hpa | NPT_P | NPT_W | NPT_U;
}

static bool npt_present(u64 e)
{
	return e & NPT_P;
}

static bool npt_is_leaf(u64 e, unsigned level)
{
	return level == 1 || e & NPT_LARGE;
}

static u32 npt_flags(u64 e)
{
	return NP_READ | (e & NPT_W ? NP_WRITE : 0) |
	       (e & NPT_NX ? 0 : NP_EXEC) | (e & NPT_UC ? NP_DEVICE : 0);
}

/* VMRUN walks as deep as the host's CR4.LA57 says. */
static unsigned npt_levels(void)
{
	return cpu_feat.la57_on ? 5 : 4;
}

static bool npt_gb_pages(void)
{
	return cpu_feat.gb_pages;
}

static const struct nested_format npt_format = {
	.leaf = npt_leaf,
	.table = npt_table,
	.present = npt_present,
	.is_leaf = npt_is_leaf,
	.flags = npt_flags,
	.levels = npt_levels,
	.gb_pages = npt_gb_pages,
};

const struct virt_ops svm_ops = {
	.name = "SVM",
	.msr_pairs = true,
	.format = &npt_format,
	.probe = svm_probe,
	.cpu_on = svm_cpu_on,
	.vcpu_init = svm_vcpu_init,
	.vcpu_free = svm_vcpu_free,
	.load = svm_load,
	.unload = svm_unload,
	.enter = svm_enter,
	.exit_decode = svm_exit_decode,
	.reg_get = svm_reg_get,
	.reg_set = svm_reg_set,
	.state_get = svm_state_get,
	.state_set = svm_state_set,
	.inject = svm_inject,
	.window = svm_window,
	.deadline_arm = svm_deadline_arm,
	.flush = svm_flush,
};
