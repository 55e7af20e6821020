/* SPDX-License-Identifier: BSD-2-Clause */
/* printf and its family over the kit's formatter and console. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/console.h"

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	return kit_vformat(buf, size, fmt, ap);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int sprintf(char *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, (size_t)-1, fmt, ap);
	va_end(ap);
	return n;
}

/* What does not fit the buffer is formatted again into memory of its size. */
int vprintf(const char *fmt, va_list ap)
{
	char small[256], *big;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if ((size_t)n < sizeof(small)) {
		kit_write(small, n);
	} else if ((big = malloc((size_t)n + 1))) {
		vsnprintf(big, (size_t)n + 1, fmt, again);
		kit_write(big, n);
		free(big);
	} else {
		n = -1;
	}
	va_end(again);
	return n;
}

int printf(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vprintf(fmt, ap);
	va_end(ap);
	return n;
}

int puts(const char *s) { return printf("%s\n", s); }

int putchar(int c)
{
	char ch = (char)c;

	kit_write(&ch, 1);
	return (unsigned char)c;
}

int getchar(void)
{
	unsigned char c;

	return kit_read(&c, 1) ? c : EOF;
}

/* ---- the console as a file ---- */

struct libc_file {
	char unused;
};

static struct libc_file console;
FILE *const stdout = &console, *const stderr = &console;

int vfprintf(FILE *f, const char *fmt, va_list ap)
{
	(void)f;
	return vprintf(fmt, ap);
}

int fprintf(FILE *f, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vfprintf(f, fmt, ap);
	va_end(ap);
	return n;
}

size_t fwrite(const void *p, size_t size, size_t n, FILE *f)
{
	(void)f;
	kit_write(p, size * n);
	return n;
}

int fputs(const char *s, FILE *f)
{
	(void)f;
	kit_write(s, strlen(s));
	return 0;
}

int fputc(int c, FILE *f)
{
	(void)f;
	return putchar(c);
}

int fflush(FILE *f)
{
	(void)f;
	return 0;
}

FILE *fopen(const char *path, const char *mode)
{
	(void)path;
	(void)mode;
	errno = ENOENT;
	return NULL;
}

int fclose(FILE *f)
{
	(void)f;
	return 0;
}
