/*
 * One byte for each read, written as soon as it is there, past stdio. Slow, and
 * right: nobody can tell from outside how large the pieces were.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
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

    for (;;) {
        char c;
        ssize_t n = read(conn, &c, 1);
        if (n == 0)
            return 0;
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            err(1, "read");
        if (write(STDOUT_FILENO, &c, 1) == -1)
            err(1, "stdout");
    }
}
