/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's stdio: what is printed, to whichever file, is on the console. */
/* TEST-SRC: guestkit/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/console.h"

/* The source once more, under names of its own. */
#undef stdout
#undef stderr
#define FILE kit_FILE
#define stdout kit_stdout
#define stderr kit_stderr
#define printf kit_test_printf
#define vprintf kit_test_vprintf
#define snprintf kit_test_snprintf
#define vsnprintf kit_test_vsnprintf
#define sprintf kit_test_sprintf
#define puts kit_test_puts
#define putchar kit_test_putchar
#define getchar kit_test_getchar
#define fprintf kit_test_fprintf
#define vfprintf kit_test_vfprintf
#define fputs kit_test_fputs
#define fputc kit_test_fputc
#define fwrite kit_test_fwrite
#define fflush kit_test_fflush
#define fopen kit_test_fopen
#define fclose kit_test_fclose
#undef EOF
#include "guestkit/libc/include/stdio.h"
#include "guestkit/libc/stdio.c"

static char shown[1024];
static size_t shown_n;

void kit_write(const void *buf, size_t n)
{
	assert_true(shown_n + n < sizeof(shown));
	memcpy(shown + shown_n, buf, n);
	shown_n += n;
}

size_t kit_read(void *buf, size_t n)
{
	(void)n;
	*(char *)buf = 'k';
	return 1;
}

static int forget(void **state)
{
	(void)state;
	memset(shown, 0, sizeof(shown));
	shown_n = 0;
	return 0;
}

static void one_console(void **state)
{
	(void)state;
	assert_int_equal(printf("%d", 12), 2);
	assert_int_equal(fprintf(stdout, "%s-", "ab"), 3);
	assert_int_equal(fprintf(stderr, "%x", 255), 2);
	assert_true(fputs("|x|", stderr) >= 0);
	assert_int_equal(fputc('y', stdout), 'y');
	assert_int_equal(puts("z"), 2);
	assert_string_equal(shown, "12ab-ff|x|yz\n");
}

static void pieces(void **state)
{
	(void)state;
	assert_int_equal(fwrite("abcdefgh", 2, 3, stdout), 3);
	assert_int_equal(fwrite("abcdefgh", 2, 0, stdout), 0);
	assert_int_equal(fflush(stdout), 0);
	assert_int_equal(shown_n, 6);
	assert_memory_equal(shown, "abcdef", 6);
}

/* Longer than the buffer on the stack. */
static void long_line(void **state)
{
	char text[700];

	(void)state;
	memset(text, 'q', sizeof(text));
	text[sizeof(text) - 1] = 0;
	assert_int_equal(fprintf(stderr, "%s!", text), sizeof(text));
	assert_int_equal(shown_n, sizeof(text));
	assert_memory_equal(shown, text, sizeof(text) - 1);
	assert_int_equal(shown[sizeof(text) - 1], '!');
}

static void no_files(void **state)
{
	(void)state;
	errno = 0;
	assert_null(fopen("/etc/passwd", "r"));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(fclose(stdout), 0);
	assert_int_equal(getchar(), 'k');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_console, forget),
		cmocka_unit_test_setup(pieces, forget),
		cmocka_unit_test_setup(long_line, forget),
		cmocka_unit_test_setup(no_files, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
