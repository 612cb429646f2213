/*
 * A connection is a file: fdopen(3) once, then getc and dprintf. Getc, not
 * fgets, whose string cannot hold a NUL. Reading goes through the FILE and
 * writing past it, which is right for a socket: the two have no position in
 * common.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { LIMIT = 1024, END = -1, TOO_LONG = -2 };

struct guest {
    FILE *in;
    unsigned number;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned guests, here;
static bool quiet;

static int get_line(FILE *in, char *line)
{
    int c, raw = 0;

    while ((c = getc(in)) != EOF && c != '\n') {
        line[raw++] = (char)c;
        if (raw == LIMIT)
            return TOO_LONG;
    }
    if (c == EOF && (raw == 0 || ferror(in)))
        return END;
    return c == '\n' && raw > 0 && line[raw - 1] == '\r' ? raw - 1 : raw;
}

static void leave(struct guest *guest)
{
    pthread_mutex_lock(&lock);
    printf("Client %u disconnected (%u still connected)\n", guest->number,
           --here);
    pthread_mutex_unlock(&lock);
    fclose(guest->in);
    free(guest);
}

static void *host(void *arg)
{
    struct guest *guest = arg;
    char line[LIMIT];
    int len;

    while ((len = get_line(guest->in, line)) >= 0 &&
           (len != 3 || memcmp(line, "bye", 3) != 0)) {
        if (!quiet) {
            flockfile(stdout);
            printf("Client %u: ", guest->number);
            fwrite(line, 1, (size_t)len, stdout);
            putchar('\n');
            funlockfile(stdout);
        }
        if (dprintf(fileno(guest->in), "%s\n",
                    "Server has received your data thanks") < 0)
            break;
    }
    if (len == TOO_LONG)
        fprintf(stderr, "server: client %u: too long\n", guest->number);
    leave(guest);
    return NULL;
}

static void enter(int conn, const struct sockaddr_in *from)
{
    struct guest *guest = malloc(sizeof(*guest));
    char ip[INET_ADDRSTRLEN];
    pthread_t thread;

    if (guest == NULL || (guest->in = fdopen(conn, "r")) == NULL)
        err(1, "no memory");
    pthread_mutex_lock(&lock);
    guest->number = ++guests;
    here++;
    printf("Client %u connected from %s port %u\n", guest->number,
           inet_ntop(AF_INET, &from->sin_addr, ip, sizeof(ip)),
           ntohs(from->sin_port));
    pthread_mutex_unlock(&lock);
    errno = pthread_create(&thread, NULL, host, guest);
    if (errno == 0) {
        pthread_detach(thread);
    } else {
        warn("pthread_create");
        leave(guest);
    }
}

int main(int argc, char **argv)
{
    const struct cli_option options[] = {{'q', &quiet, .help = "quiet"}, {0}};
    struct cli cli = cli_server(argc, argv, 3000, options);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(cli.port)};
    socklen_t len = sizeof(a);
    char ip[INET_ADDRSTRLEN];
    int yes = 1, conn, listener = socket(AF_INET, SOCK_STREAM, 0);

    if (inet_pton(AF_INET, cli.host, &a.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, (struct sockaddr *)&a, len) == -1 ||
        listen(listener, SOMAXCONN) == -1 ||
        getsockname(listener, (struct sockaddr *)&a, &len) == -1)
        err(1, "listen on %s port %u", cli.host, cli.port);
    inet_ntop(AF_INET, &a.sin_addr, ip, sizeof(ip));
    printf("Listening on %s port %u\n", ip, ntohs(a.sin_port));
    for (;;) {
        len = sizeof(a);
        conn = accept(listener, (struct sockaddr *)&a, &len);
        if (conn != -1) {
            enter(conn, &a);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            perror("server: accept");
            sleep(1);
        }
    }
}
