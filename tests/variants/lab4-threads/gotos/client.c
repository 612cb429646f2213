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
#include <string.h>

#include "cli.h"

static struct sockaddr_in A;
static struct cli o;
static int S, c, e; /* e: no more is typed */
static ssize_t R;
static size_t n, k, h;
static char b[1024], t[1025];

int main(int argc, char **argv)
{
    o = cli_client(argc, argv, 3000, NULL);
    signal(SIGPIPE, SIG_IGN);
    A.sin_family = AF_INET;
    A.sin_port = htons(o.port);
    if (inet_pton(AF_INET, o.host, &A.sin_addr) != 1)
        errx(2, "invalid address '%s'", o.host);
    if ((S = socket(2, 1, 0)) == -1)
        err(1, "socket");
    if (connect(S, (struct sockaddr *)&A, sizeof A))
        err(1, "connect %s port %d", o.host, o.port);
type:
    n = 0;
key:
    c = getchar();
    if (c == EOF && n == 0)
        goto over;
    if (c == EOF || c == '\n')
        goto typed;
    if (n < 1024)
        t[n] = (char)c;
    n++;
    goto key;
typed:
    if (n < 1024)
        goto send;
    warnx("too long, not sent");
    goto type;
send:
    t[n] = '\n';
    k = 0;
more:
    R = send(S, t + k, n + 1 - k, 0);
    if (R == -1 && errno == EINTR)
        goto more;
    if (R == -1)
        err(1, "send");
    k += (size_t)R;
    if (k <= n)
        goto more;
    if (n == 3 && !strncmp(t, "bye", 3))
        return 0;
hear:
    n = 0;
find:
    if (n == h)
        goto need;
    if (b[n++] != '\n')
        goto find;
    k = n - 1;
    if (k > 0 && b[k - 1] == '\r')
        k--;
    goto have;
need:
    if (h == 1024)
        errx(1, "line too long");
    R = recv(S, b + h, 1024 - h, 0);
    if (R == -1 && errno == EINTR)
        goto need;
    if (R == -1)
        err(1, "recv");
    h += (size_t)R;
    if (R > 0)
        goto hear;
    if (h == 0)
        goto end;
    n = k = h;
have:
    printf("From Server: ");
    fwrite(b, 1, k, stdout);
    puts("");
    h -= n;
    memmove(b, b + n, h);
    if (e)
        goto hear;
    goto type;
over:
    e = 1;
    shutdown(S, SHUT_WR);
    goto hear;
end:
    if (!e)
        errx(1, "the server is gone");
    return 0;
}
