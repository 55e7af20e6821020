/* SPDX-License-Identifier: BSD-2-Clause */
/* A client of HTTP/1.0, and of ICMP echo (RFC 792). */
#include <stdlib.h>
#include <string.h>

#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/ip4.h"
#include "lwip/raw.h"
#include "lwip/tcp.h"

#include "client.h"
#include "check.h"

#define PING_ID 0x5059
#define PING_DATA 32u

/* ---- HTTP ---- */

static void fetch_end(struct fetch *f, const char *why)
{
	f->done = true;
	f->ok = !why;
	f->why = why;
}

/* Takes the header off, which ends with a blank line. */
static const uint8_t *head_take(struct fetch *f, const uint8_t *p,
				const uint8_t *end)
{
	static const char blank[] = "\r\n\r\n";

	for (; p < end && f->head_seen < 4; p++) {
		if (f->line_n < sizeof(f->line) - 1)
			f->line[f->line_n++] = (char)*p;
		f->head_seen = *p == blank[f->head_seen] ? f->head_seen + 1 :
							   *p == '\r';
	}
	if (f->head_seen == 4 && !f->status && f->line_n > 12)
		f->status = atoi(f->line + 9);
	return p;
}

static void fetch_take(struct fetch *f, const uint8_t *data, unsigned n)
{
	const uint8_t *p = head_take(f, data, data + n);

	n -= (unsigned)(p - data);
	f->crc = crc32_add(f->crc, p, n);
	f->bytes += n;
}

static err_t fetch_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p,
			    err_t err)
{
	struct fetch *f = arg;

	(void)err;
	if (!p) {
		fetch_end(f, f->status == 200 ? NULL : "the answer is not 200");
		tcp_arg(pcb, NULL);
		tcp_err(pcb, NULL);
		tcp_recv(pcb, NULL);
		return tcp_close(pcb);
	}
	for (struct pbuf *q = p; q; q = q->next)
		fetch_take(f, q->payload, q->len);
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

static void fetch_lost(void *arg, err_t err)
{
	(void)err;
	fetch_end(arg, "the connection was lost");
}

static err_t fetch_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct fetch *f = arg;

	(void)err;
	tcp_write(pcb, f->request, (u16_t)strlen(f->request),
		  TCP_WRITE_FLAG_COPY);
	return tcp_output(pcb);
}

void fetch_start(struct fetch *f, const struct ip4_addr *from, uint16_t port,
		 const char *path)
{
	struct tcp_pcb *pcb = tcp_new();

	memset(f, 0, sizeof(*f));
	snprintf(f->request, sizeof(f->request), "GET /%s HTTP/1.0\r\n\r\n",
		 path);
	if (!pcb) {
		fetch_end(f, "no memory");
		return;
	}
	tcp_arg(pcb, f);
	tcp_recv(pcb, fetch_received);
	tcp_err(pcb, fetch_lost);
	if (tcp_connect(pcb, from, port, fetch_connected) != ERR_OK) {
		tcp_abort(pcb);
		fetch_end(f, "there is no way to it");
	}
}

/* ---- echo ---- */

/* Eats the answers to our own requests. */
static u8_t ping_received(void *arg, struct raw_pcb *pcb, struct pbuf *p,
			  const ip_addr_t *from)
{
	struct ping *ping = arg;
	struct icmp_echo_hdr h;

	(void)pcb;
	(void)from;
	if (pbuf_copy_partial(p, &h, sizeof(h), IP_HLEN) != sizeof(h) ||
	    h.type != ICMP_ER || h.id != lwip_htons(PING_ID))
		return 0;
	ping->answered++;
	pbuf_free(p);
	return 1;
}

static struct pbuf *ping_packet(uint16_t seq)
{
	struct pbuf *p = pbuf_alloc(
		PBUF_IP, sizeof(struct icmp_echo_hdr) + PING_DATA, PBUF_RAM);
	struct icmp_echo_hdr *h;

	if (!p)
		return NULL;
	h = p->payload;
	memset(h, 'p', p->len);
	h->type = ICMP_ECHO;
	h->code = 0;
	h->chksum = 0;
	h->id = lwip_htons(PING_ID);
	h->seqno = lwip_htons(seq);
	h->chksum = inet_chksum(h, p->len);
	return p;
}

bool ping_send(struct ping *ping, const struct ip4_addr *to)
{
	static struct raw_pcb *pcb;
	struct pbuf *p = ping_packet((uint16_t)ping->sent);
	bool ok;

	if (!pcb) {
		pcb = raw_new(IP_PROTO_ICMP);
		if (pcb)
			raw_recv(pcb, ping_received, ping);
	}
	ok = p && pcb && raw_sendto(pcb, p, to) == ERR_OK;
	ping->sent += ok;
	if (p)
		pbuf_free(p);
	return ok;
}
