/*
 * MSG_WAITALL has recv(2) wait until all bytes are there that were asked for.
 * It is right here, where that many do come back. It still returns less at the
 * end of file, and after a signal.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static int conn;

/* Receives and prints up to `len` bytes. Returns how many came. */
static size_t show(size_t len, int flags)
{
    char buf[4096];
    ssize_t n;

    do
        n = recv(conn, buf, len, flags);
    while (n == -1 && errno == EINTR);
    if (n == -1)
        err(1, "recv");
    fwrite(buf, 1, (size_t)n, stdout);
    fflush(stdout);
    return (size_t)n;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client(argc, argv, 1234, NULL);
    struct sockaddr_in server = {.sin_family = AF_INET};

    server.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &server.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);
    conn = socket(AF_INET, SOCK_STREAM, 0);
    if (conn == -1)
        err(1, "socket");
    if (connect(conn, (struct sockaddr *)&server, sizeof(server)) == -1)
        err(1, "connect %s port %d", cli.host, cli.port);

    char typed[4096];
    ssize_t n;
    while ((n = read(STDIN_FILENO, typed, sizeof(typed))) > 0) {
        for (ssize_t done = 0, part; done<n; done += part> 0 ? part : 0) {
            part = send(conn, typed + done, (size_t)(n - done), 0);
            if (part == -1 && errno != EINTR)
                err(1, "send");
        }
        for (size_t left = (size_t)n, part; left > 0; left -= part)
            if ((part = show(left, MSG_WAITALL)) == 0)
                errx(1, "the server is gone");
    }
    if (n == -1)
        err(1, "read stdin");
    shutdown(conn, SHUT_WR);
    while (show(sizeof(typed), 0) > 0)
        continue;
    return 0;
}
