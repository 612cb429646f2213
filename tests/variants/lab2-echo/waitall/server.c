/*
 * readv(2) spreads what comes over two buffers, and writev(2) gathers it.
 * `listen` has a backlog of 1, which is a hint: a second client may still
 * queue up.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int send_back(int conn, struct iovec places[2])
{
    while (places[0].iov_len + places[1].iov_len > 0) {
        ssize_t n = writev(conn, places, 2);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return -1;
        for (int i = 0; i < 2; i++) {
            size_t part = smaller((size_t)n, places[i].iov_len);
            places[i].iov_base = (char *)places[i].iov_base + part;
            places[i].iov_len -= part;
            n -= (ssize_t)part;
        }
    }
    return 0;
}

static unsigned long long echo(int conn)
{
    char few[100], many[1500];
    unsigned long long count = 0;

    for (;;) {
        struct iovec places[] = {{few, sizeof(few)}, {many, sizeof(many)}};
        ssize_t n = readv(conn, places, 2);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            warn("readv");
        if (n <= 0)
            return count;
        count += (size_t)n;
        places[0].iov_len = smaller((size_t)n, sizeof(few));
        places[1].iov_len = (size_t)n - places[0].iov_len;
        if (send_back(conn, places) == -1) {
            warn("writev");
            return count;
        }
    }
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 1234, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    char ip[INET_ADDRSTRLEN];

    address.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &address.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        err(1, "socket");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)))
        err(1, "setsockopt");
    if (bind(listener, (struct sockaddr *)&address, len))
        err(1, "bind %s port %d", cli.host, cli.port);
    if (listen(listener, 1))
        err(1, "listen");
    if (getsockname(listener, (struct sockaddr *)&address, &len))
        err(1, "getsockname");
    inet_ntop(AF_INET, &address.sin_addr, ip, sizeof(ip));
    printf("Listening on %s port %d\n", ip, ntohs(address.sin_port));

    for (;;) {
        len = sizeof(address);
        int conn = accept(listener, (struct sockaddr *)&address, &len);
        if (conn == -1) {
            warn("accept");
            sleep(1);
            continue;
        }
        inet_ntop(AF_INET, &address.sin_addr, ip, sizeof(ip));
        int port = ntohs(address.sin_port);
        printf("Client %s port %d connected\n", ip, port);
        unsigned long long count = echo(conn);
        printf("Client %s port %d disconnected after %llu bytes\n", ip, port,
               count);
        close(conn);
    }
}
