/*
 * Lab 2, echo: the server. It sends back what a client sends, to one client
 * after another.
 *
 *     build/lab2/server [PORT [ADDRESS]]
 *
 * Start it, and in a second terminal type: nc 127.0.0.1 1234
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

enum { LAB_PORT = 1234, BACKLOG = 5, ADDRESS_TEXT = INET_ADDRSTRLEN + 16 };

/* Writes an address as people read it, "127.0.0.1 port 1234", into `text`. With
   `static` the compiler can warn of an array that is smaller. */
static void address_text(const struct sockaddr_in *address,
                         char text[static ADDRESS_TEXT])
{
    char ip[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &address->sin_addr, ip, sizeof(ip));
    snprintf(text, ADDRESS_TEXT, "%s port %u", ip, ntohs(address->sin_port));
}

/* Returns a socket that listens. These are the steps of lab 1, in one go. */
static int open_listener(const char *ip, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
    };
    if (inet_pton(AF_INET, ip, &address.sin_addr) != 1)
        errx(2, "invalid address '%s'", ip);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        err(1, "socket");

    /* Connections of the server before this one may still be in TIME_WAIT on
       this port. Without the option, bind fails as long as they are. */
    int yes = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == -1)
        err(1, "setsockopt SO_REUSEADDR");

    socklen_t len = sizeof(address);
    if (bind(listener, (struct sockaddr *)&address, len) == -1)
        err(1, "bind %s port %u", ip, port);
    if (listen(listener, BACKLOG) == -1)
        err(1, "listen %s port %u", ip, port);
    if (getsockname(listener, (struct sockaddr *)&address, &len) == -1)
        err(1, "getsockname");

    char text[ADDRESS_TEXT];
    address_text(&address, text);
    printf("Listening on %s\n", text);
    return listener;
}

/* Returns a connection to the next client, and fills in who that is. What one
   client does wrong, or too many at once, must not end the server. */
static int accept_client(int listener, struct sockaddr_in *client)
{
    for (;;) {
        socklen_t len = sizeof(*client);
        int conn = accept(listener, (struct sockaddr *)client, &len);
        if (conn != -1)
            return conn;
        /* ECONNABORTED: this client went away while it stood in the queue. */
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        /* Out of descriptors, say. They come back, but not in this instant. */
        warn("accept");
        sleep(1);
    }
}

/* Sends all `len` bytes, for send(2) may take only some of them: a short
   write. Returns 0, or -1 with errno. */
static int send_all(int conn, const char *bytes, size_t len)
{
    /* Step 3: send what is left, until nothing is left. */
    while (len > 0) {
        ssize_t n = send(conn, bytes, len, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Sends back what comes, until the client has no more to say or is gone.
   Returns how many bytes came. */
static unsigned long long echo(int conn, const char *client)
{
    char buf[4096];
    unsigned long long count = 0;

    /* Step 2: receive, count and send back, until the end of file. */
    for (;;) {
        ssize_t n = recv(conn, buf, sizeof(buf), 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            warn("recv from %s", client);
        if (n <= 0)
            return count;

        count += (size_t)n;
        if (send_all(conn, buf, (size_t)n) == -1) {
            warn("send to %s", client);
            return count;
        }
    }
}

/* Serves one client after another. Never returns. */
static _Noreturn void serve_clients(int listener)
{
    struct sockaddr_in address;
    char client[ADDRESS_TEXT];

    /* Step 1: accept, echo, close; and again. */
    for (;;) {
        int conn = accept_client(listener, &address);
        address_text(&address, client);
        printf("Client %s connected\n", client);
        unsigned long long count = echo(conn, client);
        printf("Client %s disconnected after %llu bytes\n", client, count);
        close(conn);
    }
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, LAB_PORT, NULL);

    /* Sending to a client that is gone raises SIGPIPE, which ends a program.
       When it is ignored, send returns -1 with EPIPE, and only that client's
       connection ends. */
    signal(SIGPIPE, SIG_IGN);

    int listener = open_listener(cli.host, cli.port);
    serve_clients(listener);
}
