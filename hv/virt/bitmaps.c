/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O permission bitmap of a space (SDM Vol. 3C 25.6.4, APM Vol. 2 15.10). */
#include "lib/string.h"
#include "virt/virt.h"

#define IO_ORDER 2 /* 12 KiB are needed, 16 are taken */

int virt_bitmaps_init(struct virt_space *s)
{
	void *p = s->block_alloc(s->owner, IO_ORDER);

	if (!p)
		return -1;
	memset(p, 0xff, PAGE_SIZE << IO_ORDER);
	s->io_bitmap = ptr_hpa(p).v;
	return 0;
}

void virt_bitmaps_free(struct virt_space *s)
{
	if (s->io_bitmap)
		s->block_free(s->owner, hpa_ptr(hpa(s->io_bitmap)), IO_ORDER);
}

void virt_io_allow(struct virt_space *s, u16 port, u16 count, bool allow)
{
	u8 *map = hpa_ptr(hpa(s->io_bitmap));

	for (u32 i = port; i < (u32)port + count && i < 0x10000; i++)
		map[i / 8] = (u8)((map[i / 8] & ~(1u << i % 8)) |
				  (u32)!allow << i % 8);
}
