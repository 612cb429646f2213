/*
 * Sends and receives at the same time, whichever goes. It does not count what
 * is to come back before it sends more, and cannot deadlock either: it never
 * waits to send while there is something to receive.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

static long long missing; /* bytes that were sent and are not back yet */
static bool ended;        /* of stdin */
static char chunk[4096];
static size_t sent, filled;

static bool later(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void take_input(int conn)
{
    ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));

    if (n == -1 && !later())
        err(1, "read stdin");
    if (n == 0) {
        ended = true;
        shutdown(conn, SHUT_WR);
    }
    sent = 0;
    filled = n > 0 ? (size_t)n : 0;
}

static void send_some(int conn)
{
    ssize_t n = send(conn, chunk + sent, filled - sent, 0);

    if (n == -1 && !later())
        err(1, "send");
    if (n > 0) {
        sent += (size_t)n;
        missing += n;
    }
}

static void receive_some(int conn)
{
    char buf[65536];
    ssize_t n = recv(conn, buf, sizeof(buf), 0);

    if (n == -1 && !later())
        err(1, "recv");
    if (n == 0 && ended && sent == filled && missing <= 0)
        exit(0);
    if (n == 0)
        errx(1, "the server is gone");
    if (n > 0) {
        missing -= n;
        fwrite(buf, 1, (size_t)n, stdout);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client(argc, argv, 1234, NULL);
    struct sockaddr_in server = {.sin_family = AF_INET};

    server.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &server.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);
    int conn = socket(AF_INET, SOCK_STREAM, 0);
    if (conn == -1)
        err(1, "socket");
    if (connect(conn, (struct sockaddr *)&server, sizeof(server)) == -1)
        err(1, "connect %s port %d", cli.host, cli.port);
    fcntl(conn, F_SETFL, O_NONBLOCK);

    for (;;) {
        bool full = sent < filled;
        struct pollfd pollers[] = {
            {.fd = ended || full ? -1 : STDIN_FILENO, .events = POLLIN},
            {.fd = conn, .events = full ? POLLIN | POLLOUT : POLLIN},
        };
        if (poll(pollers, 2, -1) == -1)
            continue;
        if (pollers[1].revents & (POLLIN | POLLERR | POLLHUP))
            receive_some(conn);
        if (pollers[1].revents & POLLOUT)
            send_some(conn);
        if (pollers[0].revents)
            take_input(conn);
    }
}
