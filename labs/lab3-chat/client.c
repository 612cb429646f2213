/*
 * Lab 3, chat: the client. It opens the chat by itself; then both sides type
 * in turns. `bye` from either side ends it.
 *
 *     build/lab3/client [HOST [PORT]]
 *
 * Start the server first.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "chat.h"
#include "cli.h"
#include "net.h"

enum { LAB_PORT = 8080 };

static const char opening[] = "This is from Client";

int main(int argc, char **argv)
{
    struct cli cli = cli_client(argc, argv, LAB_PORT, NULL);

    signal(SIGPIPE, SIG_IGN); /* a server that is gone is an error: lab 2 */

    int conn = tcp_connect(cli.host, cli.port);
    struct chat chat = {
        .peer = "Server",
        .typed = {.fd = STDIN_FILENO},
        .heard = {.fd = conn},
    };
    if (say(&chat, opening, strlen(opening)))
        while (hear(&chat) && speak(&chat))
            continue;
    close(conn);
    return 0;
}
