/* SPDX-License-Identifier: BSD-2-Clause */
/* Says in hexadecimal what was typed, byte by byte, until a `q`: then it ends
 * with the exit code `code=`. */
#include <stdio.h>

#include "kit/console.h"
#include "kit/kit.h"

int kit_main(const char *cmdline)
{
	uint8_t c = 0;

	(void)cmdline;
	printf("echo: ready\n");
	while (c != 'q') {
		kit_read(&c, 1);
		printf("echo: %02x\n", c);
	}
	return (int)kit_option_u64("code", 0);
}
