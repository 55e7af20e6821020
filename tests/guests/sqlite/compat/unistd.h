/* SPDX-License-Identifier: BSD-2-Clause */
/* What speedtest1.c takes of it. */
#ifndef COMPAT_UNISTD_H
#define COMPAT_UNISTD_H

int unlink(const char *path);

#endif
