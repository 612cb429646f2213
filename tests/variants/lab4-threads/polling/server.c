/*
 * No threads at all: one poll(2) loop for all clients. Who owes an answer is
 * not read from until it is sent, so that nothing has to wait, and the count
 * needs no lock, for there is nobody to keep out.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { CLIENTS = 1000, LIMIT = 1024 };

static const char thanks[] = "Server has received your data thanks\n";

struct client {
    unsigned number;
    size_t len;  /* of what waits in line */
    size_t owed; /* of the answer, still to be sent */
    bool ended;  /* nothing more comes */
    char line[LIMIT];
};

static struct pollfd fds[1 + CLIENTS]; /* the listener's, and each client's */
static struct client *clients[1 + CLIENTS];
static nfds_t count; /* of the clients */
static bool quiet;

/* Returns false when the client is gone. */
static bool send_owed(struct client *client, int conn)
{
    const char *end = thanks + sizeof(thanks) - 1;

    while (client->owed > 0) {
        ssize_t n = send(conn, end - client->owed, client->owed, 0);
        if (n == -1)
            return errno == EAGAIN || errno == EINTR;
        client->owed -= (size_t)n;
    }
    return true;
}

/* Takes the next line, if it is there. Returns false when it is the last. */
static bool take_line(struct client *client, bool *taken)
{
    char *newline = memchr(client->line, '\n', client->len);
    size_t raw = newline ? (size_t)(newline - client->line) + 1 : client->len;
    size_t len = newline ? raw - 1 : raw;

    *taken = newline || (client->ended && raw > 0);
    if (!*taken) {
        if (raw == LIMIT)
            warnx("client %u: a line is too long", client->number);
        return raw < LIMIT && !client->ended;
    }
    if (newline && len > 0 && newline[-1] == '\r')
        len--;
    if (len == 3 && memcmp(client->line, "bye", 3) == 0)
        return false;
    if (!quiet) {
        printf("Client %u: ", client->number);
        fwrite(client->line, 1, len, stdout);
        putchar('\n');
    }
    client->owed = sizeof(thanks) - 1;
    client->len -= raw;
    memmove(client->line, client->line + raw, client->len);
    return true;
}

/* Does what can be done without waiting. Returns false when it is the end. */
static bool serve(struct client *client, int conn)
{
    bool taken = true;

    if (client->owed == 0) {
        ssize_t n = read(conn, client->line + client->len, LIMIT - client->len);
        if (n == -1)
            return errno == EAGAIN || errno == EINTR;
        client->ended = n == 0;
        client->len += (size_t)n;
    }
    while (taken)
        if (!send_owed(client, conn))
            return false;
        else if (client->owed > 0)
            return true;
        else if (!take_line(client, &taken))
            return false;
    return true;
}

static void leave(nfds_t i)
{
    printf("Client %u disconnected (%d still connected)\n", clients[i]->number,
           (int)--count);
    close(fds[i].fd);
    free(clients[i]);
    fds[i] = fds[count + 1];
    clients[i] = clients[count + 1];
}

static void enter(void)
{
    static unsigned accepted;
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    char ip[INET_ADDRSTRLEN];
    int conn = accept(fds[0].fd, (struct sockaddr *)&peer, &len);

    if (conn == -1 && errno != EAGAIN && errno != ECONNABORTED) {
        warn("accept");
        poll(NULL, 0, 200); /* those who are there can wait that long, too */
    }
    if (conn == -1)
        return;
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        err(1, "calloc");
    fcntl(conn, F_SETFL, O_NONBLOCK);
    client->number = ++accepted;
    clients[++count] = client;
    fds[count].fd = conn;
    inet_ntop(AF_INET, &peer.sin_addr, ip, sizeof(ip));
    printf("Client %u connected from %s port %u\n", client->number, ip,
           ntohs(peer.sin_port));
}

static int start_listening(const struct cli *cli)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons(cli->port)};
    socklen_t len = sizeof(own);
    char ip[INET_ADDRSTRLEN];
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

    if (inet_pton(AF_INET, cli->host, &own.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli->host);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, (struct sockaddr *)&own, len) == -1 ||
        listen(listener, SOMAXCONN) == -1 ||
        getsockname(listener, (struct sockaddr *)&own, &len) == -1)
        err(1, "listen on %s port %u", cli->host, cli->port);
    inet_ntop(AF_INET, &own.sin_addr, ip, sizeof(ip));
    printf("Listening on %s port %u\n", ip, ntohs(own.sin_port));
    fcntl(listener, F_SETFL, O_NONBLOCK);
    return listener;
}

int main(int argc, char **argv)
{
    const struct cli_option options[] = {{'q', &quiet, .help = "quiet"}, {0}};
    struct cli cli = cli_server(argc, argv, 3000, options);

    signal(SIGPIPE, SIG_IGN);
    fds[0].fd = start_listening(&cli);
    for (;;) {
        fds[0].events = count < CLIENTS ? POLLIN : 0;
        for (nfds_t i = 1; i <= count; i++)
            fds[i].events = clients[i]->owed ? POLLOUT : POLLIN;
        if (poll(fds, 1 + count, -1) == -1)
            continue;
        for (nfds_t i = count; i >= 1; i--)
            if (fds[i].revents && !serve(clients[i], fds[i].fd))
                leave(i);
        if (fds[0].revents)
            enter();
    }
}
