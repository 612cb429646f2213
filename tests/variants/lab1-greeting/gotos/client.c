/*
 * Nobody should write C like this: globals, one-letter names, gotos for loops.
 * What it does is right, and that is all that tests look at.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "cli.h"

static struct sockaddr_in A;
static struct cli k;
static int S;
static ssize_t n;
static char b[1];
static bool I;
static const struct cli_option O[] = {{'i', &I, true, "ask"}, {0}};

int main(int argc, char **argv)
{
    k = cli_client(argc, argv, 5000, O);
    if (!I)
        goto go;
    cli_ask(&k);
go:
    signal(SIGPIPE, SIG_IGN);
    A.sin_family = AF_INET;
    A.sin_port = htons(k.port);
    if (inet_pton(AF_INET, k.host, &A.sin_addr) == 1)
        goto call;
    errx(2, "invalid address '%s'", k.host);
call:
    if ((S = socket(2, 1, 0)) == -1)
        goto fail;
    if (connect(S, (struct sockaddr *)&A, sizeof A))
        goto fail;
more:
    n = recv(S, b, 1, 0);
    if (n == 1)
        goto print;
    if (n == 0)
        goto end;
    if (errno == EINTR)
        goto more;
fail:
    err(1, "connect or recv %s port %d", k.host, k.port);
print:
    putchar(*b);
    goto more;
end:
    return 0;
}
