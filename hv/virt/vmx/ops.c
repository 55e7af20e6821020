/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMX backend's operations, and the EPT format (SDM Vol. 3C, 29.3). */
#include "virt/vmx/vmx.h"

#define EPT_RWX 7ull
#define EPT_WB (6ull << 3)
#define EPT_LARGE (1ull << 7)

/* The guest's PAT is not ignored (bit 6 clear): it weakens write-back. */
static u64 ept_leaf(u64 hpa, u32 flags, unsigned level)
{
	u64 e = hpa | (flags & EPT_RWX) | (level > 1 ? EPT_LARGE : 0);

	return flags & NP_DEVICE ? e : e | EPT_WB;
}
_Static_assert(NP_READ == 1 && NP_WRITE == 2 && NP_EXEC == 4, "as in EPT");

static u64 ept_table(u64 hpa)
{
	return hpa | EPT_RWX;
}

static bool ept_present(u64 e)
{
	return e & EPT_RWX;
}

static bool ept_is_leaf(u64 e, unsigned level)
{
	return level == 1 || e & EPT_LARGE;
}

static u32 ept_flags(u64 e)
{
	return (e & EPT_RWX) | (e & EPT_WB ? 0 : NP_DEVICE);
}

static unsigned ept_levels(void)
{
	return 4;
}

static bool ept_gb_pages(void)
{
	return vmx_caps.gb_pages;
}

static const struct nested_format ept_format = {
	.leaf = ept_leaf,
	.table = ept_table,
	.present = ept_present,
	.is_leaf = ept_is_leaf,
	.flags = ept_flags,
	.levels = ept_levels,
	.gb_pages = ept_gb_pages,
};

const struct virt_ops vmx_ops = {
	.name = "VMX",
	.format = &ept_format,
	.probe = vmx_probe,
	.cpu_on = vmx_cpu_on,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_free = vmx_vcpu_free,
	.load = vmx_load,
	.unload = vmx_unload,
	.enter = vmx_enter,
	.exit_decode = vmx_exit_decode,
	.reg_get = vmx_reg_get,
	.reg_set = vmx_reg_set,
	.state_get = vmx_state_get,
	.state_set = vmx_state_set,
	.inject = vmx_inject,
	.window = vmx_window,
	.deadline_arm = vmx_deadline_arm,
	.flush = vmx_flush,
};
