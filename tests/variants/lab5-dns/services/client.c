/*
 * getservbyname(3) looks the service up, getaddrinfo(3) the name alone, and
 * the port is put into each address by hand. One byte for each read.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <ctype.h>
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { LIMIT = 1024 };

static char line[LIMIT + 200]; /* typed, or of the answer */
static size_t len;

/* Reads a line. Returns false at the end of file. */
static bool get_line(int fd, size_t limit)
{
    char byte = 0;
    ssize_t n;

    len = 0;
    while ((n = read(fd, &byte, 1)) == 1 && byte != '\n') {
        line[len < limit ? len : limit] = byte;
        if (++len > limit && fd != STDIN_FILENO)
            errx(1, "the answer is too long");
    }
    if (n == -1)
        err(1, "read");
    if (len > 0 && len < limit && n == 1 && line[len - 1] == '\r')
        len--;
    return n == 1 || len > 0;
}

static in_port_t port_of(const char *service)
{
    if (isdigit((unsigned char)*service))
        return htons((in_port_t)strtol(service, NULL, 10));
    struct servent *found = getservbyname(service, "tcp");
    if (found == NULL)
        errx(1, "there is no service %s", service);
    return (in_port_t)found->s_port;
}

static int try(const char *name, struct addrinfo *a, in_port_t port)
{
    struct sockaddr_in *ipv4 = (void *)a->ai_addr;
    struct sockaddr_in6 *ipv6 = (void *)a->ai_addr;
    bool is_ipv4 = a->ai_family == AF_INET;
    char ip[INET6_ADDRSTRLEN];

    *(is_ipv4 ? &ipv4->sin_port : &ipv6->sin6_port) = port;
    inet_ntop(a->ai_family,
              is_ipv4 ? (void *)&ipv4->sin_addr : (void *)&ipv6->sin6_addr, ip,
              sizeof(ip));
    int conn = socket(a->ai_family, SOCK_STREAM, 0);
    if (conn == -1)
        return -1;
    puts("Socket successfully created");
    printf("IP of %s %s\n", name, ip);
    if (connect(conn, a->ai_addr, a->ai_addrlen) == -1) {
        warn("connect %s port %d", ip, ntohs(port));
        close(conn);
        return -1;
    }
    printf("Connected to %s port %d\n", ip, ntohs(port));
    return conn;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client_by_name(argc, argv, 5300, NULL);
    struct addrinfo hints = {0}, *list;
    in_port_t port = port_of(cli.service);
    int conn = -1, error;

    signal(SIGPIPE, SIG_IGN);
    hints.ai_socktype = SOCK_STREAM;
    if ((error = getaddrinfo(cli.host, NULL, &hints, &list)) != 0)
        errx(1, "%s: %s", cli.host, gai_strerror(error));
    for (struct addrinfo *a = list; a && conn == -1; a = a->ai_next)
        conn = try(cli.host, a, port);
    freeaddrinfo(list);
    if (conn == -1)
        errx(1, "nobody answers at %s", cli.host);
    while (get_line(STDIN_FILENO, LIMIT)) {
        if (len >= LIMIT) {
            warnx("too long, not sent");
            continue;
        }
        line[len] = '\n';
        if (write(conn, line, len + 1) == -1)
            err(1, "write");
        do {
            if (!get_line(conn, sizeof(line) - 1))
                errx(1, "the answer has no end");
            line[len] = '\n';
            fwrite(line, 1, len > 0 ? len + 1 : 0, stdout);
        } while (len > 0);
    }
    return 0;
}
