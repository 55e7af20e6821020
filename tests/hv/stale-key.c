/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory map changes after it was read: its key is stale, once. */
#include "boot/boot.h"

void boot_provoke(void)
{
	static bool done;
	EFI_PHYSICAL_ADDRESS at;

	if (!done &&
	    boot_bs->AllocatePages(AllocateAnyPages, EfiLoaderData, 3, &at))
		boot_fail("no pages for the test");
	done = true;
}
