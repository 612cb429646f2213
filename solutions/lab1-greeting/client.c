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
    /* Step 6: make a socket as the server did, and connect it. */
    int conn = socket(AF_INET, SOCK_STREAM, 0);
    if (conn == -1)
        err(1, "socket");

    struct sockaddr_in server = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
    };
    if (inet_pton(AF_INET, ip, &server.sin_addr) != 1)
        errx(2, "invalid address '%s'", ip);
    if (connect(conn, (struct sockaddr *)&server, sizeof(server)) == -1)
        err(1, "connect %s port %u", ip, port);
    return conn;
}

/* Prints what the server sends, in however many pieces it comes. */
static void print_all(int conn)
{
    /* Step 7: receive and print until the end of file, which is 0 bytes. */
    char buf[512];
    ssize_t n;
    while ((n = recv(conn, buf, sizeof(buf), 0)) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    if (n == -1)
        err(1, "recv from the server");
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
