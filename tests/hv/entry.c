/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's state becomes one that no CPU enters: that ends this guest only. */
#include "core/partition.h"
#include "lib/bootinfo.h"
#include "lib/string.h"

#define LAST_GOOD 20 /* entries: its program has begun */

static const struct virt_ops *real;
static struct virt_ops ops;

static struct virt_vcpu *enter(struct virt_vcpu *hw)
{
	const struct vcpu *v = (const struct vcpu *)hw; /* its first member */

	if (!strcmp(v->part->name, "bad-entry") && hw->entries >= LAST_GOOD)
		real->reg_set(hw, VREG_CR3, ~0ull);
	return real->enter(hw);
}

void hv_provoke(void)
{
	real = virt;
	ops = *real;
	ops.enter = enter;
	virt = &ops;
}
