/*
 * A student in a hurry: inet_pton by trial, getc for each byte, a FILE to write
 * to, and hardly a check. It happens to be right: a send that fails to somebody
 * who is gone is followed by a getc that ends.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static int last, count;

struct c {
    FILE *f, *o;
    int n;
};

static const char *text(const struct sockaddr *a, socklen_t l, char *t)
{
    getnameinfo(a, l, t, 99, 0, 0, NI_NUMERICHOST);
    return t;
}

static void look(struct c *c, char *b, size_t n)
{
    struct addrinfo h = {.ai_socktype = SOCK_STREAM}, *r, *a, *o;
    char t[99], u[99];
    int k = 0, e;

    b[n] = 0;
    e = strlen(b) < n ? EAI_NONAME : getaddrinfo(b, 0, &h, &r);
    if (e) {
        fwrite(b, 1, n, c->o);
        fprintf(c->o, ": %s\n", gai_strerror(e));
    } else {
        for (a = r; a; a = a->ai_next) {
            text(a->ai_addr, a->ai_addrlen, t);
            for (o = r; strcmp(text(o->ai_addr, o->ai_addrlen, u), t);)
                o = o->ai_next;
            if (o == a)
                fprintf(c->o, "IP of %s %s\n", b, t), k++;
        }
        freeaddrinfo(r);
    }
    pthread_mutex_lock(&m);
    printf("Client %d asked for ", c->n);
    fwrite(b, 1, n, stdout);
    if (e)
        printf(": %s\n", gai_strerror(e));
    else
        printf(": %d address%s\n", k, k == 1 ? "" : "es");
    pthread_mutex_unlock(&m);
    fputs("\n", c->o);
    fflush(c->o);
}

static void *serve(void *v)
{
    struct c *c = v;
    char b[1025];
    size_t n = 0;
    int ch;

    while ((ch = getc(c->f)) != EOF) {
        if (ch == '\n') {
            look(c, b, n && b[n - 1] == '\r' ? n - 1 : n);
            n = 0;
        } else if (n < 1023) {
            b[n++] = (char)ch;
        } else {
            warnx("client %d: line too long", c->n);
            n = 0;
            break;
        }
    }
    if (n && !ferror(c->f))
        look(c, b, n);
    pthread_mutex_lock(&m);
    printf("Client %d disconnected (%d still connected)\n", c->n, --count);
    pthread_mutex_unlock(&m);
    fclose(c->f);
    fclose(c->o);
    free(c);
    return 0;
}

int main(int argc, char **argv)
{
    struct cli o = cli_server(argc, argv, 5300, 0);
    struct sockaddr_in a4 = {AF_INET, htons(o.port), {0}, {0}};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
                              .sin6_port = a4.sin_port};
    struct sockaddr *a = (void *)&a4, *b = (void *)&a6;
    socklen_t l = sizeof a4;
    int s, on = 1;
    char t[99], q[99];
    pthread_t p;

    if (inet_pton(AF_INET, o.host, &a4.sin_addr) != 1)
        a = b, l = sizeof a6;
    if (a == b && inet_pton(AF_INET6, o.host, &a6.sin6_addr) != 1)
        errx(2, "invalid address '%s'", o.host);
    signal(SIGPIPE, SIG_IGN);
    s = socket(a->sa_family, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, a, l) || listen(s, 99) || getsockname(s, a, &l))
        err(1, "listen on %s port %d", o.host, o.port);
    getnameinfo(a, l, t, 99, q, 99, NI_NUMERICHOST | NI_NUMERICSERV);
    printf("Listening on %s port %s\n", t, q);
    for (;;) {
        struct c *c = calloc(1, sizeof *c);
        while ((on = accept(s, a, &l)) < 0)
            warn("accept"), sleep(1);
        c->f = fdopen(on, "r");
        c->o = fdopen(dup(on), "w");
        getnameinfo(a, l, t, 99, q, 99, NI_NUMERICHOST | NI_NUMERICSERV);
        pthread_mutex_lock(&m);
        c->n = ++last;
        count++;
        printf("Client %d connected from %s port %s\n", c->n, t, q);
        pthread_mutex_unlock(&m);
        while (pthread_create(&p, 0, serve, c))
            warnx("no thread"), sleep(1);
        pthread_detach(p);
    }
}
