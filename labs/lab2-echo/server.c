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
    /* TODO 3: send what is left, until nothing is left. Use send(2).
       Afterwards: nc gets back what you type. About 9 lines. */
    todo(3, conn, bytes, len);
}

/* Sends back what comes, until the client has no more to say or is gone.
   Returns how many bytes came. */
static unsigned long long echo(int conn, const char *client)
{
    char buf[4096];
    unsigned long long count = 0;

    /* TODO 2: receive, count and send back, until the end of file. Use
       recv(2), send_all, and warn(3) for what fails. Afterwards: a client
       that sends nothing is "disconnected after 0 bytes". About 14 lines. */
    todo(2, conn, client, buf, count, send_all);
}

/* Serves one client after another. Never returns. */
static _Noreturn void serve_clients(int listener)
{
    struct sockaddr_in address;
    char client[ADDRESS_TEXT];

    /* TODO 1: accept, echo, close; and again. Use accept_client,
       address_text, echo, close(2). Afterwards: the server prints "Client
       127.0.0.1 port ... connected" and, when echo is done, "Client ...
       disconnected after ... bytes". About 8 lines. */
    todo(1, listener, &address, client, accept_client, address_text, echo);
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
