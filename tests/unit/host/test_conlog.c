/* SPDX-License-Identifier: BSD-2-Clause */
/* Consoles in files, over a volume that is played. */
/* TEST-SRC: drivers/host/conlog.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/conlog.h"
#include "host/folders.h"
#include "host/host.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/time.h"

static uint64_t now, wake_at;
static char said[200], opened[64], file_name[64];
static struct fat_node folder, file;
static char content[200000];
static uint32_t synced; /* bytes */
static unsigned writes, folders, files;
static enum fat_status lookup, created, written;
static void (*amid_write)(void);

uint64_t kit_time_ns(void) { return now; }

void host_wake_at(uint64_t ns) { wake_at = ns; }

void *kit_pages_alloc(size_t n) { return calloc(n, 4096); }

void kit_pages_free(void *p, size_t n) { free(p); }

void kit_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

int kit_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

/* ---- the volume ---- */

struct fat_node *folders_open(const struct cfg_vdev *c, const char **why)
{
	strcpy(opened, c->source);
	*why = "there is no boot sector";
	if (!strcmp(opened, "bad"))
		return NULL;
	folders++;
	return &folder;
}

void folders_close(struct fat_node *f)
{
	assert_ptr_equal(f, &folder);
	folders--;
}

static enum fat_status node(enum fat_status s, const char *name,
			    struct fat_node **out)
{
	strcpy(file_name, name);
	if (s == FAT_OK) {
		*out = &file;
		files++;
	}
	return s;
}

enum fat_status fat_lookup(struct fat_node *dir, const char *name,
			   struct fat_node **out)
{
	return node(lookup, name, out);
}

enum fat_status fat_create(struct fat_node *dir, const char *name,
			   struct fat_node **out)
{
	return node(created, name, out);
}

bool fat_is_dir(const struct fat_node *n) { return n->attr; }

enum fat_status fat_put(struct fat_node *n)
{
	files--;
	return FAT_OK;
}

enum fat_status fat_write(struct fat_node *n, uint64_t at, const void *from,
			  uint32_t bytes)
{
	assert_int_equal(at, n->size);
	if (written != FAT_OK)
		return written;
	memcpy(content + at, from, bytes);
	n->size += bytes;
	writes++;
	if (amid_write)
		amid_write();
	return FAT_OK;
}

enum fat_status fat_sync(struct fat_node *n)
{
	synced = n->size;
	return FAT_OK;
}

const char *fat_strerror(enum fat_status s)
{
	return s == FAT_ENOSPC ? "the volume is full" : "some error";
}

/* ---- tests ---- */

static struct conlog l;

static int setup(void **state)
{
	memset(&file, 0, sizeof(file));
	lookup = created = written = FAT_OK;
	now = 5;
	wake_at = synced = writes = 0;
	said[0] = 0;
	amid_write = NULL;
	assert_null(conlog_open(&l, "esp/a/b/web.log", "web"));
	return 0;
}

static int teardown(void **state)
{
	conlog_close(&l);
	conlog_close(&l);
	assert_int_equal(files, 0);
	assert_int_equal(folders, 0);
	return 0;
}

static void put(const char *text) { conlog_put(&l, text, strlen(text)); }

static void test_opens(void **state)
{
	struct conlog other;

	assert_string_equal(opened, "esp/a/b");
	assert_string_equal(file_name, "web.log");
	assert_string_equal(conlog_open(&other, "bad/x", "x"),
			    "there is no boot sector");
	lookup = FAT_ENOENT; /* is made */
	assert_null(conlog_open(&other, "esp/x", "x"));
	assert_string_equal(opened, "esp");
	conlog_close(&other);
	created = FAT_ENOSPC;
	assert_string_equal(conlog_open(&other, "esp/x", "x"),
			    "the volume is full");
	lookup = FAT_OK;
	file.attr = 1;
	assert_non_null(conlog_open(&other, "esp/x", "x"));
	conlog_close(&other);
	conlog_put(&other, "x", 1);
}

/* Little is written after a second, and no wait is without its time. */
static void test_little(void **state)
{
	conlogs_run();
	assert_int_equal(wake_at, 0);
	put("hello\n");
	now += KIT_SECOND - 1;
	put("world\n");
	wake_at = 0;
	conlogs_run();
	assert_int_equal(wake_at, 5 + KIT_SECOND);
	assert_int_equal(writes, 0);
	now++;
	conlogs_run();
	assert_int_equal(synced, 12);
	assert_memory_equal(content, "hello\nworld\n", 12);
	wake_at = 0;
	conlogs_run();
	assert_int_equal(wake_at, 0);
}

/* Appended, what comes amid a write included; the end writes what waits. */
static void late(void)
{
	amid_write = NULL;
	put("late\n");
}

static void test_much(void **state)
{
	static char text[3000];

	file.size = 100;
	memset(text, 'x', sizeof(text));
	amid_write = late;
	for (unsigned i = 0; i < 30; i++) {
		conlog_put(&l, text, sizeof(text));
		assert_false(conlog_full(&l));
		conlogs_run();
	}
	put("end");
	conlog_close(&l);
	assert_int_equal(file.size, 100 + 30 * 3000 + 9);
	assert_int_equal(synced, file.size);
	assert_memory_equal(content + file.size - 4, "end\n", 4);
}

static void test_full(void **state)
{
	static char text[CONLOG_FULL];

	memset(text, 'y', sizeof(text));
	conlog_put(&l, text, sizeof(text));
	assert_true(conlog_full(&l));
	for (unsigned i = 0; i < 4; i++)
		conlog_put(&l, text, sizeof(text));
	conlogs_run();
	assert_false(conlog_full(&l));
	assert_int_equal(file.size, CONLOG_RING + 26);
	assert_memory_equal(content + CONLOG_RING,
			    "\n(8192 bytes are missing)\n", 26);
}

static void test_volume_full(void **state)
{
	put("hello\n");
	written = FAT_ENOSPC;
	now += KIT_SECOND;
	conlogs_run();
	assert_string_equal(said, "host: guest web: its log ends here: the "
				  "volume is full\n");
	said[0] = 0;
	put("more\n");
	now += KIT_SECOND;
	conlogs_run();
	assert_string_equal(said, "");
	assert_false(conlog_full(&l));
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_opens), T(test_little),	    T(test_much),
		T(test_full),  T(test_volume_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
