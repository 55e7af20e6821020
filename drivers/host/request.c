/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests in JSON: reading, running, answering. */
#include "request.h"

#include <string.h>

#include "commands.h"
#include "json.h"

#define ID_MAX 40u /* bytes, as it is written */

static struct json json;
static char words[REQUEST_MAX + COMMAND_WORDS]; /* each with its NUL */

struct answer {
	struct out out; /* first: it is found by it */
	void (*put)(const char *text, size_t n);
	const char *id; /* null where there is none */
	size_t id_len;
	bool begun;
};

static void raw(struct answer *a, const char *text)
{
	a->put(text, strlen(text));
}

static void begin(struct answer *a, const char *how)
{
	raw(a, "{\"id\":");
	a->put(a->id, a->id_len);
	raw(a, how);
	a->begun = true;
}

/* The first that a command puts out says that it goes well. */
static void put_result(struct out *o, const char *text, size_t n)
{
	struct answer *a = (struct answer *)o;

	if (!a->begun)
		begin(a, ",\"ok\":true,\"result\":");
	a->put(text, n);
}

static void put_error(struct out *o, const char *text, size_t n)
{
	((struct answer *)o)->put(text, n);
}

static void refuse(struct answer *a, const char *why)
{
	a->out.put = put_error;
	begin(a, ",\"ok\":false,\"error\":");
	out_quoted(&a->out, why, strlen(why));
}

/* A number or a string, which comes back as it was written. */
static const char *id_get(struct answer *a)
{
	int at = json_member(&json, 0, "id");
	const struct json_node *n = &json.node[at < 0 ? 0 : at];
	unsigned quotes = n->kind == JSON_STRING;

	if (at < 0)
		return NULL;
	if ((!quotes && n->kind != JSON_NUMBER) || n->len > ID_MAX)
		return "id is a number or a string, of 40 bytes at most";
	a->id = json.text + n->start - quotes;
	a->id_len = n->len + 2 * quotes;
	return NULL;
}

/* The value as a word: a string's text, a number as it is written. */
static bool word_get(unsigned at, char *to, size_t size)
{
	const struct json_node *n = &json.node[at];

	if (n->kind != JSON_NUMBER)
		return json_string(&json, at, to, size);
	memcpy(to, json.text + n->start, n->len);
	to[n->len] = 0;
	return true;
}

static const char *args_get(char **argv, unsigned *argc)
{
	int cmd = json_member(&json, 0, "cmd");
	int args = json_member(&json, 0, "args");
	char *to = words, *end = words + sizeof(words);

	if (cmd < 0 || json.node[cmd].kind != JSON_STRING ||
	    !word_get((unsigned)cmd, to, (size_t)(end - to)))
		return "cmd is the name of a command";
	argv[(*argc)++] = to;
	if (args < 0)
		return NULL;
	if (json.node[args].kind != JSON_ARRAY)
		return "args is an array";
	for (unsigned i = (unsigned)args + 1; i < json.node[args].end; i++) {
		to += strlen(to) + 1;
		if (*argc == COMMAND_WORDS)
			return "too many args";
		if (!word_get(i, to, (size_t)(end - to)))
			return "args are strings or numbers";
		argv[(*argc)++] = to;
	}
	return NULL;
}

static const char *run(struct answer *a, const char *line, size_t n)
{
	char *argv[COMMAND_WORDS];
	unsigned argc = 0;
	const char *wrong = json_parse(&json, line, n);

	if (wrong)
		return commands_fail("this is no JSON", wrong);
	if (json.node[0].kind != JSON_OBJECT)
		return "a request is an object";
	wrong = id_get(a);
	if (!wrong)
		wrong = args_get(argv, &argc);
	return wrong ? wrong : commands_run(&a->out, argc, argv);
}

static struct answer answer_of(void (*put)(const char *text, size_t n))
{
	return (struct answer){ .out = { .put = put_result, .json = true },
				.put = put,
				.id = "null",
				.id_len = 4 };
}

void request_run(const char *line, size_t n,
		 void (*put)(const char *text, size_t n))
{
	struct answer a = answer_of(put);
	const char *wrong = run(&a, line, n);

	if (wrong)
		refuse(&a, wrong);
	raw(&a, "}\n");
}

void request_too_long(void (*put)(const char *text, size_t n))
{
	struct answer a = answer_of(put);

	refuse(&a, "the line is too long");
	raw(&a, "}\n");
}
