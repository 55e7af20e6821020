/* SPDX-License-Identifier: BSD-2-Clause */
/* The command that shows how the real devices are. */
#include <string.h>

#include "commands.h"
#include "disks.h"
#include "kit/kit.h"
#include "nets.h"

static void head(struct out *o, const char *kind, unsigned n,
		 const char *driver, uint16_t bdf)
{
	char text[16];

	out_row(o);
	kit_format(text, sizeof(text), "%s %u", kind, n);
	out_cell(o, text);
	out_cell(o, driver);
	kit_format(text, sizeof(text), "%02x:%02x.%x", bdf >> 8, bdf >> 3 & 31,
		   bdf & 7);
	out_cell(o, text);
}

static void disk_row(struct out *o, unsigned n, const struct blk_dev *d,
		     uint16_t bdf)
{
	head(o, "disk", n, d->driver, bdf);
	out_cell(o, d->lost ? "lost" : "works");
	out_number(o, d->requests);
	out_number(o, d->errors);
	out_number(o, d->restarts);
}

static void card_row(struct out *o, unsigned n, const struct net_dev *d,
		     uint16_t bdf)
{
	head(o, "net", n, d->driver, bdf);
	out_cell(o, d->lost ? "lost" : d->link ? "works" : "no link");
	out_number(o, d->count.rx_frames + d->count.tx_frames);
	out_number(o, d->count.rx_errors + d->count.tx_errors);
	out_number(o, d->count.restarts);
}

const char *cmd_devices(struct out *o, unsigned argc, char **argv)
{
	static const struct out_column columns[] = {
		{ "name", 7 },	    { "driver", 11 }, { "at", 8 },
		{ "state", 8 },	    { "io", 10 },     { "errors", 10 },
		{ "restarts", 10 },
	};
	const struct blk_dev *disk;
	const struct net_dev *card;
	uint16_t bdf;

	(void)argc;
	(void)argv;
	out_table(o, columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned i = 0; (disk = disks_nth(i, &bdf)); i++)
		disk_row(o, i, disk, bdf);
	for (unsigned i = 0; (card = nets_nth(i, &bdf)); i++)
		card_row(o, i, card, bdf);
	return NULL;
}
