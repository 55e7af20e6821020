/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of ISO C <stdio.h> that a console needs; no floating point. The
 * console is the only file: stdout and stderr are both it, and fopen finds none.
 */
#ifndef LIBC_STDIO_H
#define LIBC_STDIO_H

#include <stdarg.h>
#include <stddef.h>

#define EOF (-1)

typedef struct libc_file FILE;
extern FILE *const stdout, *const stderr;

int printf(const char *fmt, ...) __attribute__((format(__printf__, 1, 2)));
int vprintf(const char *fmt, va_list ap)
	__attribute__((format(__printf__, 1, 0)));
int snprintf(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(__printf__, 3, 4)));
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(__printf__, 3, 0)));
int sprintf(char *buf, const char *fmt, ...)
	__attribute__((format(__printf__, 2, 3)));
int puts(const char *s);
int putchar(int c);
int getchar(void); /* waits for a key */

int fprintf(FILE *f, const char *fmt, ...)
	__attribute__((format(__printf__, 2, 3)));
int vfprintf(FILE *f, const char *fmt, va_list ap)
	__attribute__((format(__printf__, 2, 0)));
int fputs(const char *s, FILE *f);
int fputc(int c, FILE *f);
size_t fwrite(const void *p, size_t size, size_t n, FILE *f);
int fflush(FILE *f);
FILE *fopen(const char *path, const char *mode); /* NULL, ENOENT */
int fclose(FILE *f);

#endif
