/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes files of the folder `share`, syncs and reads them, until the host partition
 * has died `restarts=` times: what was synced is there, and no call fails but as
 * kit/folder.h says.
 */
#include "check.h"
#include "kit/folder.h"
#include "kit/mm.h"
#include "kit/time.h"

#define FILES 4u
#define BYTES 20000u
#define EIO (-5)
#define LIMIT (150 * KIT_SECOND)

static struct kit_folder *folder;
static uint8_t data[BYTES], back[BYTES];
static uint32_t synced[FILES]; /* what is in each file; 0: perhaps nothing */
static unsigned failed, wrong, unknown;

static uint32_t restarts(void)
{
	const struct pv_partition_page *page = kit_ptr(PV_PARTITION_PAGE);

	return __atomic_load_n(&page->host_restarts, __ATOMIC_ACQUIRE);
}

static void pattern(uint32_t version)
{
	uint64_t seed = version;

	for (unsigned i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(rand_next(&seed) >> 40);
}

/* What may have been done or not is looked at. */
static struct kit_file *opened(unsigned file)
{
	struct kit_file *f = NULL;
	char name[16];
	int error;

	kit_format(name, sizeof(name), "refold%u", file);
	while ((error = kit_file_open(folder, name, KIT_FILE_WRITE, &f)) ==
		       -2 &&
	       (error = kit_file_open(folder, name, KIT_FILE_CREATE, &f)) ==
		       EIO)
		unknown++;
	if (error)
		kit_panic("%s: %d", name, error);
	return f;
}

/* Once more where a part was lost before it was synced. */
static void write(struct kit_file *f, unsigned file, uint32_t version)
{
	int error;

	pattern(version);
	do {
		failed += kit_file_write(f, 0, data, BYTES) != BYTES;
		error = kit_file_sync(f);
		unknown += error == EIO;
	} while (error == EIO);
	failed += error != 0;
	synced[file] = version;
}

static void compare(struct kit_file *f, unsigned file)
{
	if (!synced[file])
		return;
	pattern(synced[file]);
	failed += kit_file_read(f, 0, back, BYTES) != BYTES;
	wrong += memcmp(data, back, BYTES) != 0;
}

int kit_main(const char *cmdline)
{
	uint32_t deaths = (uint32_t)kit_option_u64("restarts", 0), n = 0;
	uint64_t end = kit_time_ns() + LIMIT;
	const char *why;

	(void)cmdline;
	folder = kit_folder_open("share", &why);
	if (!check(folder, "folder-open", "%s", why))
		return 1;
	while ((n < 3 * FILES || restarts() < deaths) && kit_time_ns() < end) {
		struct kit_file *f = opened(n % FILES);

		compare(f, n % FILES);
		write(f, n % FILES, n + 1);
		compare(f, n % FILES);
		kit_file_close(f);
		n++;
	}
	check(!failed, "no-call-failed", "%u", failed);
	check(!wrong, "no-wrong-byte", "%u files", wrong);
	check(restarts() >= deaths, "restarted", "%u times", restarts());
	printf("%u files written; %u times the outcome was not known\n", n,
	       unknown);
	return check_summary("refold");
}
