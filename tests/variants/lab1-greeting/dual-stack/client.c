/*
 * An IPv6 socket that calls an IPv4 address by its mapped name,
 * ::ffff:127.0.0.1. On the wire that is IPv4.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

int main(int argc, char **argv)
{
    bool ask = false;
    const struct cli_option options[] = {
        {.letter = 'i', .given = &ask, .alone = true, .help = "ask"}, {0}};
    struct cli cli = cli_client(argc, argv, 5000, options);
    if (ask)
        cli_ask(&cli);

    struct in_addr ipv4;
    if (inet_pton(AF_INET, cli.host, &ipv4) != 1)
        errx(2, "invalid address '%s'", cli.host);
    struct sockaddr_in6 server = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(cli.port),
    };
    memset(&server.sin6_addr.s6_addr[10], 0xff, 2);
    memcpy(&server.sin6_addr.s6_addr[12], &ipv4, 4);
    signal(SIGPIPE, SIG_IGN);

    int conn = socket(AF_INET6, SOCK_STREAM, 0);
    if (conn == -1)
        err(1, "socket");
    if (connect(conn, (struct sockaddr *)&server, sizeof(server)) == -1)
        err(1, "connect %s port %d", cli.host, cli.port);

    char buf[4096];
    ssize_t n;
    while ((n = recv(conn, buf, sizeof(buf), 0)) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    if (n == -1)
        err(1, "recv");
    close(conn);
    return 0;
}
