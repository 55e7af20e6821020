/* SPDX-License-Identifier: BSD-2-Clause */
/* The server: a connection is a request to be read, then a file to be sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwip/tcp.h"

#include "server.h"

#define REQUEST_MAX 1024u
#define PAGE_MAX 4096u
#define POLL 4u /* half seconds */
#define IDLE_POLLS 15u

struct conn {
	struct tcp_pcb *pcb;
	char request[REQUEST_MAX + 1];
	size_t n;
	bool answered;
	unsigned idle; /* polls without progress */
	const struct file *file;
	uint64_t at, end; /* of the file, to be sent */
};

static const struct files *files;

/* ---- the end ---- */

static err_t conn_end(struct conn *c)
{
	struct tcp_pcb *pcb = c->pcb;

	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
	free(c);
	if (tcp_close(pcb) == ERR_OK)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

static err_t conn_abort(struct conn *c)
{
	struct tcp_pcb *pcb = c->pcb;

	tcp_arg(pcb, NULL);
	tcp_err(pcb, NULL);
	free(c);
	tcp_abort(pcb);
	return ERR_ABRT;
}

static void conn_lost(void *arg, err_t err)
{
	(void)err;
	free(arg);
}

/* ---- sending ---- */

/* As much as there is room for: whole sectors, or the rest. */
static size_t chunk_of(const struct conn *c)
{
	size_t room = tcp_sndbuf(c->pcb);

	if (room > FILES_CHUNK)
		room = FILES_CHUNK;
	if (room >= c->end - c->at)
		return c->end - c->at;
	return room / KIT_SECTOR * KIT_SECTOR;
}

static err_t conn_send(struct conn *c)
{
	static uint8_t buf[FILES_CHUNK];
	size_t n;

	while (c->at < c->end && (n = chunk_of(c))) {
		if (!files_read(files, c->file, c->at, buf, n))
			return conn_abort(c);
		if (tcp_write(c->pcb, buf, (u16_t)n, TCP_WRITE_FLAG_COPY) !=
		    ERR_OK)
			break; /* later: `sent` or `poll` calls again */
		c->at += n;
		c->idle = 0;
	}
	tcp_output(c->pcb);
	return c->at < c->end ? ERR_OK : conn_end(c);
}

static void header_send(struct conn *c, const char *status, const char *type,
			uint64_t length)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.0 %s\r\nServer: Parley\r\nContent-Type: %s\r\n"
			 "Content-Length: %llu\r\nConnection: close\r\n\r\n",
			 status, type, (unsigned long long)length);

	tcp_write(c->pcb, head, (u16_t)n, TCP_WRITE_FLAG_COPY);
}

static err_t page_send(struct conn *c, const char *status, const char *text,
		       bool body)
{
	header_send(c, status, "text/html", strlen(text));
	if (body)
		tcp_write(c->pcb, text, (u16_t)strlen(text),
			  TCP_WRITE_FLAG_COPY);
	tcp_output(c->pcb);
	return conn_end(c);
}

/* The list of files, unless there is one of that name. */
static err_t index_send(struct conn *c, bool body)
{
	static char page[PAGE_MAX];
	size_t n = (size_t)snprintf(page, sizeof(page),
				    "<title>Parley</title><h1>Parley</h1><ul>");

	for (unsigned i = 0; i < files->n && n < PAGE_MAX - 256; i++) {
		const struct file *f = &files->file[i];

		n += (size_t)snprintf(page + n, PAGE_MAX - n,
				      "<li><a href=\"/%s\">%s</a> %llu bytes\n",
				      f->name, f->name,
				      (unsigned long long)f->size);
	}
	snprintf(page + n, PAGE_MAX - n, "</ul>\n");
	return page_send(c, "200 OK", page, body);
}

static err_t file_send(struct conn *c, const char *name, size_t len, bool body)
{
	c->file = files_find(files, name, len);
	if (!c->file && !len)
		c->file = files_find(files, "index.html", 10);
	if (!c->file && !len)
		return index_send(c, body);
	if (!c->file)
		return page_send(c, "404 Not Found", "no such file\n", body);
	header_send(c, "200 OK", c->file->type, c->file->size);
	c->end = body ? c->file->size : 0;
	return conn_send(c);
}

/* ---- receiving ---- */

static err_t request_answer(struct conn *c)
{
	bool head = !strncmp(c->request, "HEAD /", 6);
	const char *path = c->request + (head ? 6 : 5);

	c->answered = true;
	if (!head && strncmp(c->request, "GET /", 5) != 0)
		return page_send(c, "501 Not Implemented", "GET or HEAD\n",
				 true);
	return file_send(c, path, strcspn(path, " ?#\r\n"), !head);
}

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct conn *c = arg;
	size_t n;

	(void)err;
	if (!p && !c->answered)
		return conn_end(c);
	if (!p)
		return ERR_OK; /* it has no more to ask */
	tcp_recved(pcb, p->tot_len);
	n = c->answered ? 0 :
			  pbuf_copy_partial(p, c->request + c->n,
					    (u16_t)(REQUEST_MAX - c->n), 0);
	pbuf_free(p);
	c->n += n;
	c->request[c->n] = 0;
	if (c->answered)
		return ERR_OK;
	if (strstr(c->request, "\r\n\r\n"))
		return request_answer(c);
	return c->n < REQUEST_MAX ? ERR_OK : conn_abort(c);
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	struct conn *c = arg;

	(void)pcb;
	(void)len;
	return c->file ? conn_send(c) : ERR_OK;
}

/* Ends what does nothing for half a minute. */
static err_t polled(void *arg, struct tcp_pcb *pcb)
{
	struct conn *c = arg;

	(void)pcb;
	if (++c->idle > IDLE_POLLS)
		return conn_abort(c);
	return c->file ? conn_send(c) : ERR_OK;
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct conn *c = pcb && err == ERR_OK ? calloc(1, sizeof(*c)) : NULL;

	(void)arg;
	if (!c)
		return ERR_MEM;
	c->pcb = pcb;
	tcp_arg(pcb, c);
	tcp_recv(pcb, received);
	tcp_sent(pcb, sent);
	tcp_err(pcb, conn_lost);
	tcp_poll(pcb, polled, POLL);
	return ERR_OK;
}

bool server_start(const struct files *f, uint16_t port)
{
	struct tcp_pcb *pcb = tcp_new();

	files = f;
	if (!pcb || tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK)
		return false;
	pcb = tcp_listen(pcb);
	if (!pcb)
		return false;
	tcp_accept(pcb, accepted);
	return true;
}
