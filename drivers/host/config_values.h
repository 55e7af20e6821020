/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the parts of the configuration's parser: its state, and values. */
#ifndef HOST_CONFIG_VALUES_H
#define HOST_CONFIG_VALUES_H

#include "config.h"
#include "text.h"

struct parse {
	struct config *c;
	const char *file;
	unsigned line;
	enum {
		SECTION_NONE,
		SECTION_SKIP,
		SECTION_HOST,
		SECTION_GUEST
	} section;
	struct cfg_guest *g;
	struct text err;
};

/* All but config_size return false after having put the message into p->err. */
bool config_fail(struct parse *p, unsigned line, const char *what,
		 const char *detail);
bool config_bad(struct parse *p, const char *what, const char *detail);
bool config_size(const char *s, uint64_t *out);
bool config_set_number(struct parse *p, const char *s, uint64_t lo, uint64_t hi,
		       unsigned *out);
bool config_set_text(struct parse *p, const char *s, char *out, size_t room,
		     const char *what);
bool config_set_yes(struct parse *p, const char *s, bool *out);
bool config_set_memory(struct parse *p, char *s, uint64_t *out);
bool config_bdf(const char *s, uint16_t *out);	/* no message */
bool config_mac(const char *s, uint8_t out[6]); /* no message */
bool config_set_ip4(struct parse *p, const char *s, uint32_t *out);
bool config_name_ok(const char *s);
/* One of the words, of which NULL ends the list: its place in *out. */
bool config_set_word(struct parse *p, const char *s, const char *const *words,
		     unsigned *out);
/* Some of calls, exits, switches, with commas between: PV_TRACE_*. */
bool config_set_trace(struct parse *p, char *v, unsigned *out);

/* Keys of a guest that give it a virtio device (config_vdevs.c). */
bool config_set_disk(struct parse *p, char *v);
bool config_set_net(struct parse *p, char *v);
bool config_set_entropy(struct parse *p, char *v);
bool config_set_folder(struct parse *p, char *v);
bool config_set_console(struct parse *p, char *v);

struct key {
	const char *name;
	bool (*set)(struct parse *p, char *value);
	bool many; /* may be given more than once */
};

/* Those of [host] (config_host.c); one without a name ends them. */
extern const struct key config_host_keys[];

#endif
