/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests that share, borrow, give back and use pages at random, on both back
 * ends: no CPU of the model uses a stale translation. Then the same with one
 * step left out, which the model must notice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/sim.h"

#define ROUNDS 150 /* for a fault: four times as many at most */
#define BYTES 3000

static const char *const names[FAULT_COUNT] = {
	[FAULT_NONE] = "complete",
	[FAULT_SHOOTDOWN] = "without the shoot-down",
	[FAULT_FLUSH] = "without the back end's flush",
	[FAULT_IPI] = "without the interrupt to other CPUs",
	[FAULT_TAG_WRAP] = "without the flush of all tags",
	[FAULT_RETIRED] = "without the wait for what was retired",
	[FAULT_FIRST] = "without the flush at the first load",
	[FAULT_LINEAR] = "without the flush of linear translations",
	[FAULT_LOG] = "without the flush of a log's pages",
};

static u64 random_next(void)
{
	static u64 x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* Bytes that choose what likely_call and touch_all are about. */
static void input_make(u8 *data)
{
	for (u32 i = 0; i < BYTES; i++)
		data[i] = (u8)random_next();
	for (u32 i = 0; i + 3 < BYTES; i += 3)
		if (random_next() & 7)
			data[i] = (data[i] & 0xf0) | (4 + random_next() % 6);
}

static int judge(bool vmx)
{
	bool bad = tlb_fault ? !tlb_stale : tlb_stale || tlb_checks < 10000;
	const char *name = vmx ? "vmx" : "svm";

	if (bad)
		printf("FAIL tlb %s %s: %lu of %lu accesses were stale\n", name,
		       names[tlb_fault], (unsigned long)tlb_stale,
		       (unsigned long)tlb_checks);
	else
		printf("PASS tlb %s %s\n", name, names[tlb_fault]);
	fflush(stdout);
	return bad;
}

static int run(bool vmx)
{
	static u8 data[BYTES];
	int bad = 0;

	tlb_count_only = true;
	sim_start(vmx, world_make);
	for (tlb_fault = 0; tlb_fault < FAULT_COUNT; tlb_fault++) {
		if (tlb_fault == FAULT_FIRST && !vmx)
			continue;
		tlb_checks = tlb_stale = 0;
		for (u32 i = 0; i < (tlb_fault ? 4 : 1) * ROUNDS; i++) {
			input_make(data);
			guest_input(data, BYTES);
			sim_run();
			if (tlb_fault && tlb_stale)
				break;
		}
		bad |= judge(vmx);
	}
	return bad;
}

int main(void)
{
	int bad = 0, status;

	for (int vmx = 0; vmx < 2; vmx++) {
		fflush(stdout);
		if (!fork())
			exit(run(vmx));
		wait(&status);
		bad |= status;
		if (!WIFEXITED(status))
			printf("FAIL tlb %s: ended by a finding\n",
			       vmx ? "vmx" : "svm");
	}
	return bad != 0;
}
