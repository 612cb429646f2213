/*
 * A student in a hurry: getc for each byte, one lock for whatever is printed,
 * and hardly a check. It happens to be right. Who cannot have a thread waits
 * for one, and a send to somebody who is gone fails, and so does the next getc.
 */
#include <arpa/inet.h>
#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static int last, count;
static bool quiet;

struct c {
    FILE *f;
    int s, n;
};

static void *serve(void *v)
{
    struct c *c = v;
    char b[1024];
    int n = 0, ch;

    do {
        if ((ch = getc(c->f)) != '\n' && ch != EOF) {
            if (n == 1023) {
                warnx("client %d: line too long", c->n);
                break;
            }
            b[n++] = (char)ch;
            continue;
        }
        if (ch == EOF && (!n || ferror(c->f)))
            break;
        if (ch == '\n' && n && b[n - 1] == '\r')
            n--;
        if (n == 3 && !memcmp(b, "bye", 3))
            break;
        pthread_mutex_lock(&m);
        if (!quiet) {
            printf("Client %d: ", c->n);
            fwrite(b, 1, (size_t)n, stdout);
            puts("");
        }
        pthread_mutex_unlock(&m);
        n = 0;
        dprintf(c->s, "Server has received your data thanks\n");
    } while (ch != EOF);
    pthread_mutex_lock(&m);
    printf("Client %d disconnected (%d still connected)\n", c->n, --count);
    pthread_mutex_unlock(&m);
    fclose(c->f);
    free(c);
    return 0;
}

int main(int argc, char **argv)
{
    struct cli_option q[] = {{'q', &quiet, 0, "quiet"}, {0}};
    struct cli o = cli_server(argc, argv, 3000, q);
    struct sockaddr_in a = {AF_INET, htons(o.port), {0}, {0}};
    socklen_t l = sizeof a;
    int s, on = 1;
    char t[99];
    pthread_t p;

    if (!inet_pton(AF_INET, o.host, &a.sin_addr))
        errx(2, "invalid address '%s'", o.host);
    signal(SIGPIPE, SIG_IGN);
    s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, (void *)&a, l) || listen(s, 99))
        err(1, "listen on %s port %d", o.host, o.port);
    getsockname(s, (void *)&a, &l);
    inet_ntop(AF_INET, &a.sin_addr, t, sizeof t);
    printf("Listening on %s port %d\n", t, ntohs(a.sin_port));
    for (;;) {
        struct c *c = calloc(1, sizeof *c);
        while ((c->s = accept(s, (void *)&a, &l)) < 0)
            warn("accept"), sleep(1);
        c->f = fdopen(c->s, "r");
        inet_ntop(AF_INET, &a.sin_addr, t, sizeof t);
        pthread_mutex_lock(&m);
        c->n = ++last;
        count++;
        printf("Client %d connected from %s port %d\n", c->n, t,
               ntohs(a.sin_port));
        pthread_mutex_unlock(&m);
        while (pthread_create(&p, 0, serve, c))
            warnx("no thread"), sleep(1);
        pthread_detach(p);
    }
}
