/* SPDX-License-Identifier: BSD-2-Clause */
/* How a guest died, for a human: registers, bytes, symbolised back trace. */
#include <string.h>

#include "guest.h"
#include "kit/console.h"
#include "text.h"

static const char *const gpr_names[16] = { "rax", "rcx", "rdx", "rbx",
					   "rsp", "rbp", "rsi", "rdi",
					   "r8 ", "r9 ", "r10", "r11",
					   "r12", "r13", "r14", "r15" };

/* "0x1234 name+0x12" from the guest's ELF file. */
static void address_add(struct text *t, const struct guest *g, uint64_t addr)
{
	size_t size;
	const void *file = host_file(g->cfg->image, &size);
	const char *name = NULL;
	uint64_t off = 0;

	text_add(t, "0x");
	text_add_hex(t, addr, 1);
	if (file)
		name = image_symbol(file, size, addr, &off);
	if (!name)
		return;
	text_add(t, " ");
	text_add(t, name);
	text_add(t, "+0x");
	text_add_hex(t, off, 1);
}

static void line(const char *text) { kit_printf("host:   %s\n", text); }

static void registers(const struct pv_partition_status *s)
{
	char buf[160];

	for (int i = 0; i < 16; i += 4) {
		struct text t = text_of(buf, sizeof(buf));

		for (int j = i; j < i + 4; j++) {
			text_add(&t, gpr_names[j]);
			text_add(&t, " ");
			text_add_hex(&t, s->gpr[j], 16);
			text_add(&t, j == i + 3 ? "" : "  ");
		}
		line(buf);
	}
}

static void control(const struct pv_partition_status *s)
{
	const struct {
		const char *name;
		uint64_t value;
	} reg[] = { { "cr0 ", s->cr0 },	    { "  cr2 ", s->cr2 },
		    { "  cr3 ", s->cr3 },   { "  cr4 ", s->cr4 },
		    { "  efer ", s->efer }, { "  rflags ", s->rflags } };
	char buf[160];
	struct text t = text_of(buf, sizeof(buf));

	for (unsigned i = 0; i < sizeof(reg) / sizeof(reg[0]); i++) {
		text_add(&t, reg[i].name);
		text_add_hex(&t, reg[i].value, 1);
	}
	line(buf);
}

static void bytes(const struct pv_partition_status *s)
{
	char buf[80];
	struct text t = text_of(buf, sizeof(buf));

	text_add(&t, "bytes at rip:");
	for (uint32_t i = 0; i < s->insn_len && i < sizeof(s->insn); i++) {
		text_add(&t, " ");
		text_add_hex(&t, s->insn[i], 2);
	}
	if (s->insn_len)
		line(buf);
}

static void trace(const struct guest *g)
{
	const struct pv_partition_status *s = &g->status;
	char buf[160];

	for (unsigned i = 0; i < PV_TRACE_DEPTH && s->trace[i]; i++) {
		struct text t = text_of(buf, sizeof(buf));

		text_add(&t, "called from ");
		/* the call is before the address that it returns to */
		address_add(&t, g, s->trace[i] - 1);
		line(buf);
	}
}

void report_death(const struct guest *g)
{
	const struct pv_partition_status *s = &g->status;
	char buf[160];
	struct text t = text_of(buf, sizeof(buf));

	kit_printf("host: report on guest %s, vCPU %u: %s\n", g->cfg->name,
		   s->vcpu, s->reason);
	text_add(&t, "rip ");
	address_add(&t, g, s->rip);
	line(buf);
	registers(s);
	control(s);
	bytes(s);
	trace(g);
}
