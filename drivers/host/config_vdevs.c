/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration's keys for virtio devices; pure. */
#include <string.h>

#include "config_values.h"

/* Begins a device of that name; null: said what is wrong. */
static struct cfg_vdev *vdev_add(struct parse *p, enum cfg_vdev_type type,
				 const char *name)
{
	struct cfg_guest *g = p->g;
	struct cfg_vdev *d = &g->vdev[g->nr_vdevs];

	if (g->nr_vdevs == CFG_VDEVS) {
		config_bad(p, "too many virtio devices", NULL);
		return NULL;
	}
	for (unsigned i = 0; i < g->nr_vdevs; i++)
		if (!strcmp(g->vdev[i].name, name)) {
			config_bad(p, "two virtio devices of that name", name);
			return NULL;
		}
	if (!config_set_text(p, name, d->name, CFG_NAME, "device name"))
		return NULL;
	d->type = type;
	d->guest = (unsigned)(g - p->c->guest);
	d->index = g->nr_vdevs;
	g->nr_vdevs++;
	return d;
}

/* Parts NAME:REST; null: there is no colon. */
static char *rest_of(char *v)
{
	char *colon = strchr(v, ':');

	if (colon)
		*colon++ = 0;
	return colon;
}

static const char disk_want[] =
	"disk is NAME:part=P, NAME:range=DISK,START,LENGTH, NAME:disk=DISK, "
	"NAME:file=P/PATH, NAME:ram=FILE or SIZE, or NAME:null=SIZE, not";

static bool disk_size(const char *v, struct cfg_vdev *d)
{
	uint64_t bytes;

	if (!config_size(v, &bytes) || !bytes || bytes % 512)
		return false;
	d->bytes = bytes;
	return true;
}

/* What stands behind the last colon: ro, overlay or overlay=SIZE. */
static bool disk_mode(struct parse *p, struct cfg_vdev *d, const char *v)
{
	static const char want[] =
		"behind a disk's source stands ro, overlay or overlay=SIZE "
		"(of some 4K), not";

	if (!strcmp(v, "ro")) {
		d->mode = DISK_READS;
		return true;
	}
	d->mode = DISK_OVERLAY;
	d->overlay_bytes = CFG_OVERLAY;
	if (!strcmp(v, "overlay"))
		return true;
	return (!strncmp(v, "overlay=", 8) &&
		config_size(v + 8, &d->overlay_bytes) && d->overlay_bytes &&
		d->overlay_bytes % 4096 == 0) ||
	       config_bad(p, want, v);
}

/* A number of sectors, or a size with its unit. */
static bool sectors(const char *v, uint64_t *out)
{
	bool unit = *v && strchr("KMGkmg", v[strlen(v) - 1]);

	if (!config_size(v, out) || (unit && *out % 512))
		return false;
	*out /= unit ? 512 : 1;
	return true;
}

static bool disk_range(struct parse *p, struct cfg_vdev *d, char *v)
{
	static const char want[] = "range is DISK,START,LENGTH, in sectors or "
				   "as 16M, not";
	char *start = strchr(v, ',');
	char *length = start ? strchr(start + 1, ',') : NULL;

	if (!length)
		return config_bad(p, want, v);
	*start++ = 0;
	*length++ = 0;
	if (!sectors(start, &d->first))
		return config_bad(p, want, start);
	if (!sectors(length, &d->count) || !d->count)
		return config_bad(p, want, length);
	return config_set_number(p, v, 0, 99, &d->disk);
}

static bool disk_part(struct parse *p, struct cfg_vdev *d, char *v)
{
	return config_set_text(p, v, d->source, CFG_SOURCE, "disk source");
}

static bool disk_file(struct parse *p, struct cfg_vdev *d, char *v)
{
	if (!strchr(v, '/'))
		return config_bad(p, "expected PARTITION/PATH", v);
	return disk_part(p, d, v);
}

static bool disk_ram(struct parse *p, struct cfg_vdev *d, char *v)
{
	return disk_size(v, d) || disk_part(p, d, v);
}

static bool disk_null(struct parse *p, struct cfg_vdev *d, char *v)
{
	return disk_size(v, d) ||
	       config_bad(p, "expected a size such as 1M", v);
}

static bool disk_whole(struct parse *p, struct cfg_vdev *d, char *v)
{
	return config_set_number(p, v, 0, CFG_DISKS - 1, &d->disk);
}

static bool disk_source(struct parse *p, struct cfg_vdev *d, char *v)
{
	static const struct {
		const char *name;
		bool (*set)(struct parse *p, struct cfg_vdev *d, char *v);
	} kinds[] = {
		[DISK_PART] = { "part", disk_part },
		[DISK_RANGE] = { "range", disk_range },
		[DISK_WHOLE] = { "disk", disk_whole },
		[DISK_FILE] = { "file", disk_file },
		[DISK_RAM] = { "ram", disk_ram },
		[DISK_NULL] = { "null", disk_null },
	};
	char *eq = strchr(v, '=');

	if (!eq)
		return config_bad(p, disk_want, v);
	*eq = 0;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, v))
			continue;
		d->kind = (enum cfg_disk_kind)i;
		return kinds[i].set(p, d, eq + 1);
	}
	return config_bad(
		p, "no such kind of disk (part, range, disk, file, ram, null)",
		v);
}

bool config_set_disk(struct parse *p, char *v)
{
	char *source = rest_of(v);
	struct cfg_vdev *d;
	char *mode;

	if (!source)
		return config_bad(p, disk_want, v);
	d = vdev_add(p, VDEV_DISK, v);
	mode = rest_of(source);
	if (!d || !disk_source(p, d, source))
		return false;
	if (mode && (d->kind == DISK_NULL || d->bytes))
		return config_bad(p,
				  "an empty disk is neither ro nor a "
				  "template",
				  v);
	return !mode || disk_mode(p, d, mode);
}

bool config_set_net(struct parse *p, char *v)
{
	static const char want[] = "net is NAME:switch or NAME:switch=N, "
				   "also with ,mac=02:00:00:00:00:01, not";
	char *to = rest_of(v);
	char *more = to ? strchr(to, ',') : NULL;
	uint8_t mac[6] = { 0 };
	char *number = to ? strchr(to, '=') : NULL;
	unsigned sw = 0;
	struct cfg_vdev *d;

	if (number && more && number > more)
		number = NULL; /* that of mac= */
	if (more)
		*more++ = 0;
	if (number)
		*number++ = 0;
	if (!to || strcmp(to, "switch"))
		return config_bad(p, want, to ? to : v);
	if (number && !config_set_number(p, number, 0, CFG_SWITCHES - 1, &sw))
		return false;
	if (more && (strncmp(more, "mac=", 4) || !config_mac(more + 4, mac) ||
		     (mac[0] & 1)))
		return config_bad(p, want, more);
	d = vdev_add(p, VDEV_NET, v);
	if (!d)
		return false;
	d->has_mac = more;
	d->sw = sw;
	memcpy(d->mac, mac, sizeof(mac));
	return true;
}

bool config_set_entropy(struct parse *p, char *v)
{
	return vdev_add(p, VDEV_ENTROPY, v);
}

bool config_set_folder(struct parse *p, char *v)
{
	static const char want[] = "folder is TAG:part=P[/DIR], not";
	char *source = rest_of(v);
	struct cfg_vdev *d;

	if (!source || strncmp(source, "part=", 5))
		return config_bad(p, want, source ? source : v);
	d = vdev_add(p, VDEV_FOLDER, v);
	return d && config_set_text(p, source + 5, d->source, CFG_SOURCE,
				    "folder's source");
}

bool config_set_console(struct parse *p, char *v)
{
	char *kind = rest_of(v);

	if (!kind || strcmp(kind, "virtio"))
		return config_bad(p,
				  "console is keyboard, null or NAME:virtio, "
				  "not",
				  kind ? kind : v);
	return vdev_add(p, VDEV_CONSOLE, v);
}
