/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQLite on the virtual disk `data` (USES_FPU). The command line says what:
 *
 *	do=fill n=N	N transactions, each told once its COMMIT has returned
 *	do=check	is all there that was told, and nothing half?
 *	do=speedtest size=N
 */
#include <stdio.h>
#include <string.h>

#include "sqlite3.h"

#include "vfs.h"
#include "check.h"
#include "kit/measure.h"

#define SLOTS 64       /* rows; the next transaction replaces the oldest */
#define BODY_MAX 3000u /* bytes: more than half of a page, so up to two */
#define TELL_EVERY 10u /* lines are few: a console is slow */

int speedtest1_main(int argc, char **argv);

static struct store store;
static sqlite3 *db;

/* ---- statements ---- */

static sqlite3_stmt *prepared(const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		kit_panic("%s: %s", sql, sqlite3_errmsg(db));
	return st;
}

static void run(const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why))
		kit_panic("%s: %s", sql, why ? why : "?");
}

/* The number that is a query's only result. */
static int64_t number(const char *sql)
{
	sqlite3_stmt *st = prepared(sql);
	int64_t n;

	if (sqlite3_step(st) != SQLITE_ROW)
		kit_panic("%s: %s", sql, sqlite3_errmsg(db));
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void execute(sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE)
		kit_panic("%s: %s", sqlite3_sql(st), sqlite3_errmsg(db));
	sqlite3_reset(st);
}

/* ---- transactions ---- */

/* The body of transaction n; returns its length. */
static int body_of(int64_t n, uint8_t *body)
{
	uint64_t state = (uint64_t)n * 0x9e3779b97f4a7c15ull + 1;
	unsigned size = 1 + rand_next(&state) % BODY_MAX;

	for (unsigned i = 0; i < size; i++)
		body[i] = (uint8_t)(rand_next(&state) >> 24);
	return (int)size;
}

struct statements {
	sqlite3_stmt *begin, *row, *last, *commit;
};

/* A row and the number of the last one: both are there, or neither is. */
static void transact(const struct statements *s, int64_t n)
{
	static uint8_t body[BODY_MAX];

	execute(s->begin);
	sqlite3_bind_int64(s->row, 1, n % SLOTS);
	sqlite3_bind_int64(s->row, 2, n);
	sqlite3_bind_blob(s->row, 3, body, body_of(n, body), SQLITE_STATIC);
	execute(s->row);
	sqlite3_bind_int64(s->last, 1, n);
	execute(s->last);
	execute(s->commit);
}

/* Tells outside of the database, too, that n is committed. */
static void tell(int64_t n)
{
	if (!store_note_set(&store, (uint64_t)n))
		kit_panic("the note cannot be written");
	if (n % TELL_EVERY == 1)
		printf("committed %lld\n", (long long)n);
}

static int fill(uint64_t count)
{
	struct statements s;
	int64_t n;

	run("CREATE TABLE IF NOT EXISTS work(slot INTEGER PRIMARY KEY,"
	    " n INTEGER, body BLOB);"
	    "CREATE INDEX IF NOT EXISTS by_n ON work(n);"
	    "CREATE TABLE IF NOT EXISTS last(one INTEGER PRIMARY KEY, n);"
	    "INSERT OR IGNORE INTO last VALUES(1, 0)");
	s = (struct statements){
		prepared("BEGIN"),
		prepared("INSERT OR REPLACE INTO work VALUES(?, ?, ?)"),
		prepared("UPDATE last SET n = ?"),
		prepared("COMMIT"),
	};
	n = number("SELECT n FROM last");
	while (count--) {
		transact(&s, ++n);
		tell(n);
	}
	printf("filled up to %lld\n", (long long)n);
	return 0;
}

/* ---- checking ---- */

static bool integrity(void)
{
	sqlite3_stmt *st = prepared("PRAGMA integrity_check");
	const char *text;
	bool ok, cut = store.file[1].exists;

	printf("the last transaction %s\n", cut ? "was cut" : "had ended");
	ok = sqlite3_step(st) == SQLITE_ROW;
	text = ok ? (const char *)sqlite3_column_text(st, 0) : NULL;
	ok = text && !strcmp(text, "ok");
	check(ok, "integrity", "%s", text ? text : sqlite3_errmsg(db));
	sqlite3_finalize(st);
	return ok;
}

/* Rows that are not as transact() makes them. */
static unsigned rows_wrong(void)
{
	static uint8_t body[BODY_MAX];
	sqlite3_stmt *st = prepared("SELECT slot, n, body FROM work");
	unsigned wrong = 0;

	while (sqlite3_step(st) == SQLITE_ROW) {
		int64_t n = sqlite3_column_int64(st, 1);
		int size = body_of(n, body);

		wrong += sqlite3_column_int64(st, 0) != n % SLOTS ||
			 sqlite3_column_bytes(st, 2) != size ||
			 memcmp(sqlite3_column_blob(st, 2), body, size) != 0;
	}
	sqlite3_finalize(st);
	return wrong;
}

static int verify(void)
{
	int64_t told = (int64_t)store_note_get(&store), last, newest, rows;
	unsigned wrong;

	if (!integrity())
		return check_summary("sqlite");
	last = number("SELECT n FROM last");
	newest = number("SELECT max(n) FROM work");
	rows = number("SELECT count(*) FROM work WHERE n > "
		      "(SELECT n FROM last) - 64");
	wrong = rows_wrong();
	printf("highest committed %lld, told %lld\n", (long long)last,
	       (long long)told);
	check(!wrong && rows == (last < SLOTS ? last : SLOTS), "rows",
	      "%u are wrong, %lld are there", wrong, (long long)rows);
	check(last == newest, "whole-transactions", "%lld, but the row of %lld",
	      (long long)last, (long long)newest);
	check(told > 0 && last >= told && last <= told + 1, "committed",
	      "%lld was told, %lld is there", (long long)told, (long long)last);
	return check_summary("sqlite");
}

/* ---- */

static int speedtest(void)
{
	char size[12] = "1";
	char *argv[] = { "speedtest1", "--size", size, VFS_DATABASE };
	int code;

	kit_option("size", size, sizeof(size));
	KIT_MEASURE_BEGIN(sqlite_speedtest1);
	code = speedtest1_main(4, argv);
	KIT_MEASURE_END(sqlite_speedtest1);
	KIT_MEASURE_REPORT();
	check(!code, "speedtest", "it returned %d", code);
	return check_summary("sqlite");
}

static int database(const char *what)
{
	int code = 2;

	if (sqlite3_open(VFS_DATABASE, &db))
		kit_panic("the database: %s", sqlite3_errmsg(db));
	if (!strcmp(what, "fill"))
		code = fill(kit_option_u64("n", 100));
	else if (!strcmp(what, "check"))
		code = verify();
	else
		printf("FAIL sqlite: do=%s is unknown\n", what);
	return code;
}

int kit_main(const char *cmdline)
{
	char what[16] = "fill";
	const char *why = NULL;
	struct kit_block *disk = kit_block_open("data", &why);

	if (disk)
		why = store_mount(&store, disk);
	if (why)
		kit_panic("disk `data`: %s", why);
	vfs_use(&store);
	kit_option("do", what, sizeof(what));
	printf("SQLite %s, %s\n", sqlite3_libversion(), what);
	return !strcmp(what, "speedtest") ? speedtest() : database(what);
}
