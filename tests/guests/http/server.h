/* SPDX-License-Identifier: BSD-2-Clause */
/* An HTTP/1.0 server (RFC 1945) of files: GET and HEAD, one request each. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "files.h"

/* Listens on every address; false: no memory, or the port is taken. */
bool server_start(const struct files *f, uint16_t port);

#endif
