/*
 * Lab 3, chat: the server. It chats with one client, in turns; the client
 * opens. `bye` from either side ends it.
 *
 *     build/lab3/server [PORT [ADDRESS]]
 *
 * Start it, and in a second terminal type: nc 127.0.0.1 8080
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "chat.h"
#include "cli.h"
#include "net.h"

enum { LAB_PORT = 8080 };

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, LAB_PORT, NULL);
    char address[ADDRESS_TEXT];

    signal(SIGPIPE, SIG_IGN); /* a client that is gone is an error: lab 2 */

    puts("Server started");
    int listener = tcp_listen(cli.host, cli.port, address);
    printf("Listening on %s\n", address);

    int conn = tcp_accept(listener, address);
    close(listener); /* one chat is all: nobody else shall wait */
    printf("Connected client: %s\n", address);

    struct chat chat = {
        .peer = "Client",
        .typed = {.fd = STDIN_FILENO},
        .heard = {.fd = conn},
    };
    while (hear(&chat) && speak(&chat))
        continue;
    close(conn);
    return 0;
}
