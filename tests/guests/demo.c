/* SPDX-License-Identifier: BSD-2-Clause */
/* The demonstration: time, a second vCPU, vector state (USES_FPU), a disk. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "kit/block.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/wait.h"

#define FILE_SIZE 0x100000u
#define STEP 16384u

/* ---- time ---- */

static uint32_t ticks;

static void tick(void *arg)
{
	(void)arg;
	ticks++;
}

static void time_check(void)
{
	uint64_t from = kit_time_ns(), took;

	kit_sleep_ns(20 * KIT_MS);
	took = kit_time_ns() - from;
	check(took >= 20 * KIT_MS && took < 5 * KIT_SECOND, "sleep",
	      "20 ms took %llu us", (unsigned long long)took / 1000);
	kit_timer_set(kit_time_ns() + 5 * KIT_MS, tick, NULL);
	kit_wait_until(ticks, kit_time_ns() + KIT_SECOND);
	check(ticks == 1, "timer", "it fired %u times", ticks);
}

/* ---- vector state ---- */

/* Fills the registers, lets others run, and counts what came back wrong. The
 * kit and its handlers use no vector register. */
static unsigned vectors_differ(uint64_t seed)
{
	uint64_t in[32], out[32];
	unsigned i, bad = 0;

	for (i = 0; i < 32; i++)
		in[i] = rand_next(&seed);
#define LOAD(n) "movdqu " #n "*16(%0), %%xmm" #n "\n\t"
#define STORE(n) "movdqu %%xmm" #n ", " #n "*16(%0)\n\t"
	__asm__ volatile(LOAD(0) LOAD(1) LOAD(2) LOAD(3) LOAD(4) LOAD(5) LOAD(6)
				 LOAD(7) LOAD(8) LOAD(9) LOAD(10) LOAD(11)
					 LOAD(12) LOAD(13) LOAD(14)
						 LOAD(15)::"r"(in)
			 : "memory");
	kit_sleep_ns(2 * KIT_MS);
	__asm__ volatile(STORE(0) STORE(1) STORE(2) STORE(3) STORE(4) STORE(5)
				 STORE(6) STORE(7) STORE(8) STORE(9) STORE(10)
					 STORE(11) STORE(12) STORE(13) STORE(14)
						 STORE(15)::"r"(out)
			 : "memory");
	for (i = 0; i < 32; i++)
		bad += in[i] != out[i];
	return bad;
}

static void vector_check(const char *name)
{
	uint64_t seed = 0x1234567 + kit_profile() * 77 + kit_vcpu_id();
	unsigned bad = 0, i;
	volatile double sum = 0;

	for (i = 0; i < 8; i++) {
		bad += vectors_differ(rand_next(&seed));
		sum += 1.0 / (1 << i);
	}
	check(!bad && sum == 1.9921875, name, "%u words changed", bad);
}

/* ---- the second vCPU ---- */

static uint32_t second_ran, second_told;

static void told(void *arg)
{
	(void)arg;
	second_told = 1;
}

static void second(void *arg)
{
	(void)arg;
	second_ran = kit_vcpu_id();
	vector_check("vectors-second");
	kit_ipi(0, 1);
}

static void second_check(void)
{
	uint64_t st;

	kit_ipi_register(1, told, NULL);
	st = kit_vcpu_start(1, second, NULL);
	if (!st)
		kit_wait_until(second_told, kit_time_ns() + 10 * KIT_SECOND);
	check(!st && second_ran == 1 && second_told, "second-vcpu",
	      "status %llu, ran %u, told %u", (unsigned long long)st,
	      second_ran, second_told);
}

/* ---- the disk ---- */

static bool file_read(struct kit_block *b, uint32_t *crc)
{
	uint8_t *buf = kit_block_buffer(b, STEP);
	uint32_t at;

	*crc = 0;
	for (at = 0; at < FILE_SIZE; at += STEP) {
		if (!kit_block_read(b, at / KIT_SECTOR, buf, STEP))
			return false;
		*crc = crc32_add(*crc, buf, STEP);
	}
	return true;
}

static void disk_check(void)
{
	const char *why = NULL;
	struct kit_block *b;
	uint32_t want = (uint32_t)kit_option_hex("crc", 0), got = 0;
	uint64_t from = kit_time_ns();

	b = kit_block_open("data", &why);
	if (!check(b, "disk-open", "%s", why ? why : "?"))
		return;
	printf("disk `data`: %llu KiB%s\n",
	       (unsigned long long)kit_block_sectors(b) / 2,
	       kit_block_readonly(b) ? ", read-only" : "");
	if (!check(file_read(b, &got), "disk-read", "an I/O error"))
		return;
	printf("read %u KiB in %llu ms, CRC-32 %08x\n", FILE_SIZE / 1024,
	       (unsigned long long)((kit_time_ns() - from) / KIT_MS), got);
	check(got == want, "disk-crc", "got %08x, expected %08x", got, want);
}

int kit_main(const char *cmdline)
{
	char word[8];

	printf("demo: profile %s, %u vCPU(s), %llu KiB free, TSC %llu kHz\n",
	       kit_profile_name(), kit_vcpus(),
	       (unsigned long long)kit_pages_left() * 4,
	       (unsigned long long)kit_tsc_khz());
	time_check();
	vector_check("vectors");
	if (kit_vcpus() > 1)
		second_check();
	if (kit_option("crc", word, sizeof(word)))
		disk_check();
	return check_summary("demo");
}
