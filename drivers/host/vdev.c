/* SPDX-License-Identifier: BSD-2-Clause */
/* What all virtio devices of guests have in common, the registers apart. */
#include "vdev.h"

#include "vdev_regs.h"

void vdev_init(struct vdev *v, struct gmem *mem)
{
	v->mem = mem;
	v->running = 0;
	for (unsigned i = 0; i < VDEV_QUEUES; i++)
		v->q[i].mem = mem;
	vdev_reset(v);
}

void vdev_due(struct vdev *v)
{
	if (!v->is_due)
		v->due(v);
}

void vdev_look(struct vdev *v)
{
	v->look = true;
	vdev_due(v);
}

/* ---- requests ---- */

bool vdev_next_none(struct vdev *v, unsigned queue, int got, struct vq_chain *c)
{
	struct vq *q = &v->q[queue];

	if (!got)
		got = vq_arm(q) ? vq_next(q, c) : -1;
	if (got < 0)
		vdev_break(v);
	return got > 0;
}

void vdev_push(struct vdev *v, unsigned queue, uint16_t head, uint32_t written)
{
	if (vdev_live(v, queue))
		vdev_push_live(v, queue, head, written);
}

bool vdev_reset_goes_on(struct vdev *v)
{
	if (!v->running)
		vdev_reset(v);
	return false;
}

/* ---- telling the guest ---- */

void vdev_isr_set(struct vdev *v, uint32_t isr)
{
	if (v->heard && !isr != !v->isr)
		v->line(v, isr);
	v->isr = isr;
}

void vdev_pin_look(struct vdev *v)
{
	v->heard = v->line && v->line(v, false);
	if (v->heard && v->isr)
		v->line(v, true);
}

static void signal(struct vdev *v, uint32_t why)
{
	vdev_isr_set(v, v->isr | why);
	if (!v->heard)
		v->signal(v);
}

static void config_signal(struct vdev *v) { signal(v, VDEV_ISR_CONFIG); }

void vdev_break(struct vdev *v)
{
	v->status |= VIRTIO_STATUS_NEEDS_RESET;
	vdev_pin_look(v);
	config_signal(v);
}

void vdev_config_changed(struct vdev *v)
{
	if (v->status & VIRTIO_STATUS_DRIVER_OK)
		config_signal(v);
}

static void tell(struct vdev *v)
{
	bool wanted = false;

	for (unsigned i = 0; i < v->ops->nr_queues; i++) {
		int wish;

		if (!v->q[i].tell || !vdev_live(v, i))
			continue;
		wish = vq_wish(&v->q[i]);
		if (wish < 0)
			vdev_break(v);
		wanted |= wish > 0;
	}
	if (!wanted)
		return;
	signal(v, VDEV_ISR_QUEUE);
}

void vdev_work(struct vdev *v)
{
	bool more = false;

	if (v->look)
		for (unsigned i = 0; i < v->ops->nr_queues; i++)
			if (vdev_live(v, i))
				more |= v->ops->run(v, i);
	v->look = more;
	tell(v);
	if (more)
		vdev_due(v);
}
