/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a guest's block device and its disk, and gives them back. */
#include "kit/mm.h"
#include "vblk.h"
#include "vdevs.h"
#include "vdisk_make.h"

#define PAGES(bytes) (((bytes) + KIT_PAGE_SIZE - 1) / KIT_PAGE_SIZE)

void vblk_free(struct vdev *dev)
{
	struct vblk *v = (struct vblk *)dev;

	vdisk_close(&v->disk);
	kit_pages_free(v, PAGES(sizeof(*v)));
}

struct vdev *vblk_make(const struct cfg_vdev *c, const char **why)
{
	struct vblk *v = kit_pages_alloc(PAGES(sizeof(*v)));
	const char *wrong;

	if (!v)
		return NULL;
	wrong = vdisk_open(&v->disk, c, false);
	if (wrong) {
		*why = wrong;
		kit_pages_free(v, PAGES(sizeof(*v)));
		return NULL;
	}
	vblk_init(v);
	return &v->dev;
}
