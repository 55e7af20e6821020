/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the machine: interrupts, the log, power. */
#include "core/device.h"
#include "hcall/decode.h"
#include "lib/log.h"

#define ISA_OURS 5u /* mask: the PIT's, and the cascade of the two PICs */
#define LOG_CHUNK 256u

int call_irq_bind(struct partition *self, u32 irq, u32 port)
{
	if (ISA_OURS >> irq & 1)
		return PV_EINVAL;
	return irq_bind_isa(self, irq, port);
}

int call_log_read(struct partition *self, gpa_t buf, u64 len, u64 *taken)
{
	char chunk[LOG_CHUNK];
	int err = PV_OK;
	u64 n = 1;

	if (!gmem_ok(self, buf, len, true))
		return PV_EFAULT;
	log_direct = false;
	for (; !err && n && *taken < len; *taken += n) {
		n = len - *taken < LOG_CHUNK ? len - *taken : LOG_CHUNK;
		n = log_read(chunk, n);
		err = gmem_write(self, gpa(buf.v + *taken), chunk, n);
	}
	return err;
}
