/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints a saved trace, on the machine that builds: from a console log, or from
 * images of the rings. `make pvtrace` builds it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_raw.h"

#define CHUNK (1u << 20) /* bytes read at once */

static const char usage[] =
	"usage: pvtrace [--json | --csv] [--part NAME] [--call NAME] FILE\n"
	"  FILE         a console log with `trace = raw` or `both` of [host], "
	"or\n"
	"               images of trace rings, one behind the other\n"
	"  --json       one object a record, a line each\n"
	"  --csv        one line a record, behind a line of titles\n"
	"  --part NAME  only this partition: a guest's name, or partN\n"
	"  --call NAME  only this call (or exit, or reason)\n";

enum form { FORM_TEXT, FORM_JSON, FORM_CSV };

static struct {
	enum form form;
	const char *part, *call, *file;
} opt;

static struct trace_view view;
static struct trace_open waiting;
static unsigned long found, bad;
static uint64_t lost;

static _Noreturn void fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "pvtrace: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(2);
}

/* ---- records ---- */

static const char *text_of_part(const struct pv_trace_record *r)
{
	static char buf[40];
	struct text t = text_of(buf, sizeof(buf));

	trace_part(&t, &view, r->part);
	return buf;
}

static const char *text_of_time(const struct pv_trace_record *r)
{
	static char buf[40];
	struct text t = text_of(buf, sizeof(buf));

	trace_time(&t, &view, r->tsc);
	return buf;
}

static bool has_result(const struct pv_trace_record *r)
{
	return r->kind == PV_RECORD_CALL &&
	       !(r->flags & (PV_RECORD_WAITS | PV_RECORD_RESUMES));
}

static const char *text_of_status(const struct pv_trace_record *r)
{
	static char buf[24];

	if (r->kind != PV_RECORD_CALL)
		return "";
	if (!has_result(r))
		return r->flags & PV_RECORD_WAITS ? "waits" : "goes on";
	if (trace_status(r->status))
		return trace_status(r->status);
	snprintf(buf, sizeof(buf), "%u", r->status);
	return buf;
}

static const char *kind_name(const struct pv_trace_record *r)
{
	static const char *const names[] = { "call", "exit", "switch" };

	return r->kind < 3 ? names[r->kind] : "?";
}

/* In quotes; a guest's name may have some itself. */
static void print_quoted(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"')
			putchar(opt.form == FORM_CSV ? '"' : '\\');
		else if (*s == '\\' && opt.form == FORM_JSON)
			putchar('\\');
		putchar(*s);
	}
	putchar('"');
}

/* Arguments in the given form of a pair, with `between`. */
static void print_args(const struct pv_trace_record *r, const char *fmt,
		       const char *between)
{
	char buf[TRACE_LINE];
	const char *name;

	for (unsigned i = 0;; i++) {
		struct text t = text_of(buf, sizeof(buf));

		if (!trace_arg(&t, r, i, &name))
			return;
		fputs(i ? between : "", stdout);
		printf(fmt, name, buf);
	}
}

static void print_json(const struct pv_trace_record *r)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));
	const char *name;

	printf("{\"part\": ");
	print_quoted(text_of_part(r));
	printf(", \"vcpu\": %u, \"time\": %s, \"tsc\": %llu, "
	       "\"kind\": \"%s\", \"what\": \"%s\", \"args\": {",
	       r->vcpu, text_of_time(r), (unsigned long long)r->tsc,
	       kind_name(r), trace_what(r));
	print_args(r, "\"%s\": \"%s\"", ", ");
	printf("}, \"status\": \"%s\"", text_of_status(r));
	if (has_result(r) && trace_result(&t, r, &name))
		printf(", \"%s\": \"%s\"", name, buf);
	printf(", \"batch\": %s, \"rip\": \"0x%llx\", \"ticks\": %llu}\n",
	       r->flags & PV_RECORD_BATCH ? "true" : "false",
	       (unsigned long long)r->rip, (unsigned long long)r->ticks);
}

static void print_csv(const struct pv_trace_record *r)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));
	const char *name;
	bool result = has_result(r) && trace_result(&t, r, &name);

	if (!found)
		puts("part,vcpu,time,tsc,kind,what,args,status,result,rip,"
		     "ticks");
	print_quoted(text_of_part(r));
	printf(",%u,%s,%llu,%s,%s,\"", r->vcpu, text_of_time(r),
	       (unsigned long long)r->tsc, kind_name(r), trace_what(r));
	print_args(r, "%s=%s", " ");
	printf("\",%s,%s,0x%llx,%llu\n", text_of_status(r), result ? buf : "",
	       (unsigned long long)r->rip, (unsigned long long)r->ticks);
}

static void print_text(const struct pv_trace_record *r)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));

	trace_line(&t, &view, r);
	puts(buf);
}

static void print(const struct pv_trace_record *r)
{
	static void (*const forms[])(const struct pv_trace_record *) = {
		[FORM_TEXT] = print_text,
		[FORM_JSON] = print_json,
		[FORM_CSV] = print_csv,
	};

	if ((opt.part && strcmp(opt.part, text_of_part(r))) ||
	    (opt.call && strcmp(opt.call, trace_what(r))))
		return;
	forms[opt.form](r);
	found++;
}

/* A call that waits is printed when it returns; at its partition's or the
 * trace's end, if it does not. */
static void record(const struct pv_trace_record *r)
{
	if (trace_open_note(&waiting, r))
		print(r);
}

static void record_rest(unsigned part)
{
	struct pv_trace_record r;

	while (trace_open_take(&waiting, part, &r))
		print(&r);
}

/* ---- a console log ---- */

static void line(const char *s, size_t n, unsigned long number)
{
	struct trace_item item;

	switch (trace_raw_parse(s, n, &item)) {
	case TRACE_BAD:
		fprintf(stderr, "pvtrace: %s:%lu: %s\n", opt.file, number,
			item.why);
		bad++;
		break;
	case TRACE_TIME:
		view.base = item.a;
		view.tsc_khz = item.b;
		break;
	case TRACE_PART:
		memcpy(view.name[item.a], item.name, sizeof(item.name));
		break;
	case TRACE_END:
		record_rest((unsigned)item.a);
		break;
	case TRACE_LOST:
		lost += item.a;
		break;
	case TRACE_REC:
		record(&item.rec);
		break;
	case TRACE_OTHER:
		break;
	}
}

static void read_log(const char *s, size_t size)
{
	unsigned long number = 1;

	for (size_t at = 0, n; at < size; at += n + 1, number++) {
		const char *end = memchr(s + at, '\n', size - at);

		n = end ? (size_t)(end - (s + at)) : size - at;
		line(s + at, n, number);
	}
}

/* ---- images of rings ---- */

static int earlier(const void *a, const void *b)
{
	const struct pv_trace_record *x = a, *y = b;
	uint64_t p = x->tsc + x->ticks, q = y->tsc + y->ticks;

	return p < q ? -1 : p > q;
}

static void read_rings(const char *s, size_t size)
{
	size_t rings = size / sizeof(struct pv_trace_ring), n = 0;
	struct pv_trace_record *all;

	if (size % sizeof(struct pv_trace_ring))
		fail("%s: not a whole number of rings", opt.file);
	all = calloc(rings * PV_TRACE_RECORDS, sizeof(*all));
	if (!all)
		fail("no memory");
	for (size_t i = 0; i < rings; i++) {
		const struct pv_trace_ring *r =
			(const void *)(s + i * sizeof(*r));

		if (r->magic != PV_TRACE_MAGIC ||
		    r->records != PV_TRACE_RECORDS)
			fail("%s: ring %zu is none of this version", opt.file,
			     i);
		view.tsc_khz = r->tsc_khz;
		lost += r->head > PV_TRACE_RECORDS ?
				r->head - PV_TRACE_RECORDS :
				0;
		for (unsigned k = 0; k < PV_TRACE_RECORDS; k++)
			if (r->record[k].seq)
				all[n++] = r->record[k];
	}
	qsort(all, n, sizeof(*all), earlier);
	view.base = n ? all[0].tsc : 0;
	for (size_t i = 0; i < n; i++)
		record(&all[i]);
	free(all);
}

/* ---- the whole ---- */

static char *file_read(const char *name, size_t *size)
{
	FILE *f = fopen(name, "rb");
	size_t room = 0, n = 1;
	char *s = NULL;

	if (!f)
		fail("%s: %s", name, strerror(errno));
	for (*size = 0; n; *size += n) {
		if (*size == room) {
			char *more = realloc(s, room += CHUNK);

			if (!more)
				fail("no memory");
			s = more;
		}
		n = fread(s + *size, 1, room - *size, f);
	}
	if (ferror(f))
		fail("%s: it cannot be read", name);
	fclose(f);
	return s;
}

static void options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (!strcmp(argv[i], "--json")) {
			opt.form = FORM_JSON;
		} else if (!strcmp(argv[i], "--csv")) {
			opt.form = FORM_CSV;
		} else if (!strcmp(argv[i], "--part") && more) {
			opt.part = argv[++i];
		} else if (!strcmp(argv[i], "--call") && more) {
			opt.call = argv[++i];
		} else if (*argv[i] != '-' && !opt.file) {
			opt.file = argv[i];
		} else {
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (!opt.file) {
		fputs(usage, stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const uint64_t magic = PV_TRACE_MAGIC;
	size_t size;
	char *s;

	options(argc, argv);
	s = file_read(opt.file, &size);
	if (size >= sizeof(magic) && !memcmp(s, &magic, sizeof(magic)))
		read_rings(s, size);
	else
		read_log(s, size);
	record_rest(TRACE_PARTS);
	free(s);
	if (lost)
		fprintf(stderr, "pvtrace: %llu records were lost\n",
			(unsigned long long)lost);
	if (!found && !bad)
		fail("%s: no record%s", opt.file,
		     opt.part || opt.call ? " of that kind" : "s in it");
	return bad ? 1 : 0;
}
