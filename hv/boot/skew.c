/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One clock on all CPUs: by how much a started CPU's TSC differs from the boot
 * CPU's, and its correction.
 *
 * The two pass a number to and fro through one cache line. What the other CPU
 * reads lies between what the boot CPU reads before and after: the round that
 * took least time says most, and is wrong by half of that time at most.
 */
#include "boot/skew.h"
#include "lib/x86.h"

#define ROUNDS 200u
#define MSR_TSC 0x10
#define MSR_TSC_ADJUST 0x3B
enum { ASK_TSC = 1, ASK_MOVE, ASK_END };

/* One line; what is asked is written last, and what is answered, too. */
static struct {
	u64 tsc; /* the answer; or by how much to move */
	u32 asked, answered;
	u32 what;
} aligned_to(64) line;

void skew_sample(struct skew *s, u64 sent, u64 there, u64 back)
{
	u64 half = (back - sent) / 2;

	if (s->samples++ && half >= s->error)
		return;
	s->error = half;
	s->off = (s64)(there - sent - half);
}

bool skew_found(const struct skew *s)
{
	u64 off = s->off < 0 ? -(u64)s->off : (u64)s->off;

	return off > s->error;
}

/* Nothing before it is read later, nothing behind it earlier. */
static u64 tsc_now(void)
{
	u64 t;

	__asm__ volatile("lfence" ::: "memory");
	t = rdtsc();
	__asm__ volatile("lfence" ::: "memory");
	return t;
}

static void ask(u32 what)
{
	u32 n = line.asked + 1;

	line.what = what;
	store_release(&line.asked, n);
	while (load_acquire(&line.answered) != n)
		cpu_relax();
}

struct skew skew_measure(void)
{
	struct skew s = { 0 };

	for (u32 i = 0; i < ROUNDS; i++) {
		u64 sent = tsc_now();

		ask(ASK_TSC);
		skew_sample(&s, sent, line.tsc, tsc_now());
	}
	return s;
}

void skew_correct(const struct skew *s)
{
	line.tsc = -(u64)s->off;
	ask(ASK_MOVE);
}

void skew_end(void) { ask(ASK_END); }

/* By the MSR that moves the TSC exactly, where there is one (SDM Vol. 3B,
 * 18.17.3). */
static void tsc_move(u64 by)
{
	bool adjust = cpuid(0, 0).a >= 7 && cpuid(7, 0).b >> 1 & 1;

	if (adjust)
		wrmsr(MSR_TSC_ADJUST, rdmsr(MSR_TSC_ADJUST) + by);
	else
		wrmsr(MSR_TSC, rdtsc() + by);
}

void skew_answer(void)
{
	u32 n = load_acquire(&line.answered), what;

	do {
		while (load_acquire(&line.asked) == n)
			cpu_relax();
		n++;
		what = line.what;
		if (what == ASK_TSC)
			line.tsc = tsc_now();
		else if (what == ASK_MOVE)
			tsc_move(line.tsc);
		store_release(&line.answered, n);
	} while (what != ASK_END);
}
