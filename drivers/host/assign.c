/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves PCI functions to guests, and takes them back when those are gone. */
#include "assign.h"

#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "pvabi/calls.h"

/* Our handle of each device of the boot information; 0: a guest has it. */
static uint64_t *handles;

static const struct pv_device *devices(void)
{
	return kit_ptr(kit_info()->devices);
}

bool assign_init(void)
{
	uint32_t n = kit_info()->nr_devices;

	handles = kit_calloc(n + 1, sizeof(*handles));
	for (uint32_t i = 0; handles && i < n; i++)
		handles[i] = devices()[i].handle;
	return handles;
}

static const struct pv_device *find(uint16_t bdf)
{
	const struct pv_device *d = NULL;

	while ((d = kit_device(d, PV_DEV_PCI, NULL)))
		if (d->bdf == bdf)
			break;
	return d;
}

static const char *why(struct guest *g, uint16_t bdf, const char *text)
{
	kit_format(g->why, sizeof(g->why), "device %02x:%02x.%x: %s", bdf >> 8,
		   bdf >> 3 & 31, bdf & 7, text);
	return g->why;
}

static const char *refusal(uint64_t err)
{
	switch (err) {
	case PV_ENOSYS:
		return "no IOMMU confines its DMA: it needs unsafe_dma = yes";
	case PV_EINVAL:
		return "it shares pages or ports with another device";
	case PV_EEXIST:
		return "the guest has memory where its registers are";
	default:
		return kit_status_name(err);
	}
}

static const char *assign(struct guest *g, uint16_t bdf, struct pv_device *out)
{
	const struct pv_device *d = find(bdf);
	uint64_t *handle = d ? &handles[d - devices()] : NULL;
	uint64_t err;

	if (!d)
		return why(g, bdf,
			   "there is no such device, or it is a bridge");
	if (!*handle)
		return why(g, bdf, "another guest has it");
	*out = *d;
	err = pv_device_assign(g->part, *handle,
			       g->cfg->unsafe_dma ? PV_DEVICE_UNSAFE_DMA : 0,
			       &out->handle);
	if (err)
		return why(g, bdf, refusal(err));
	*handle = 0;
	return NULL;
}

const char *assign_devices(struct guest *g, struct pv_device *out)
{
	const char *text = NULL;

	while (!text && g->nr_assigned < g->cfg->nr_devices) {
		unsigned n = g->nr_assigned;

		text = assign(g, g->cfg->device[n], &out[n]);
		g->nr_assigned += !text;
	}
	return text;
}

void assign_return(struct guest *g)
{
	while (g->nr_assigned) {
		const struct pv_device *d =
			find(g->cfg->device[--g->nr_assigned]);

		host_must(pv_device_take(kit_info()->self, d->bdf,
					 &handles[d - devices()]),
			  "device_take");
	}
}
