/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages while UEFI's boot services are there. */
#include "boot/boot.h"
#include "boot/machine.h"
#include "lib/log.h"

#define LINE_LEN 256
#define FAIL_STATUS 97u
#define FAIL_WAIT_US 5000000

static bool console_is_serial;

/* A device path with a UART in it: a serial terminal is one of its ends. */
static bool path_has_uart(EFI_DEVICE_PATH *p)
{
	for (u32 i = 0; p && i < 64; i++) {
		u32 len = p->Length[0] | (u32)p->Length[1] << 8;

		if (p->Type == 0x7F || len < 4)
			return false;
		if (p->Type == MESSAGING_DEVICE_PATH &&
		    p->SubType == MSG_UART_DP)
			return true;
		p = (EFI_DEVICE_PATH *)((u8 *)p + len);
	}
	return false;
}

void say_init(void)
{
	EFI_GUID text = EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL_GUID;
	EFI_GUID path = EFI_DEVICE_PATH_PROTOCOL_GUID;
	EFI_HANDLE *h = NULL;
	UINTN n = 0;
	void *p;

	if (!boot_bs->LocateHandleBuffer(ByProtocol, &text, NULL, &n, &h)) {
		for (UINTN i = 0; i < n; i++)
			if (!boot_bs->HandleProtocol(h[i], &path, &p))
				console_is_serial |= path_has_uart(p);
		boot_bs->FreePool(h);
	}
	if (!console_is_serial)
		uart_init();
}

static void say_text(const char *s)
{
	CHAR16 wide[2 * LINE_LEN];
	u32 n = 0, len = 0;

	for (; s[len] && n < 2 * LINE_LEN - 3; len++) {
		if (s[len] == '\n')
			wide[n++] = '\r';
		wide[n++] = (u8)s[len];
	}
	wide[n] = 0;
	if (boot_st->ConOut)
		boot_st->ConOut->OutputString(boot_st->ConOut, wide);
	if (log_sink)
		log_sink(s, len, true);
}

static void say_args(const char *fmt, __builtin_va_list ap)
{
	char line[LINE_LEN];

	fmt_vbuf(line, sizeof(line), fmt, ap);
	say_text(line);
}

void say(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	say_args(fmt, ap);
	__builtin_va_end(ap);
}

noreturn_fn void boot_fail(const char *fmt, ...)
{
	__builtin_va_list ap;

	say("parley: cannot start: ");
	__builtin_va_start(ap, fmt);
	say_args(fmt, ap);
	__builtin_va_end(ap);
	say("\nparley: power off, status %u\n", FAIL_STATUS);
	boot_bs->Stall(FAIL_WAIT_US);
	boot_st->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_ABORTED, 0,
					      NULL);
	for (;;)
		__asm__ volatile("cli; hlt");
}
