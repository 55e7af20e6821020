/* SPDX-License-Identifier: BSD-2-Clause */
/* A shared folder, used as a client does; `tag=` says which. */
#include "check.h"
#include "kit/folder.h"
#include "kit/mm.h"
#include "kit/time.h"

#define BYTES 100000u
#define LONG "A file with a long name, \xc3\xa4 and more.data"
#define ENOENT (-2)
#define EEXIST_DIR (-21)
#define EXDEV (-18)
#define ENOTEMPTY (-39)

static struct kit_folder *folder;
static uint8_t *data, *back;

static struct kit_file *opened(const char *path, unsigned flags)
{
	struct kit_file *f = NULL;
	int error = kit_file_open(folder, path, flags, &f);

	if (error)
		kit_panic("cannot open %s: %d", path, error);
	return f;
}

static void expect(const char *name, int64_t got, int64_t want)
{
	check(got == want, name, "%d, not %d", (int)got, (int)want);
}

static void write_and_read(void)
{
	struct kit_file *f = opened("work/" LONG, KIT_FILE_CREATE);
	uint64_t seed = 88172645463325252ull;

	for (unsigned i = 0; i < BYTES; i++)
		data[i] = (uint8_t)rand_next(&seed);
	expect("folder-write", kit_file_write(f, 0, data, BYTES), BYTES);
	expect("folder-sync", kit_file_sync(f), 0);
	kit_file_close(f);
	f = opened("WORK/" LONG, KIT_FILE_WRITE);
	expect("folder-size", kit_file_size(f), BYTES);
	expect("folder-read", kit_file_read(f, 0, back, BYTES + 1), BYTES);
	check(!memcmp(data, back, BYTES), "folder-contents", "differ");
	expect("folder-overwrite", kit_file_write(f, 7777, "xyz", 3), 3);
	expect("folder-read-part", kit_file_read(f, 7776, back, 5), 5);
	check(back[0] == data[7776] && !memcmp(back + 1, "xyz", 3) &&
		      back[4] == data[7780],
	      "folder-part", "differs");
	expect("folder-truncate", kit_file_truncate(f, 5000), 0);
	expect("folder-end", kit_file_read(f, 4990, back, 100), 10);
	kit_file_close(f);
}

static bool count(const struct kit_item *item, void *arg)
{
	(void)item;
	++*(unsigned *)arg;
	return true;
}

static void many_files(void)
{
	unsigned n = 0;
	char name[64];

	for (unsigned i = 0; i < 40; i++) {
		kit_format(name, sizeof(name), "work/many/number %u", i);
		kit_file_close(opened(name, KIT_FILE_CREATE));
	}
	kit_folder_list(folder, "work/many", count, &n);
	expect("folder-list", n, 40);
	expect("folder-not-empty", kit_folder_remove(folder, "work/many"),
	       ENOTEMPTY);
	for (unsigned i = 0; i < 40; i++) {
		kit_format(name, sizeof(name), "work/many/NUMBER %u", i);
		if (kit_folder_remove(folder, name))
			check(false, "folder-remove", "%s", name);
	}
	expect("folder-remove-empty", kit_folder_remove(folder, "work/many"),
	       0);
}

static void renames(void)
{
	struct kit_file *f = opened("work/new", KIT_FILE_CREATE);

	kit_file_write(f, 0, "new", 3);
	kit_file_close(f);
	expect("folder-replace",
	       kit_folder_rename(folder, "work/new", "work/" LONG), 0);
	f = opened("work/" LONG, 0);
	expect("folder-replaced", kit_file_read(f, 0, back, 10), 3);
	kit_file_close(f);
	expect("folder-move", kit_folder_rename(folder, "work/" LONG, "up"), 0);
	expect("folder-moved", kit_file_open(folder, "work/" LONG, 0, &f),
	       ENOENT);
	expect("folder-no-file",
	       kit_file_open(folder, "work", KIT_FILE_WRITE, &f), EEXIST_DIR);
	expect("folder-exdev", kit_folder_rename(folder, "work/many", "many"),
	       EXDEV);
	expect("folder-remove", kit_folder_remove(folder, "up"), 0);
}

static void print_speed(void)
{
	struct kit_file *f = opened("work/speed", KIT_FILE_CREATE);
	uint64_t start = kit_time_ns(), read;

	for (unsigned i = 0; i < 4; i++)
		kit_file_write(f, i * BYTES, data, BYTES);
	kit_file_sync(f);
	read = kit_time_ns();
	for (unsigned i = 0; i < 4; i++)
		kit_file_read(f, i * BYTES, back, BYTES);
	printf("folder: %u KiB: written and synced in %u us, read in %u us\n",
	       4 * BYTES / 1024, (unsigned)((read - start) / 1000),
	       (unsigned)((kit_time_ns() - read) / 1000));
	kit_file_close(f);
}

int kit_main(const char *cmdline)
{
	char tag[24] = "share";
	const char *why;
	unsigned n = 0;

	(void)cmdline;
	kit_option("tag", tag, sizeof(tag));
	folder = kit_folder_open(tag, &why);
	if (!check(folder, "folder-open", "%s", why))
		return 1;
	data = kit_malloc(BYTES);
	back = kit_malloc(BYTES + 1);
	kit_folder_list(folder, "", count, &n);
	check(n > 0, "folder-files", "it is empty");
	expect("folder-make", kit_folder_make(folder, "work"), 0);
	expect("folder-make-below", kit_folder_make(folder, "work/many"), 0);
	write_and_read();
	renames();
	many_files();
	print_speed();
	return check_summary("folder");
}
