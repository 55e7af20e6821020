/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzzer's entry: an input's bytes are what all guests do, on SVM, or on
 * VMX with FUZZ_VMX set in the environment. Also says how many calls it made.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/sim.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t n);

static void say_calls(void)
{
	fprintf(stderr, "hypercalls: %lu, strings: %lu, restarts: %lu\n",
		(unsigned long)guest_calls, (unsigned long)guest_strings,
		(unsigned long)guest_restarts);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sim_start(getenv("FUZZ_VMX"), world_make);
	atexit(say_calls);
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t n)
{
	static bool ours;

	if (!ours)
		insn_init(); /* libFuzzer has taken the signals meanwhile */
	ours = true;
	guest_input(data, n);
	sim_run();
	return 0;
}
