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
    /* TODO 1: ask the system for a socket. Use socket(2), and end with
       err(3) when it returns -1. Afterwards: the server prints "Socket
       successfully created". About 5 lines. */
    todo(1);
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
    /* TODO 2: put the number on the door, and read what it says now. Use
       inet_pton(3), errx(2, "invalid address '%s'", ip), htons(3), bind(2),
       err(1, "bind %s port %u", ip, port), getsockname(2). Afterwards: it
       prints "Socket bound to" and its address, and refuses `server 5000
       localhost`. About 14 lines. */
    todo(2, listener, ip, port, print_address);
}

/* From now on clients can connect. They wait in a queue to be accepted. */
static void start_listening(int listener, const struct sockaddr_in *address)
{
    /* TODO 3: let clients queue up. Use listen(2). Afterwards: it prints
       "Listening on" and its address. About 3 lines. */
    todo(3, listener, address, BACKLOG);
}

/* Waits for a client. Returns a second socket, its end of the connection;
   the listener stays what it was. A signal may interrupt accept, send or recv
   (EINTR): that ends this program, while lab 2 calls again. */
static int accept_client(int listener)
{
    /* TODO 4: take one client from the queue. Use accept(2). Afterwards: it
       prints "Got connection from" and the client's address. About 7 lines. */
    todo(4, listener);
}

/* So few bytes go out in one piece. Lab 2 sends more, and looks how many of
   them went. */
static void greet(int conn)
{
    /* TODO 5: send the characters, but not the NUL that ends the string.
       Use send(2). Afterwards: `nc 127.0.0.1 5000` prints the greeting.
       About 2 lines. */
    todo(5, conn, greeting);
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
