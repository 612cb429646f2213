/*
 * getc(3) on a FILE of the connection. It returns an int, so that a byte 0xff
 * and EOF differ; and EOF is either the end of file or an error, which
 * ferror(3) tells apart.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
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

    struct sockaddr_in server = {
        .sin_family = AF_INET,
        .sin_port = htons(cli.port),
    };
    if (!inet_pton(AF_INET, cli.host, &server.sin_addr))
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);

    int conn = socket(PF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (conn < 0)
        err(1, "socket");
    if (connect(conn, (struct sockaddr *)&server, sizeof(server)))
        err(1, "connect %s port %d", cli.host, cli.port);

    FILE *net = fdopen(conn, "r");
    if (net == NULL)
        err(1, "fdopen");
    int c;
    while ((c = getc(net)) != EOF)
        putchar(c);
    if (ferror(net))
        err(1, "read from the server");
    fclose(net);
    return 0;
}
