/*
 * Lab 1, greeting: the client. It prints all that a server says, and ends.
 *
 *     build/lab1/client [HOST [PORT]]
 *     build/lab1/client -i
 *
 * Start the server first. `nc -l 127.0.0.1 5000` is one, too: type a line into
 * it and press Ctrl-C; the client prints the line and ends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

enum { LAB_PORT = 5000 };

/* Returns a socket that is connected to the server. The client binds it to
   no address of its own: connect picks a free port. */
static int connect_to(const char *ip, uint16_t port)
{
    /* TODO 6: make a socket as the server did, and connect it. Use
       socket(2), inet_pton(3), htons(3), connect(2), err(1, "connect %s
       port %u", ip, port). Afterwards: the server prints "Got connection
       from". About 13 lines. */
    todo(6, ip, port);
}

/* Prints what the server sends, in however many pieces it comes. */
static void print_all(int conn)
{
    /* TODO 7: receive and print until the end of file, which is 0 bytes.
       Use recv(2), fwrite(3). Afterwards: the client prints the greeting.
       About 6 lines. */
    todo(7, conn);
}

int main(int argc, char **argv)
{
    bool ask = false;
    const struct cli_option options[] = {
        {.letter = 'i',
         .given = &ask,
         .alone = true,
         .help = "ask for the server's address and port"},
        {0},
    };
    struct cli cli = cli_client(argc, argv, LAB_PORT, options);
    if (ask)
        cli_ask(&cli);

    /* As in the server: who reads our output may be gone, too. */
    signal(SIGPIPE, SIG_IGN);

    int conn = connect_to(cli.host, cli.port);
    print_all(conn);
    close(conn);
    return 0;
}
