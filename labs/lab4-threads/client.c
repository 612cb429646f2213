/*
 * Lab 4, threads: the client. It sends each line that is typed and prints the
 * answer. `bye` ends it, as does the end of input.
 *
 *     build/lab4/client [HOST [PORT]]
 *
 * Start the server first, and then as many clients as you like.
 */
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "lines.h"
#include "net.h"

enum { LAB_PORT = 3000 };

/* Prints the server's next line. Returns false when none will come. */
static bool print_answer(struct reader *server)
{
    const char *line;
    size_t len;

    int result = read_line(server, &line, &len);
    if (result == -1)
        err(1, "receive from the server");
    if (result == 0)
        return false;
    fputs("From Server: ", stdout);
    fwrite(line, 1, len, stdout);
    putchar('\n');
    return true;
}

/* Sends line after line, and prints the answer to each. Returns false after a
   `bye`, and true at the end of input. */
static bool converse(struct reader *typed, struct reader *server)
{
    /* TODO 4: read a typed line, send it, and print its answer; and again.
       Use read_typed_line, send_line, line_is, print_answer, err(3).
       Afterwards: the client prints "From Server: Server has received your
       data thanks". About 15 lines. */
    todo(4, typed, server, print_answer);
}

/* Tells the server that nothing more will come, and prints what it still has
   to say. */
static void finish(struct reader *server)
{
    /* TODO 5: half-close, then print answers until the end of file. Use
       shutdown(2), print_answer. Afterwards: Ctrl-D ends the client when
       the server has said all. About 4 lines. */
    todo(5, server, print_answer);
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client(argc, argv, LAB_PORT, NULL);

    signal(SIGPIPE, SIG_IGN); /* a server that is gone is an error: lab 2 */

    struct reader typed = {.fd = STDIN_FILENO};
    struct reader server = {.fd = tcp_connect(cli.host, cli.port)};
    if (converse(&typed, &server))
        finish(&server);
    close(server.fd);
    return 0;
}
