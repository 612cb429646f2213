/*
 * Nothing waits but poll(2). What came and is not sent back yet stands in a
 * ring, and which events are asked for follows from how full it is. There is
 * one client at a time because the listener is not polled while there is one.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static char ring[10007];
static size_t head, fill;
static int listener, conn = -1;
static bool ended; /* no more will come, but the ring may not be empty */
static unsigned long long count;
static char client[64];

static void text_of(const struct sockaddr_in *address, char *text, size_t size)
{
    char ip[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &address->sin_addr, ip, sizeof(ip));
    snprintf(text, size, "%s port %d", ip, ntohs(address->sin_port));
}

static void drop(const char *failed)
{
    if (failed)
        warn("%s %s", failed, client);
    printf("Client %s disconnected after %llu bytes\n", client, count);
    close(conn);
    conn = -1;
}

static bool later(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void receive(void)
{
    size_t tail = (head + fill) % sizeof(ring);
    size_t room = tail < head ? head - tail : sizeof(ring) - tail;
    ssize_t n = recv(conn, ring + tail, room, 0);

    if (n > 0) {
        fill += (size_t)n;
        count += (size_t)n;
    } else if (n == 0) {
        ended = true;
    } else if (!later()) {
        drop("recv from");
    }
}

static void answer(void)
{
    size_t part = head + fill > sizeof(ring) ? sizeof(ring) - head : fill;
    ssize_t n = send(conn, ring + head, part, 0);

    if (n > 0) {
        head = (head + (size_t)n) % sizeof(ring);
        fill -= (size_t)n;
    } else if (n == -1 && !later()) {
        drop("send to");
    }
}

static void welcome(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    conn = accept(listener, (struct sockaddr *)&address, &len);
    if (conn == -1) {
        if (later() || errno == ECONNABORTED)
            return;
        warn("accept");
        poll(NULL, 0, 1000);
        return;
    }
    fcntl(conn, F_SETFL, O_NONBLOCK);
    head = fill = 0;
    ended = false;
    count = 0;
    text_of(&address, client, sizeof(client));
    printf("Client %s connected\n", client);
}

static void open_listener(const struct cli *cli)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    char text[64];
    int yes = 1;

    address.sin_port = htons(cli->port);
    if (inet_pton(AF_INET, cli->host, &address.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli->host);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1 || fcntl(listener, F_SETFL, O_NONBLOCK) == -1)
        err(1, "socket");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
        bind(listener, (struct sockaddr *)&address, len) ||
        listen(listener, 128) ||
        getsockname(listener, (struct sockaddr *)&address, &len))
        err(1, "listen on %s port %d", cli->host, cli->port);
    text_of(&address, text, sizeof(text));
    printf("Listening on %s\n", text);
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 1234, NULL);

    signal(SIGPIPE, SIG_IGN);
    open_listener(&cli);
    for (;;) {
        struct pollfd poller = {.fd = listener, .events = POLLIN};
        if (conn != -1) {
            poller.fd = conn;
            poller.events = fill > 0 ? POLLOUT : 0;
            if (fill < sizeof(ring) && !ended)
                poller.events |= POLLIN;
        }
        if (poll(&poller, 1, -1) == -1)
            continue;
        if (conn == -1) {
            welcome();
            continue;
        }
        if (fill < sizeof(ring) && !ended && (poller.revents & ~POLLOUT))
            receive();
        if (conn != -1 && fill > 0 && (poller.revents & ~POLLIN))
            answer();
        if (conn != -1 && ended && fill == 0)
            drop(NULL);
    }
}
