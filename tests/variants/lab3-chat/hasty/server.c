/*
 * A student in a hurry: one function, one buffer for what is heard and what is
 * typed, getc for all of it. It happens to be right. A line is printed before
 * the next is typed into its place; what getc has read ahead stays in the FILE;
 * 1024 bytes always fit where the client waits for its turn, so one send is
 * enough; and whatever send complains about, the client is gone.
 */
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"

static char l[1025];

static int get(FILE *f)
{
    int c, n = 0;

    while ((c = getc(f)) != EOF && c != '\n') {
        l[n < 1024 ? n : 1024] = (char)c;
        if (++n > 1023 && f != stdin)
            return -2;
    }
    if (n > 1023)
        return -2;
    if (c == EOF && (!n || ferror(f)))
        return -1;
    return n - (n && c == '\n' && l[n - 1] == '\r');
}

static void gone(void)
{
    puts("Client disconnected....");
    exit(0);
}

int main(int c, char **v)
{
    struct cli o = cli_server(c, v, 8080, NULL);
    struct sockaddr_in a = {AF_INET, htons(o.port), {0}, {0}};
    socklen_t n = sizeof a;
    char t[99];
    int s, k, on = 1;

    if (!inet_pton(AF_INET, o.host, &a.sin_addr))
        errx(2, "invalid address '%s'", o.host);
    signal(SIGPIPE, SIG_IGN);
    puts("Server started");
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, (void *)&a, n) || listen(s, 5))
        err(1, "listen on %s port %d", o.host, o.port);
    getsockname(s, (void *)&a, &n);
    inet_ntop(AF_INET, &a.sin_addr, t, sizeof t);
    printf("Listening on %s port %d\n", t, ntohs(a.sin_port));
    if ((s = accept(s, (void *)&a, &n)) < 0)
        err(1, "accept");
    inet_ntop(AF_INET, &a.sin_addr, t, sizeof t);
    printf("Connected client: %s port %d\n", t, ntohs(a.sin_port));

    FILE *f = fdopen(s, "r");
    for (;;) {
        if ((k = get(f)) == -2)
            errx(1, "line too long");
        if (k < 0 || (k == 3 && !memcmp(l, "bye", 3)))
            gone();
        printf("From Client: ");
        fwrite(l, 1, (size_t)k, stdout);
        puts("");
        while ((k = get(stdin)) == -2)
            warnx("line too long, not sent");
        if (k < 0)
            memcpy(l, "bye", (size_t)(k = 3));
        l[k] = '\n';
        if (send(s, l, (size_t)k + 1, 0) < 0)
            gone();
        if (k == 3 && !memcmp(l, "bye", 3))
            return 0;
    }
}
