/* SPDX-License-Identifier: BSD-2-Clause */
/* ISO C <errno.h>; one errno for the whole guest. */
#ifndef LIBC_ERRNO_H
#define LIBC_ERRNO_H

extern int errno;

#define ENOENT 2
#define EIO 5
#define EAGAIN 11
#define ENOMEM 12
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define ENOSPC 28
#define EDOM 33
#define ERANGE 34

#endif
