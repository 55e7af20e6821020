/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O and MSR permission bitmaps of a space (SDM Vol. 3C 25.6.4 and 25.6.9,
 * APM Vol. 2 15.10 and 15.11). */
#include "lib/string.h"
#include "virt/virt.h"

#define IO_ORDER 2  /* 12 KiB are needed, 16 are taken */
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

static void bit_put(u64 map, u32 bit, bool val)
{
	u8 *p = (u8 *)hpa_ptr(hpa(map)) + bit / 8;

	*p = val ? *p | 1 << bit % 8 : *p & ~(1 << bit % 8);
}

void virt_io_allow(struct virt_space *s, u16 port, u16 count, bool allow)
{
	u32 i;

	for (i = port; i < (u32)port + count && i < 0x10000; i++)
		bit_put(s->io_bitmap, i, !allow);
}

/* Groups of 8,192 MSRs each; VMX has the first two. */
static const u32 groups[] = { 0, 0xc0000000, 0xc0010000 };

void virt_msr_allow(struct virt_space *s, u32 msr, bool read, bool write)
{
	bool pairs = virt->msr_pairs;
	u32 g, n = msr & 0x1fff;

	for (g = 0; g < (pairs ? 3u : 2u); g++) {
		u32 bit = pairs ? g * 0x4000 + 2 * n : g * 0x2000 + n;

		if (msr - groups[g] >= 0x2000)
			continue;
		bit_put(s->msr_bitmap, bit, !read);
		bit_put(s->msr_bitmap, bit + (pairs ? 1 : 0x4000), !write);
	}
}
