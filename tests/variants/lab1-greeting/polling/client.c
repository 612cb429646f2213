/*
 * A socket that never waits: connect(2) says EINPROGRESS, and poll(2) tells
 * when it has come to an end. What end, SO_ERROR knows.
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

#include "cli.h"

static void wait_until(int conn, short event)
{
    struct pollfd poller = {.fd = conn, .events = event};

    while (poll(&poller, 1, -1) == -1)
        if (errno != EINTR)
            err(1, "poll");
}

/* As connect(2) on a socket that waits. */
static int connect_and_wait(int conn, const struct sockaddr_in *server)
{
    socklen_t len = sizeof(errno);

    if (connect(conn, (const struct sockaddr *)server, sizeof(*server)) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -1;
    wait_until(conn, POLLOUT);
    if (getsockopt(conn, SOL_SOCKET, SO_ERROR, &errno, &len) == -1)
        return -1;
    return errno == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    bool ask = false;
    const struct cli_option options[] = {
        {.letter = 'i', .given = &ask, .alone = true, .help = "ask"}, {0}};
    struct cli cli = cli_client(argc, argv, 5000, options);
    if (ask)
        cli_ask(&cli);

    struct sockaddr_in server = {.sin_family = AF_INET};
    server.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &server.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);

    int conn = socket(AF_INET, SOCK_STREAM, 0);
    if (conn == -1 || fcntl(conn, F_SETFL, O_NONBLOCK) == -1)
        err(1, "socket");
    if (connect_and_wait(conn, &server) == -1)
        err(1, "connect %s port %d", cli.host, cli.port);

    char buf[100];
    ssize_t n;
    while ((n = recv(conn, buf, sizeof(buf), 0)) != 0) {
        if (n > 0)
            fwrite(buf, 1, (size_t)n, stdout);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            wait_until(conn, POLLIN);
        else if (errno != EINTR)
            err(1, "recv");
    }
    return 0;
}
