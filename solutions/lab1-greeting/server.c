/*
 * Lab 1, greeting: the server. It thanks one client for connecting, and ends.
 *
 *     build/lab1/server [PORT [ADDRESS]]
 *
 * Start it, and in a second terminal type: nc 127.0.0.1 5000
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { LAB_PORT = 5000, BACKLOG = 5 };

static const char greeting[] = "Thank you for connecting\n";

/* Prints a line that ends with an address: "127.0.0.1 port 5000". */
static void print_address(const char *what, const struct sockaddr_in *address)
{
    char ip[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &address->sin_addr, ip, sizeof(ip));
    printf("%s %s port %u\n", what, ip, ntohs(address->sin_port));
}

/* Returns a new TCP socket: a door of this house, with no number on it yet. */
static int make_socket(void)
{
    /* Step 1: ask the system for a socket. */
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        err(1, "socket");
    puts("Socket successfully created");
    return listener;
}

/* Lets a server that has just ended start again. Lab 2 explains it. */
static void allow_restart(int listener)
{
    int yes = 1;

    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == -1)
        err(1, "setsockopt SO_REUSEADDR");
}

/* Gives the socket an address, and returns the one that it got: for port 0
   the system picks a free port. */
static struct sockaddr_in bind_socket(int listener, const char *ip,
                                      uint16_t port)
{
    /* Step 2: put the number on the door, and read what it says now. */
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
    };
    if (inet_pton(AF_INET, ip, &address.sin_addr) != 1)
        errx(2, "invalid address '%s'", ip);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) == -1)
        err(1, "bind %s port %u", ip, port);

    socklen_t len = sizeof(address);
    if (getsockname(listener, (struct sockaddr *)&address, &len) == -1)
        err(1, "getsockname");
    print_address("Socket bound to", &address);
    return address;
}

/* From now on clients can connect. They wait in a queue to be accepted. */
static void start_listening(int listener, const struct sockaddr_in *address)
{
    /* Step 3: let clients queue up. */
    if (listen(listener, BACKLOG) == -1)
        err(1, "listen port %u", ntohs(address->sin_port));
    print_address("Listening on", address);
}

/* Waits for a client. Returns a second socket, its end of the connection;
   the listener stays what it was. A signal may interrupt accept, send or recv
   (EINTR): that ends this program, while lab 2 calls again. */
static int accept_client(int listener)
{
    /* Step 4: take one client from the queue. */
    struct sockaddr_in client;
    socklen_t len = sizeof(client);
    int conn = accept(listener, (struct sockaddr *)&client, &len);
    if (conn == -1)
        err(1, "accept");
    print_address("Got connection from", &client);
    return conn;
}

/* So few bytes go out in one piece. Lab 2 sends more, and looks how many of
   them went. */
static void greet(int conn)
{
    /* Step 5: send the characters, but not the NUL that ends the string. */
    if (send(conn, greeting, strlen(greeting), 0) == -1)
        err(1, "send to the client");
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, LAB_PORT, NULL);

    /* Sending to a client that is gone shall fail with an error, not end the
       program with a signal. Lab 2 explains it. */
    signal(SIGPIPE, SIG_IGN);

    int listener = make_socket();
    allow_restart(listener);
    struct sockaddr_in address = bind_socket(listener, cli.host, cli.port);
    start_listening(listener, &address);

    int conn = accept_client(listener);
    greet(conn);
    close(conn);
    close(listener);
    return 0;
}
