/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O and MSR permission bitmaps of a space (SDM Vol. 3C 25.6.4 and 25.6.9,
 * APM Vol. 2 15.10 and 15.11). */
#include "lib/string.h"
#include "virt/virt.h"

#define IO_ORDER 2 /* 12 KiB are needed, 16 are taken */
enum { MSR_STAR = 0xC0000081, MSR_TSC_AUX = 0xC0000103 };
#define MSR_ORDER 1 /* 8 KiB (SVM); VMX uses the first half */

static u64 filled(struct virt_space *s, unsigned order)
{
	void *p = s->block_alloc(s->owner, order);

	if (!p)
		return 0;
	memset(p, 0xff, PAGE_SIZE << order);
	return ptr_hpa(p).v;
}

int virt_bitmaps_init(struct virt_space *s)
{
	s->io_bitmap = filled(s, IO_ORDER);
	s->msr_bitmap = filled(s, MSR_ORDER);
	if (s->io_bitmap && s->msr_bitmap)
		return 0;
	virt_bitmaps_free(s);
	return -1;
}

void virt_bitmaps_free(struct virt_space *s)
{
	if (s->io_bitmap)
		s->block_free(s->owner, hpa_ptr(hpa(s->io_bitmap)), IO_ORDER);
	if (s->msr_bitmap)
		s->block_free(s->owner, hpa_ptr(hpa(s->msr_bitmap)), MSR_ORDER);
	s->io_bitmap = s->msr_bitmap = 0;
}

static void bit_set(u64 map, u32 bit, bool set)
{
	u8 *at = (u8 *)hpa_ptr(hpa(map)) + bit / 8;

	*at = (u8)((*at & ~(1u << bit % 8)) | (u32)set << bit % 8);
}

void virt_io_allow(struct virt_space *s, u16 port, u16 count, bool allow)
{
	for (u32 i = port; i < (u32)port + count && i < 0x10000; i++)
		bit_set(s->io_bitmap, i, !allow);
}

/* VMX: a bit each for reads of both ranges, then for writes. SVM: pairs. */
void virt_msr_allow(struct virt_space *s, u32 msr)
{
	u32 n = (msr & 0x1fff) + (msr < 0xc0000000 ? 0 : 0x2000);

	bit_set(s->msr_bitmap, virt->msr_pairs ? 2 * n : n, false);
	if (msr == MSR_TSC_AUX ||
	    (msr - MSR_STAR < 4 && virt->soft_first != VREG_DR0))
		return; /* see switch.c */
	bit_set(s->msr_bitmap, virt->msr_pairs ? 2 * n + 1 : 0x4000 + n, false);
}
