/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes virtio devices, and keeps the list of those that have work. */
#include "vdevs.h"

#include <string.h>

#include "crash.h"
#include "host.h"
#include "kit/console.h"

static struct vdev *first, **last = &first;

static void due(struct vdev *v)
{
	v->is_due = true;
	v->next_due = NULL;
	*last = v;
	last = &v->next_due;
	host_again();
}

static void due_drop(struct vdev *v)
{
	struct vdev **at = &first;

	if (!v->is_due)
		return;
	while (*at != v)
		at = &(*at)->next_due;
	*at = v->next_due;
	if (last == &v->next_due)
		last = at;
}

static void signal(struct vdev *v) { host_send(v->event); }

/* These cost the ones above nothing. */
static void due_or_die(struct vdev *v)
{
	crash_step();
	due(v);
}

static void signal_or_die(struct vdev *v)
{
	crash_step();
	signal(v);
}

struct vdev *vdevs_make(const struct cfg_vdev *c, struct gmem *mem,
			const char **why)
{
	static const struct {
		const char *name;
		struct vdev *(*make)(const struct cfg_vdev *c,
				     const char **why);
	} kinds[] = {
		[VDEV_DISK] = { "disk", vblk_make },
		[VDEV_NET] = { "net", vnet_make },
		[VDEV_ENTROPY] = { "entropy", ventropy_make },
		[VDEV_FOLDER] = { "folder", vfolder_make },
		[VDEV_CONSOLE] = { "console", vconsole_make },
	};
	static char text[120];
	static const char *what;
	struct vdev *v;

	what = "no memory";
	v = kinds[c->type].make(c, &what);
	if (!v) {
		kit_format(text, sizeof(text), "%s %s: %s", kinds[c->type].name,
			   c->name, what);
		*why = text;
		return NULL;
	}
	strcpy(v->name, c->name);
	v->signal = crash_comes() ? signal_or_die : signal;
	v->due = crash_comes() ? due_or_die : due;
	vdev_init(v, mem);
	return v;
}

void vdevs_free(struct vdev *v)
{
	if (v->running)
		kit_panic("%s is freed while its requests are under way",
			  v->name);
	due_drop(v);
	v->ops->free(v);
}

void vdevs_run(void)
{
	struct vdev *v = first;

	/* what becomes due from now on waits for the next round */
	first = NULL;
	last = &first;
	while (v) {
		struct vdev *next = v->next_due;

		v->is_due = false;
		vdev_work(v);
		v = next;
	}
}
