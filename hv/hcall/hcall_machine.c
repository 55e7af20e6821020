/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the machine: its log. */
#include "hcall/decode.h"
#include "lib/log.h"

#define LOG_CHUNK 256u

int call_log_read(struct partition *self, gpa_t buf, u64 len, u64 *taken)
{
	char chunk[LOG_CHUNK];
	int err = PV_OK;
	u64 n = 1;

	if (!gmem_ok(self, buf, len, true))
		return PV_EFAULT;
	if (log_direct)
		log_hand_over();
	for (; !err && n && *taken < len; *taken += n) {
		n = len - *taken < LOG_CHUNK ? len - *taken : LOG_CHUNK;
		n = log_read(chunk, n);
		err = gmem_write(self, gpa(buf.v + *taken), chunk, n);
	}
	return err;
}
