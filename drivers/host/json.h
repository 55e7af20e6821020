/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads one JSON value (RFC 8259) into an array of nodes; pure, bounded. */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

#define JSON_NODES 64u
#define JSON_DEPTH 8u

/* A value; the members of an object are pairs of nodes, the name first. */
struct json_node {
	enum json_kind kind;
	unsigned start, len; /* of its text; a string's is without the quotes */
	unsigned end;	     /* the index behind the last node inside it */
};

struct json {
	const char *text;
	size_t size;
	unsigned nr;
	struct json_node node[JSON_NODES]; /* node 0 is the whole */
};

/* NULL, or what is wrong. The text stays the caller's, and is kept. */
const char *json_parse(struct json *j, const char *text, size_t size);

/* The node of that member of node `of`; -1: it is no object, or has none. */
int json_member(const struct json *j, unsigned of, const char *name);

/* A string, its escapes resolved, NUL-terminated. false: it is no string, does
 * not fit, or has a NUL in it. */
bool json_string(const struct json *j, unsigned of, char *out, size_t size);

#endif
