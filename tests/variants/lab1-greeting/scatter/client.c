/*
 * readv(2) spreads what comes over two buffers of odd sizes; printing gathers
 * it again. It returns how many bytes came, as recv(2) does.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "cli.h"

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
    if (conn == -1)
        err(1, "socket");
    if (connect(conn, (struct sockaddr *)&server, sizeof(server)))
        err(1, "connect %s port %d", cli.host, cli.port);

    char few[7], many[1000];
    struct iovec places[] = {{few, sizeof(few)}, {many, sizeof(many)}};
    ssize_t n;
    while ((n = readv(conn, places, 2)) != 0) {
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            err(1, "readv");
        size_t len = (size_t)n;
        size_t first = len < sizeof(few) ? len : sizeof(few);
        fwrite(few, 1, first, stdout);
        fwrite(many, 1, len - first, stdout);
    }
    return 0;
}
