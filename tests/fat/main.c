/* SPDX-License-Identifier: BSD-2-Clause */
/* Plays on an image: see test_fat.py. */
#include "fat.h"

#define UNSEEN 10u /* of so many cuts a checker sees one */

static void play(unsigned steps)
{
	while (steps--)
		model_step();
}

/* ops IMAGE SEED STEPS: plays, compares, writes the image, lists what is in. */
static int ops(char **arg)
{
	disk_load(arg[0]);
	vol_mount();
	rnd_seed(strtoull(arg[1], NULL, 0));
	play((unsigned)atoi(arg[2]));
	model_verify();
	model_close();
	vol_mount();
	model_verify();
	disk_save(arg[0]);
	model_list();
	return 0;
}

/* After the cut the volume is used further: what was in its way is not. */
static void use_further(void)
{
	struct fat_node *root = walk(""), *dir, *n;
	char name[64];

	if (fat_mkdir(root, "made after the cut", &dir) != FAT_OK) {
		fat_put(root);
		return;
	}
	for (unsigned i = 0; i < 20; i++) {
		sprintf(name, "%u, which is made after the cut", i);
		if (fat_create(rnd(2) ? dir : root, name, &n) != FAT_OK)
			continue;
		fat_write(n, rnd(700), name, sizeof(name));
		fat_put(n);
	}
	fat_put(dir);
	fat_put(root);
	CHECK(fat_clean(vol) == FAT_OK);
}

static void save(const char *out, unsigned n, const char *end)
{
	char name[PATH];

	snprintf(name, sizeof(name), "%s.%u%s", out, n, end);
	disk_save(name);
}

/* What was promised is there, also when the volume is used further. */
static void cut_at(unsigned at, bool any, const char *out, unsigned n)
{
	disk_cut(at, any);
	if (out)
		save(out, n, ".img");
	vol_mount();
	promises_verify(at);
	if (!out)
		return;
	use_further();
	vol_mount();
	promises_verify(at);
	save(out, n, ".on.img");
}

/* cut IMAGE SEED STEPS CUTS OUT: plays once; for each of CUTS cuts writes
 * OUT.N.img, and OUT.N.on.img, which was used further. */
static int cut(char **arg)
{
	unsigned cuts = (unsigned)atoi(arg[3]);
	uint64_t seed = strtoull(arg[1], NULL, 0);
	unsigned end;

	disk_load(arg[0]);
	vol_mount();
	disk_record();
	rnd_seed(seed);
	play((unsigned)atoi(arg[2]));
	model_close();
	end = disk_position();
	for (unsigned i = 0; i < cuts * UNSEEN; i++) {
		rnd_seed(seed * 100000 + i);
		cut_at(rnd(end + 1), i & 3, i % UNSEEN ? NULL : arg[4],
		       i / UNSEEN);
	}
	printf("%u writes and barriers\n", end);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "ops"))
		return ops(argv + 2);
	if (argc == 7 && !strcmp(argv[1], "cut"))
		return cut(argv + 2);
	fprintf(stderr, "fat ops|cut ...: see the source\n");
	return 2;
}
