/*
 * One byte for each read, and the answer goes out piece by piece, as it is
 * found: no reader can tell. The log, which comes when the count is known, may
 * be later than the answer. A list of what was sent is kept in place of
 * is_repeated.
 */
#include <netdb.h>
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

enum { LIMIT = 1024, IP = 64, ADDRESSES = 500 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned accepted, connected;

struct guest {
    int conn;
    unsigned number;
};

/* Sends and logs the answer. The line has room for a NUL behind it. */
static bool answer(int conn, unsigned number, char *line, size_t len)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char seen[ADDRESSES][IP];
    struct addrinfo *list = NULL;
    int count = 0, error = EAI_NONAME, i;

    line[len] = '\0';
    if (strlen(line) == len)
        error = getaddrinfo(line, NULL, &hints, &list);
    for (struct addrinfo *a = error ? NULL : list; a; a = a->ai_next) {
        if (count == ADDRESSES ||
            getnameinfo(a->ai_addr, a->ai_addrlen, seen[count], IP, NULL, 0,
                        NI_NUMERICHOST) != 0)
            break;
        for (i = 0; strcmp(seen[i], seen[count]) != 0; i++)
            continue;
        if (i == count)
            dprintf(conn, "IP of %s %s\n", line, seen[count++]);
    }
    if (error == 0)
        freeaddrinfo(list);
    else if (write(conn, line, len) != -1)
        dprintf(conn, ": %s\n", gai_strerror(error));

    pthread_mutex_lock(&lock);
    printf("Client %u asked for ", number);
    fwrite(line, 1, len, stdout);
    if (error)
        printf(": %s\n", gai_strerror(error));
    else
        printf(count == 1 ? ": 1 address\n" : ": %d addresses\n", count);
    pthread_mutex_unlock(&lock);
    return write(conn, "\n", 1) == 1;
}

static void serve(int conn, unsigned number)
{
    char line[LIMIT];
    size_t len = 0;
    ssize_t n;

    while ((n = recv(conn, &line[len], 1, 0)) != -1) {
        if (n == 1 && line[len] != '\n') {
            if (++len < LIMIT)
                continue;
            warnx("client %u asks for a name that is too long", number);
            return;
        }
        if (n == 0 && len == 0)
            return;
        if (n == 1 && len > 0 && line[len - 1] == '\r')
            len--;
        if (!answer(conn, number, line, len) || n == 0)
            return;
        len = 0;
    }
}

static void leave(struct guest *guest)
{
    pthread_mutex_lock(&lock);
    printf("Client %u disconnected (%u still connected)\n", guest->number,
           --connected);
    pthread_mutex_unlock(&lock);
    close(guest->conn);
    free(guest);
}

static void *run(void *arg)
{
    struct guest *guest = arg;

    serve(guest->conn, guest->number);
    leave(guest);
    return NULL;
}

static void print_address(const char *before, struct sockaddr_storage *address,
                          socklen_t len)
{
    char ip[IP], port[8];

    getnameinfo((struct sockaddr *)address, len, ip, sizeof(ip), port,
                sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    printf("%s %s port %s\n", before, ip, port);
}

static int start_listening(const struct cli *cli)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    char port[8];
    struct addrinfo *own;
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    int yes = 1;

    snprintf(port, sizeof(port), "%u", cli->port);
    if (getaddrinfo(cli->host, port, &hints, &own))
        errx(2, "invalid address '%s'", cli->host);
    int listener = socket(own->ai_family, own->ai_socktype, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, own->ai_addr, own->ai_addrlen) == -1 ||
        listen(listener, 100) == -1)
        err(1, "listen on %s port %s", cli->host, port);
    freeaddrinfo(own);
    getsockname(listener, (struct sockaddr *)&address, &len);
    print_address("Listening on", &address, len);
    return listener;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 5300, NULL);
    pthread_t thread;

    signal(SIGPIPE, SIG_IGN);
    for (int listener = start_listening(&cli);;) {
        struct sockaddr_storage from;
        socklen_t len = sizeof(from);
        char before[40];
        struct guest *guest = malloc(sizeof(*guest));
        if (guest == NULL)
            err(1, "malloc");
        while ((guest->conn =
                    accept(listener, (struct sockaddr *)&from, &len)) == -1) {
            warn("accept");
            sleep(1);
        }
        pthread_mutex_lock(&lock);
        guest->number = ++accepted;
        connected++;
        snprintf(before, sizeof(before), "Client %u connected from", accepted);
        print_address(before, &from, len);
        pthread_mutex_unlock(&lock);
        if (pthread_create(&thread, NULL, run, guest) == 0)
            pthread_detach(thread);
        else
            leave(guest);
    }
}
