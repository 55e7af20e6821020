/* SPDX-License-Identifier: BSD-2-Clause */
/* The SQLite guest's files, against a model, on a disk that is cut at random. */
/* TEST-SRC: tests/guests/sqlite/store.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/guests/sqlite/store.h"

#define SECTORS 72u
#define ROOM (32u * KIT_SECTOR) /* of a file */

/* What was written is seen, but is on the disk only after a flush: until then
 * a cut leaves of each sector what it was at the flush, or what was written. */
struct kit_block {
	uint8_t seen[SECTORS][KIT_SECTOR], kept[SECTORS][KIT_SECTOR];
	int writes_left; /* then all fails */
	bool read_only;
};

static struct kit_block disk;

uint64_t kit_block_sectors(const struct kit_block *b) { return SECTORS; }

bool kit_block_readonly(const struct kit_block *b) { return b->read_only; }

bool kit_block_read(struct kit_block *b, uint64_t sector, void *buf, size_t n)
{
	assert_true(n && n % KIT_SECTOR == 0);
	assert_true(sector + n / KIT_SECTOR <= SECTORS);
	memcpy(buf, b->seen[sector], n);
	return true;
}

bool kit_block_write(struct kit_block *b, uint64_t sector, const void *buf,
		     size_t n)
{
	assert_true(n && n % KIT_SECTOR == 0);
	assert_true(sector + n / KIT_SECTOR <= SECTORS);
	for (; n; n -= KIT_SECTOR, sector++) {
		if (b->writes_left-- <= 0)
			return false;
		memcpy(b->seen[sector], buf, KIT_SECTOR);
		buf = (const uint8_t *)buf + KIT_SECTOR;
	}
	return true;
}

bool kit_block_flush(struct kit_block *b)
{
	if (b->writes_left <= 0)
		return false;
	memcpy(b->kept, b->seen, sizeof(b->kept));
	return true;
}

/* Of what was not flushed, each sector is there or is not. */
static void disk_cut(void)
{
	for (unsigned i = 0; i < SECTORS; i++)
		memcpy(disk.seen[i], rand() % 2 ? disk.seen[i] : disk.kept[i],
		       KIT_SECTOR);
	memcpy(disk.kept, disk.seen, sizeof(disk.kept));
	disk.writes_left = 1 << 30;
}

static int disk_new(void **state)
{
	(void)state;
	memset(&disk, 0xa5, sizeof(disk)); /* what was there before */
	disk.read_only = false;
	disk.writes_left = 1 << 30;
	return 0;
}

/* A file as it should be. */
struct model {
	bool exists;
	size_t size;
	uint8_t data[ROOM];
};

static struct store s;

static void same(struct store_file *f, const struct model *m)
{
	static uint8_t got[ROOM + 10];

	assert_int_equal(f->exists, m->exists);
	assert_int_equal(f->size, m->size);
	assert_true(store_read(&s, f, 0, got, sizeof(got)));
	assert_memory_equal(got, m->data, m->size);
	for (size_t i = m->size; i < sizeof(got); i++)
		assert_int_equal(got[i], 0);
}

static bool random_write(struct store_file *f, struct model *m)
{
	static uint8_t data[3000];
	size_t at = (size_t)rand() % (m->size + (rand() % 4 ? 1 : 2000));
	size_t n = 1 + (size_t)rand() % sizeof(data);

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)rand();
	if (at + n > ROOM) {
		assert_false(store_write(&s, f, at, data, n));
		return true;
	}
	if (!store_write(&s, f, at, data, n))
		return false;
	if (at > m->size)
		memset(m->data + m->size, 0, at - m->size);
	memcpy(m->data + at, data, n);
	if (at + n > m->size)
		m->size = at + n;
	return true;
}

/* Changes the file and the model alike; false: the disk is cut. */
static bool random_step(struct store_file *f, struct model *m)
{
	size_t size;

	switch (rand() % 8) {
	case 0:
		size = (size_t)rand() % (ROOM + 1);
		store_truncate(f, size);
		if (size < m->size)
			m->size = size;
		return true;
	case 1:
		return store_sync(&s, f);
	default:
		return random_write(f, m);
	}
}

static void as_modelled(void **state)
{
	static struct model m[STORE_FILES];

	(void)state;
	srand(1);
	memset(m, 0, sizeof(m));
	assert_null(store_mount(&s, &disk));
	for (unsigned i = 0; i < STORE_FILES; i++) {
		same(&s.file[i], &m[i]);
		m[i].exists = true;
		assert_true(store_create(&s, &s.file[i]));
	}
	for (unsigned step = 0; step < 5000; step++) {
		unsigned i = (unsigned)rand() % STORE_FILES;

		assert_true(random_step(&s.file[i], &m[i]));
		same(&s.file[i], &m[i]);
	}
}

/* What a sync has returned for is there after a cut, whatever came later; the
 * bytes that were written again may be either. */
static void round_of_cut(void)
{
	static struct model m, synced;
	static uint8_t got[ROOM];
	struct store_file *f = &s.file[0];

	memset(&m, 0, sizeof(m));
	assert_null(store_mount(&s, &disk));
	assert_true(store_create(&s, f));
	m.exists = true;
	for (unsigned i = (unsigned)rand() % 6; i; i--)
		assert_true(random_write(f, &m));
	assert_true(store_sync(&s, f));
	synced = m;
	/* from here on it only grows */
	disk.writes_left = rand() % 12;
	while (store_write(&s, f, m.size, "tail", 4) && store_sync(&s, f))
		m.size += 4;
	disk_cut();
	assert_null(store_mount(&s, &disk));
	f = &s.file[0];
	assert_true(f->exists);
	assert_true(f->size >= m.size && f->size <= m.size + 4);
	assert_true(store_read(&s, f, 0, got, sizeof(got)));
	assert_memory_equal(got, synced.data, synced.size);
	for (size_t i = synced.size; i < f->size; i++)
		assert_int_equal(got[i], "tail"[(i - synced.size) % 4]);
}

static void cuts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		srand(i);
		disk_new(NULL);
		round_of_cut();
	}
}

static void deleted_at_once(void **state)
{
	struct store_file *f = &s.file[1];

	(void)state;
	srand(3);
	assert_null(store_mount(&s, &disk));
	assert_true(store_create(&s, f));
	assert_true(store_write(&s, f, 0, "abc", 3));
	assert_true(store_sync(&s, f));
	assert_true(store_delete(&s, f));
	disk_cut();
	assert_null(store_mount(&s, &disk));
	assert_false(s.file[1].exists);
	assert_int_equal(s.file[1].size, 0);
	assert_true(store_create(&s, &s.file[1]));
	assert_int_equal(s.file[1].size, 0);
}

/* A header is whole, or is not used: the older copy is. */
static void broken_header(void **state)
{
	struct store_file *f = &s.file[0];
	unsigned newer;

	(void)state;
	assert_null(store_mount(&s, &disk));
	assert_true(store_create(&s, f));
	assert_true(store_write(&s, f, 0, "abc", 3));
	assert_true(store_sync(&s, f));
	newer = f->seq % 2;
	disk.seen[newer][17] ^= 1;
	assert_null(store_mount(&s, &disk));
	assert_true(f->exists);
	assert_int_equal(f->size, 0);
	disk.seen[!newer][17] ^= 1;
	assert_null(store_mount(&s, &disk));
	assert_false(f->exists);
}

static void note(void **state)
{
	(void)state;
	assert_null(store_mount(&s, &disk));
	assert_int_equal(store_note_get(&s), 0);
	assert_true(store_note_set(&s, 12345));
	disk_cut();
	assert_null(store_mount(&s, &disk));
	assert_int_equal(store_note_get(&s), 12345);
}

static void refused(void **state)
{
	(void)state;
	disk.read_only = true;
	assert_non_null(store_mount(&s, &disk));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(as_modelled, disk_new),
		cmocka_unit_test_setup(cuts, disk_new),
		cmocka_unit_test_setup(deleted_at_once, disk_new),
		cmocka_unit_test_setup(broken_header, disk_new),
		cmocka_unit_test_setup(note, disk_new),
		cmocka_unit_test_setup(refused, disk_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
