/*
 * Lab 5, dns: the server. A client sends a name on a line and gets its
 * addresses, a line for each, and an empty line behind them.
 *
 *     build/lab5/server [PORT [ADDRESS]]
 *
 * Start it, and in a second terminal type: nc 127.0.0.1 5300
 */
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "clients.h"
#include "lines.h"
#include "names.h"
#include "net.h"

enum { LAB_PORT = 5300, OUTCOME_TEXT = 128 };

/* Returns an address to listen on, made of digits, IPv4 or IPv6. The caller
   gives it to freeaddrinfo(3). */
static struct addrinfo *own_address(const char *ip, uint16_t port)
{
    char service[sizeof("65535")];
    struct addrinfo *own;

    snprintf(service, sizeof(service), "%u", port);

    /* Step 1: have getaddrinfo read the digits, and look nothing up. */
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    int error = getaddrinfo(ip, service, &hints, &own);
    if (error == EAI_NONAME)
        errx(2, "invalid address '%s'", ip);
    if (error == EAI_SYSTEM)
        err(1, "%s port %s", ip, service);
    if (error)
        errx(1, "%s port %s: %s", ip, service, gai_strerror(error));
    return own;
}

/* Returns a socket that listens. All that socket and bind want to know stands
   in the struct addrinfo, so nothing here depends on the family. */
static int open_listener(const char *ip, uint16_t port)
{
    struct addrinfo *own = own_address(ip, port);
    int listener = socket(own->ai_family, own->ai_socktype, own->ai_protocol);
    if (listener == -1)
        err(1, "socket");

    int yes = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == -1)
        err(1, "setsockopt SO_REUSEADDR");
    if (bind(listener, own->ai_addr, own->ai_addrlen) == -1)
        err(1, "bind %s port %u", ip, port);
    if (listen(listener, SOMAXCONN) == -1)
        err(1, "listen %s port %u", ip, port);
    freeaddrinfo(own);

    struct sockaddr_storage address; /* has room for any family's address */
    socklen_t len = sizeof(address);
    char text[ADDRESS_TEXT];
    if (getsockname(listener, (struct sockaddr *)&address, &len) == -1)
        err(1, "getsockname");
    address_text((struct sockaddr *)&address, len, text);
    printf("Listening on %s\n", text);
    return listener;
}

/* Writes a line for each address in the list, but none twice. Returns how many
   there are. */
static int write_addresses(FILE *out, const char *name,
                           const struct addrinfo *list)
{
    int count = 0;

    /* Step 3: go through the list, and write "IP of NAME ADDRESS". */
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        char ip[IP_TEXT];
        if (is_repeated(list, a))
            continue;
        ip_text(a, ip);
        fprintf(out, "IP of %s %s\n", name, ip);
        count++;
    }
    return count;
}

/* Looks a name up and writes the answer. What came of it, for the log, goes
   into `outcome`. */
static void write_answer(FILE *out, const char *line, size_t len,
                         char outcome[static OUTCOME_TEXT])
{
    char name[LINE_LIMIT + 1];
    struct addrinfo *list;

    memcpy(name, line, len);
    name[len] = '\0';
    /* With a NUL in it, it is the name of nothing; its front may be one. */
    int error = strlen(name) < len ? EAI_NONAME : look_up(name, NULL, &list);
    if (error == 0) {
        int count = write_addresses(out, name, list);
        snprintf(outcome, OUTCOME_TEXT, "%d address%s", count,
                 count == 1 ? "" : "es");
        freeaddrinfo(list);
    } else {
        snprintf(outcome, OUTCOME_TEXT, "%s", gai_strerror(error));
        fwrite(line, 1, len, out);
        fprintf(out, ": %s\n", outcome);
    }
    putc('\n', out); /* the end of the answer */
}

static void print_request(unsigned number, const char *line, size_t len,
                          const char *outcome)
{
    flockfile(stdout);
    printf("Client %u asked for ", number);
    fwrite(line, 1, len, stdout);
    printf(": %s\n", outcome);
    funlockfile(stdout);
}

/* Answers one request, in one go. Returns 0, or -1 with errno. */
static int answer(int conn, unsigned number, const char *line, size_t len)
{
    char outcome[OUTCOME_TEXT], *text = NULL;
    size_t size;
    int result = -1;
    FILE *out = open_memstream(&text, &size); /* a file in memory */

    if (out == NULL)
        return -1;
    write_answer(out, line, len, outcome);
    if (fclose(out) == 0) { /* now text and size are set */
        print_request(number, line, len, outcome);
        result = send_all(conn, text, size);
    }
    free(text);
    return result;
}

/* Answers each line of one client. A lookup may take its time: it blocks this
   client's thread, and nobody else. */
static int serve(int conn, unsigned number)
{
    struct reader asked = {.fd = conn};
    const char *line;
    size_t len;
    int result;

    while ((result = read_line(&asked, &line, &len)) == 1)
        if (answer(conn, number, line, len) == -1)
            return -1;
    return result;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, LAB_PORT, NULL);

    signal(SIGPIPE, SIG_IGN); /* a client that is gone is an error: lab 2 */
    serve_clients(open_listener(cli.host, cli.port), serve);
}
