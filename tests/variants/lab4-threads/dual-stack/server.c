/*
 * One IPv6 socket for both families: an IPv4 address is shown as
 * ::ffff:127.0.0.1. And the new thread says who has connected, not main; the
 * number it has from main, for it tells the order of accept.
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

enum { LIMIT = 1024 };

struct guest {
    int conn;
    unsigned number;
    struct sockaddr_in6 from;
    size_t waiting;
    char buf[LIMIT];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned here;
static bool quiet;

static bool answer(int conn)
{
    static const char thanks[] = "Server has received your data thanks\n";
    size_t sent = 0;

    while (sent < strlen(thanks)) {
        ssize_t n = send(conn, thanks + sent, strlen(thanks) - sent, 0);
        if (n == -1 && errno != EINTR)
            return false;
        sent += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Returns false when this was the last line. */
static bool take(const struct guest *guest, const char *line, size_t len)
{
    char text[sizeof("Client 4294967295: ") + LIMIT];

    if (len == 3 && memcmp(line, "bye", 3) == 0)
        return false;
    size_t n =
        (size_t)snprintf(text, sizeof(text), "Client %u: ", guest->number);
    memcpy(text + n, line, len);
    text[n + len] = '\n';
    if (!quiet) /* one call, so that no other thread prints in between */
        fwrite(text, 1, n + len + 1, stdout);
    return answer(guest->conn);
}

static void converse(struct guest *guest)
{
    for (;;) {
        char *end = memchr(guest->buf, '\n', guest->waiting);
        while (end) {
            size_t raw = (size_t)(end - guest->buf) + 1;
            size_t cr = raw > 1 && end[-1] == '\r';
            if (!take(guest, guest->buf, raw - 1 - cr))
                return;
            guest->waiting -= raw;
            memmove(guest->buf, end + 1, guest->waiting);
            end = memchr(guest->buf, '\n', guest->waiting);
        }
        if (guest->waiting == LIMIT) {
            warnx("client %u talks too long", guest->number);
            return;
        }
        ssize_t n = recv(guest->conn, guest->buf + guest->waiting,
                         LIMIT - guest->waiting, 0);
        if (n == 0 && guest->waiting > 0)
            take(guest, guest->buf, guest->waiting);
        if (n <= 0)
            return;
        guest->waiting += (size_t)n;
    }
}

static void *host(void *arg)
{
    struct guest *guest = arg;
    char ip[INET6_ADDRSTRLEN];

    inet_ntop(AF_INET6, &guest->from.sin6_addr, ip, sizeof(ip));
    printf("Client %u connected from %s port %u\n", guest->number, ip,
           ntohs(guest->from.sin6_port));
    converse(guest);
    close(guest->conn);
    pthread_mutex_lock(&lock);
    printf("Client %u disconnected (%u still connected)\n", guest->number,
           --here);
    pthread_mutex_unlock(&lock);
    free(guest);
    return NULL;
}

static int start_listening(const struct cli *cli)
{
    struct sockaddr_in6 own = {.sin6_family = AF_INET6};
    socklen_t len = sizeof(own);
    char ip[INET6_ADDRSTRLEN] = "::ffff:";
    int yes = 1, no = 0, listener = socket(AF_INET6, SOCK_STREAM, 0);
    struct in_addr ipv4;

    if (inet_pton(AF_INET, cli->host, &ipv4) != 1)
        errx(2, "invalid address '%s'", cli->host);
    inet_ntop(AF_INET, &ipv4, ip + strlen(ip), INET_ADDRSTRLEN);
    inet_pton(AF_INET6, ip, &own.sin6_addr);
    own.sin6_port = htons(cli->port);
    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, (struct sockaddr *)&own, len) == -1 ||
        listen(listener, 100) == -1 ||
        getsockname(listener, (struct sockaddr *)&own, &len) == -1)
        err(1, "listen on %s port %u", cli->host, cli->port);
    printf("Listening on %s port %u\n", ip, ntohs(own.sin6_port));
    return listener;
}

int main(int argc, char **argv)
{
    const struct cli_option options[] = {{'q', &quiet, .help = "quiet"}, {0}};
    struct cli cli = cli_server(argc, argv, 3000, options);
    pthread_t thread;

    signal(SIGPIPE, SIG_IGN);
    int listener = start_listening(&cli);
    for (unsigned number = 1;; number++) {
        struct guest *guest = calloc(1, sizeof(*guest));
        if (guest == NULL)
            err(1, "calloc");
        guest->number = number;
        socklen_t len = sizeof(guest->from);
        while ((guest->conn = accept(listener, (struct sockaddr *)&guest->from,
                                     &len)) == -1) {
            warn("accept");
            sleep(1);
        }
        pthread_mutex_lock(&lock);
        here++;
        pthread_mutex_unlock(&lock);
        /* It waits, and all who come after it, until there is a thread. */
        while ((errno = pthread_create(&thread, NULL, host, guest)) != 0) {
            warn("pthread_create");
            sleep(1);
        }
        pthread_detach(thread);
    }
}
