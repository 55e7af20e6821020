/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts what a piece of code costs, by the TSC and the hypervisor's counters. */
#include "kit/measure.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "internal.h"

#define NAMES 32u
#define PASSES 16u
#define PAGES ((PASSES * sizeof(struct kit_counts) + 4095) / 4096)
#define CALIBRATIONS 8u
#define LOOP 1024u /* iterations of 2 instructions */
#define LINE_MAX 640u

struct point {
	const char *name;
	uint32_t passes; /* also those that were not kept */
	struct kit_counts *kept;
};

static struct point points[NAMES];
static struct kit_counts now, empty; /* empty: of a pair with nothing in it */
static bool calibrated;

static void calibrate(void);

/* Bochs' RDTSC is exact only at the start of a trace, so a jump goes before. */
static inline uint64_t tsc_exact(void)
{
	uint32_t lo, hi;

	__asm__ volatile("jmp 1f; 1: rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
}

static void side_add(struct kit_side *to, const struct pv_vcpu_stats *s,
		     int sign)
{
	unsigned k;

	for (k = 0; k < PV_EXIT_KINDS; k++)
		to->exits[k] += sign * (int64_t)s->exits[k];
	to->calls += sign * (int64_t)s->calls;
	to->guest_tsc += sign * (int64_t)s->guest_tsc;
	to->vmcs += sign * (int64_t)s->vmcs_accesses;
}

/* Adds (or takes off) the counters as they stand. */
static void counters_add(struct kit_counts *c, int sign)
{
	static struct pv_vcpu_stats s;
	uint64_t host = kit_info()->host;
	unsigned v;

	for (v = 0; v < kit_vcpus(); v++) {
		if (pv_partition_stats(PV_SELF, v, kit_gpa(&s)))
			continue;
		side_add(&c->guest, &s, sign);
		if (!v)
			c->idle += sign * (int64_t)s.idle_tsc;
	}
	if (host && !pv_partition_stats(host, 0, kit_gpa(&s)))
		side_add(&c->host, &s, sign);
}

void kit_counts_begin(struct kit_counts *c)
{
	__builtin_memset(c, 0, sizeof(*c));
	counters_add(c, -1);
	c->tsc = tsc_exact();
}

void kit_counts_end(struct kit_counts *c)
{
	c->tsc = tsc_exact() - c->tsc;
	counters_add(c, 1);
}

/* ---- printing ---- */

static int side_format(char *buf, const struct kit_side *s)
{
	int n = kit_format(buf, 80, " %lld %lld %lld ", (long long)s->calls,
			   (long long)s->guest_tsc, (long long)s->vmcs);
	int at = n;
	unsigned k;

	for (k = 0; k < PV_EXIT_KINDS; k++)
		if (s->exits[k])
			n += kit_format(buf + n, 32, "%s%u:%lld",
					n > at ? "," : "", k,
					(long long)s->exits[k]);
	if (n == at)
		buf[n++] = '-';
	return n;
}

void kit_counts_print(const struct kit_count_head *h,
		      const struct kit_counts *c)
{
	static char line[LINE_MAX + 2 * PV_EXIT_KINDS * 32];
	int n = kit_format(line, LINE_MAX, "%s %s %s %u %u %u %llu %llu %lld",
			   h->kind, h->op, kit_profile_name(), h->n, h->per,
			   h->rep, (unsigned long long)h->known,
			   (unsigned long long)c->tsc, (long long)c->idle);

	n += side_format(line + n, &c->guest);
	n += side_format(line + n, &c->host);
	line[n++] = '\n';
	kit_write(line, (size_t)n);
}

/* ---- named pieces of code ---- */

static void side_less(struct kit_side *to, const struct kit_side *s)
{
	unsigned k;

	for (k = 0; k < PV_EXIT_KINDS; k++)
		to->exits[k] -= s->exits[k];
	to->calls -= s->calls;
	to->guest_tsc -= s->guest_tsc;
	to->vmcs -= s->vmcs;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void points_forget(void)
{
	unsigned i;

	for (i = 0; i < NAMES && points[i].name; i++) {
		if (points[i].kept)
			kit_pages_free(points[i].kept, PAGES);
		points[i] = (struct point){ .passes = 0 };
	}
}

/* NULL: there are too many already. */
static struct point *point_find(const char *name)
{
	unsigned i;

	for (i = 0; i < NAMES && points[i].name; i++)
		if (same(points[i].name, name))
			return &points[i];
	if (i == NAMES)
		return NULL;
	points[i].name = name;
	points[i].kept = kit_pages_alloc(PAGES);
	return &points[i];
}

/* As they are called from elsewhere: else the compiler makes shorter ones. */
#define AS_CALLED __attribute__((noipa))

AS_CALLED void kit_measure_begin(const char *name)
{
	if (!calibrated)
		calibrate();
	point_find(name);
	kit_counts_begin(&now);
}

AS_CALLED void kit_measure_end(const char *name)
{
	struct kit_counts *to;
	struct point *p;

	kit_counts_end(&now);
	p = point_find(name);
	if (!p || p->passes++ >= PASSES || !p->kept)
		return;
	to = &p->kept[p->passes - 1];
	*to = now;
	to->tsc -= empty.tsc;
	to->idle -= empty.idle;
	side_less(&to->guest, &empty.guest);
	side_less(&to->host, &empty.host);
}

/* The least of some pairs with nothing in between; their name goes again. */
static void calibrate(void)
{
	unsigned i;

	calibrated = true;
	for (i = 0; i < CALIBRATIONS; i++) {
		KIT_MEASURE_BEGIN(empty);
		KIT_MEASURE_END(empty);
		if (!i || now.tsc < empty.tsc)
			empty = now;
	}
	points_forget();
}

/* A loop of known length tells how many ticks an instruction takes. */
static void loop_print(void)
{
	KIT_MEASURE_BEGIN(loop_2049);
	__asm__ volatile("movl %0, %%ecx; 1: decl %%ecx; jnz 1b" ::"i"(LOOP)
			 : "ecx", "cc");
	KIT_MEASURE_END(loop_2049);
	kit_printf("MEASURE-LOOP %s: %u instructions took %lld ticks\n",
		   kit_profile_name(), 2 * LOOP + 1,
		   (long long)(now.tsc - empty.tsc));
}

static void point_print(const struct point *p)
{
	uint32_t i, kept = p->passes < PASSES ? p->passes : PASSES;

	for (i = 0; p->kept && i < kept; i++)
		kit_counts_print(&(struct kit_count_head){ "MEASURE", p->name,
							   1, 1, i, 0 },
				 &p->kept[i]);
}

void kit_measure_report(void)
{
	unsigned i;

	loop_print();
	for (i = 0; i < NAMES && points[i].name; i++)
		point_print(&points[i]);
	points_forget();
}
