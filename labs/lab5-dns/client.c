/*
 * Lab 5, dns: the client. It finds the server by name, and asks it for each
 * name that is typed.
 *
 *     build/lab5/client [HOST [PORT]]
 *
 * HOST may be a name, and PORT that of a service.
 */
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "lines.h"
#include "names.h"
#include "net.h"

enum { LAB_PORT = 5300 };

/* The answer repeats the name, so that its lines are longer than the one that
   asked: by this much at most. */
enum { ANSWER_LIMIT = LINE_LIMIT + 128 };

/* Tries one address. Returns the connection; or -1, and has said why. */
static int try_address(const char *name, const struct addrinfo *address)
{
    char ip[IP_TEXT], text[ADDRESS_TEXT];

    address_text(address->ai_addr, address->ai_addrlen, text);
    /* TODO 4: make a socket of the address's family, and connect it. Use
       socket(2), ip_text, printf(3), connect(2); warn(3) and close(2) for
       what fails. Afterwards: the client prints the three lines of the
       handout's transcript. About 15 lines. */
    todo(4, name, ip, text);
}

/* Returns a connection to the first address of the name that answers. */
static int connect_by_name(const char *name, const char *service)
{
    struct addrinfo *list;
    int conn = -1;

    /* TODO 4: look up, try one address after another, and free the list.
       Use look_up, gai_strerror(3), is_repeated, try_address,
       freeaddrinfo(3). Afterwards: the client is connected to localhost.
       About 11 lines. */
    todo(4, name, service, &list, &conn, try_address);
}

/* Prints an answer, without the empty line that ends it. */
static void print_answer(struct reader *server)
{
    const char *line;
    size_t len;

    /* TODO 5: read and print lines until one is empty. Use read_line,
       fwrite(3), err(3), errx(3). Afterwards: the client prints the
       addresses of each name that is typed. About 11 lines. */
    todo(5, server, &line, &len);
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client_by_name(argc, argv, LAB_PORT, NULL);

    signal(SIGPIPE, SIG_IGN); /* a server that is gone is an error: lab 2 */

    struct reader typed = {.fd = STDIN_FILENO};
    struct reader server = {
        .fd = connect_by_name(cli.host, cli.service),
        .limit = ANSWER_LIMIT,
    };
    const char *name;
    size_t len;
    int result;
    while ((result = read_typed_line(&typed, &name, &len)) == 1) {
        if (send_line(server.fd, name, len) == -1)
            err(1, "send to the server");
        print_answer(&server);
    }
    if (result == -1)
        err(1, "read stdin");
    close(server.fd);
    return 0;
}
