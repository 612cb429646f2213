/*
 * Nobody should write C like this: globals, one-letter names, gotos for loops,
 * a buffer of 333 bytes. What it does is right, and that is all that tests look
 * at.
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

static struct sockaddr_in A;
static struct cli k;
static socklen_t L = sizeof A;
static int S, C, on = 1, P;
static ssize_t N, R, O;
static unsigned long T;
static char b[333], t[INET_ADDRSTRLEN];

int main(int argc, char **argv)
{
    k = cli_server(argc, argv, 1234, NULL);
    A.sin_family = AF_INET;
    A.sin_port = htons(k.port);
    if (inet_pton(AF_INET, k.host, &A.sin_addr) == 1)
        goto start;
    errx(2, "invalid address '%s'", k.host);
start:
    signal(SIGPIPE, SIG_IGN);
    if ((S = socket(2, 1, 0)) == -1)
        goto fail;
    if (setsockopt(S, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
        goto fail;
    if (bind(S, (struct sockaddr *)&A, L) || listen(S, 5))
        goto fail;
    if (getsockname(S, (struct sockaddr *)&A, &L))
        goto fail;
    inet_ntop(AF_INET, &A.sin_addr, t, sizeof t);
    printf("Listening on %s port %d\n", t, ntohs(A.sin_port));
next:
    L = sizeof A;
    C = accept(S, (struct sockaddr *)&A, &L);
    if (C != -1)
        goto hello;
    if (errno == EINTR || errno == ECONNABORTED)
        goto next;
    warn("accept");
    sleep(1);
    goto next;
hello:
    inet_ntop(AF_INET, &A.sin_addr, t, sizeof t);
    P = ntohs(A.sin_port);
    T = 0;
    printf("Client %s port %d connected\n", t, P);
again:
    N = recv(C, b, 333, 0);
    if (N == 0)
        goto bye;
    if (N == -1 && errno == EINTR)
        goto again;
    if (N == -1)
        goto gone;
    T += (unsigned long)N;
    O = 0;
more:
    R = send(C, b + O, (size_t)(N - O), 0);
    if (R == -1 && errno == EINTR)
        goto more;
    if (R == -1)
        goto gone;
    O += R;
    if (O < N)
        goto more;
    goto again;
gone:
    warn("client %s port %d", t, P);
bye:
    printf("Client %s port %d disconnected after %lu bytes\n", t, P, T);
    close(C);
    goto next;
fail:
    err(1, "start on %s port %d", k.host, k.port);
}
