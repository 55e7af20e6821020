/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a guest's block device and its disk, and gives them back. */
#include "disks.h"
#include "kit/mm.h"
#include "vblk.h"
#include "vdevs.h"

#define PAGES(bytes) (((bytes) + KIT_PAGE_SIZE - 1) / KIT_PAGE_SIZE)

void vblk_free(struct vdev *dev)
{
	struct vblk *v = (struct vblk *)dev;

	if (v->disk.kind == VDISK_RAM)
		kit_pages_free(v->disk.ram,
			       PAGES(v->disk.sectors * BLK_SECTOR));
	kit_pages_free(v, PAGES(sizeof(*v)));
}

struct vdev *vblk_make(const struct cfg_vdev *c, const char **why)
{
	struct vblk *v = kit_pages_alloc(PAGES(sizeof(*v)));
	const char *wrong;

	if (!v)
		return NULL;
	wrong = disks_open(&v->disk, c);
	if (wrong) {
		*why = wrong;
		kit_pages_free(v, PAGES(sizeof(*v)));
		return NULL;
	}
	vblk_init(v);
	return &v->dev;
}
