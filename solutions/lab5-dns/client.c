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
    /* Step 4: make a socket of the address's family, and connect it. */
    int conn =
        socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (conn == -1) {
        warn("socket for %s", text);
        return -1;
    }
    puts("Socket successfully created");
    ip_text(address, ip);
    printf("IP of %s %s\n", name, ip);
    if (connect(conn, address->ai_addr, address->ai_addrlen) == -1) {
        warn("connect %s", text);
        close(conn);
        return -1;
    }
    printf("Connected to %s\n", text);
    return conn;
}

/* Returns a connection to the first address of the name that answers. */
static int connect_by_name(const char *name, const char *service)
{
    struct addrinfo *list;
    int conn = -1;

    /* Step 4: look up, try one address after another, and free the list. */
    int error = look_up(name, service, &list);
    if (error == EAI_SYSTEM)
        err(1, "%s port %s", name, service);
    if (error)
        errx(1, "%s port %s: %s", name, service, gai_strerror(error));
    for (const struct addrinfo *a = list; a && conn == -1; a = a->ai_next)
        if (!is_repeated(list, a))
            conn = try_address(name, a);
    freeaddrinfo(list);
    if (conn == -1)
        errx(1, "%s port %s: no address answers", name, service);
    return conn;
}

/* Prints an answer, without the empty line that ends it. */
static void print_answer(struct reader *server)
{
    const char *line;
    size_t len;

    /* Step 5: read and print lines until one is empty. */
    for (;;) {
        int result = read_line(server, &line, &len);
        if (result == -1)
            err(1, "receive from the server");
        if (result == 0)
            errx(1, "the server is gone");
        if (len == 0)
            return;
        fwrite(line, 1, len, stdout);
        putchar('\n');
    }
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
