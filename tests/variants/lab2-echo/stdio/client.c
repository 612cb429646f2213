/*
 * The connection is two FILEs, for a FILE cannot both read and write a socket.
 * fread(3) waits until it has as many bytes as it was asked for, which is right
 * for an echo; and the rest is read from the same FILE, which may have some of
 * it in its buffer already.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

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

    FILE *in = fdopen(conn, "r");
    FILE *out = fdopen(dup(conn), "w");
    if (in == NULL || out == NULL)
        err(1, "fdopen");

    char chunk[4096];
    ssize_t n;
    while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
        size_t len = (size_t)n;
        if (fwrite(chunk, 1, len, out) < len || fflush(out) == EOF)
            err(1, "send");
        size_t back = fread(chunk, 1, len, in);
        fwrite(chunk, 1, back, stdout);
        fflush(stdout);
        if (back < len && ferror(in))
            err(1, "receive");
        if (back < len)
            errx(1, "the server is gone");
    }
    if (n == -1)
        err(1, "read stdin");

    if (shutdown(conn, SHUT_WR) == -1)
        err(1, "shutdown");
    for (int c; (c = getc(in)) != EOF;)
        putchar(c);
    if (ferror(in))
        err(1, "receive");
    fclose(out);
    fclose(in);
    return 0;
}
