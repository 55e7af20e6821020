/* SPDX-License-Identifier: BSD-2-Clause */
/* The host partition's program: starts everything, then serves until all
 * guests have ended. It sleeps whenever nothing is pending. */
#include <string.h>

#include "capture.h"
#include "console.h"
#include "control.h"
#include "count.h"
#include "crash.h"
#include "disks.h"
#include "folders.h"
#include "guard.h"
#include "guest.h"
#include "host.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "nets.h"
#include "operate.h"
#include "shell.h"
#include "tracer.h"
#include "vconsole.h"
#include "vdevs.h"

#define CONFIG_FILE "parley.cfg"

static uint64_t outbox;	 /* an event to send before sleeping, 0: none */
static uint64_t wake_at; /* 0: no time */
static bool again;
static bool operator_due;

static void outbox_send(void)
{
	if (outbox)
		pv_event_send(outbox);
	outbox = 0;
}

void host_send(uint64_t event)
{
	if (outbox != event)
		outbox_send();
	outbox = event;
}

void host_again(void) { again = true; }

/* What comes amid a wait behind the look must not sleep. */
void host_operator_look(void)
{
	operator_due = true;
	again = true;
}

void host_wake_at(uint64_t ns)
{
	if (ns && (!wake_at || ns < wake_at))
		wake_at = ns;
}

static bool is_pending(void)
{
	const struct pv_vcpu_page *p = kit_ptr(PV_VCPU_PAGE(0));

	return __atomic_load_n(&p->pending, __ATOMIC_ACQUIRE);
}

/* Both calls return at once when something is pending already. */
static void sleep(uint64_t until_ns)
{
	uint64_t tsc = until_ns ? kit_tsc_of_ns(until_ns) : 0;
	uint64_t event = outbox;

	outbox = 0;
	if (event)
		pv_event_send_wait(event, tsc);
	else if (!is_pending())
		pv_vcpu_wait(tsc);
}

void host_wait(uint64_t until_ns)
{
	if (!is_pending())
		sleep(until_ns);
	kit_event_scan();
}

void host_must(uint64_t status, const char *what)
{
	if (status)
		kit_panic("%s: %s", what, kit_status_name(status));
}

const void *host_file(const char *name, size_t *size)
{
	const struct pv_module *m = kit_module(name);

	if (!m)
		return NULL;
	*size = (size_t)m->size;
	return kit_ptr(m->start);
}

/* What the hypervisor's UART has shown comes first, and a NUL behind it. */
static bool log_is_old = true;

static void log_take(const char *text, size_t n)
{
	const char *end = memchr(text, 0, n);

	if (!log_is_old) {
		console_log(text, n);
		return;
	}
	console_log_old(text, end ? (size_t)(end - text) : n);
	if (!end)
		return;
	log_is_old = false;
	console_log(end + 1, n - (size_t)(end + 1 - text));
}

void host_log_drain(void)
{
	static char text[4096] __attribute__((aligned(4096)));
	uint64_t n;

	do {
		if (pv_log_read(kit_info()->self, kit_gpa(text), sizeof(text),
				&n))
			return;
		log_take(text, n);
	} while (n);
	log_is_old = false;
}

_Noreturn void host_off(unsigned status)
{
	control_end(status);
	shell_end();
	host_log_drain();
	capture_end();
	console_flush();
	pv_machine_off(kit_info()->self, status);
	kit_panic("the machine does not switch off");
}

static void log_event(void *arg)
{
	(void)arg;
	host_log_drain();
}

static const struct config *config_read(void)
{
	static struct config c;
	static char err[200];
	size_t size = 0;
	const char *text = host_file(CONFIG_FILE, &size);

	if (!text) {
		kit_printf("host: there is no \\parley\\%s\n", CONFIG_FILE);
		host_off(2);
	}
	if (!config_parse(&c, CONFIG_FILE, text, size, err, sizeof(err))) {
		kit_printf("host: %s\n", err);
		host_off(2);
	}
	return &c;
}

static bool counts; /* the free memory, before the first guest and in the end */

/* No guest is left: the machine goes off, unless the operator has it. */
static void guests_gone(void)
{
	bool asked = operate_off(NULL);
	unsigned status;

	if (!asked && shell_stays())
		return;
	shell_end();
	status = guests_summary();
	operate_off(&status);
	if (counts)
		count_print();
	host_off(status);
}

static void state_changed(const struct guest *g)
{
	control_state(g);
	shell_state(g);
}

static void operator_look(void)
{
	operator_due = false;
	control_run();
	shell_run();
}

static _Noreturn void serve(void)
{
	for (;;) {
		kit_event_scan();
		wake_at = 0;
		again = false;
		vdevs_run();
		vconsoles_run();
		nets_run();
		if (operator_due || shell_repeats)
			operator_look();
		if (guests_run())
			guests_gone();
		disks_check();
		nets_check();
		conlogs_run();
		folders_check();
		tracer_run();
		console_pump();
		control_pump();
		capture_pump();
		if (again || is_pending())
			outbox_send();
		else
			sleep(wake_at);
	}
}

int kit_main(const char *cmdline)
{
	const struct config *c;
	const char *wrong;

	(void)cmdline;
	kit_irq_off();
	kit_upcall_mask();
	host_env_init();
	guard_init();
	console_init();
	kit_event_register(HOST_PORT_LOG, log_event, NULL);
	host_log_drain();
	kit_printf("host: the host partition runs, %lu MiB free\n",
		   (unsigned long)(kit_pages_left() >> 8));
	c = config_read();
	console_screen(c);
	crash_init(c);
	disks_init(c);
	if (kit_info()->restarts)
		kit_printf("host: started anew, for the %u. time\n",
			   kit_info()->restarts);
	if (c->selftest && !kit_info()->restarts)
		selftest_run(); /* it gives network cards away */
	else
		nets_init(c);
	counts = c->count;
	if (counts && !kit_info()->restarts)
		count_print();
	capture_init(c);
	wrong = tracer_init(c);
	if (wrong) {
		kit_printf("host: no trace rings: %s\n", wrong);
		host_off(2);
	}
	if (!guests_init(c)) {
		kit_printf("host: no memory for the guests\n");
		host_off(2);
	}
	guests_on_state(state_changed);
	control_init(c);
	shell_init(c);
	serve();
}
