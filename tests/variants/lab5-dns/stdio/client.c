/*
 * Everything through stdio: getline(3) for what is typed, getc for the
 * answer, a FILE to read from the server and another one to write to it. At
 * the end of input it half-closes, and waits until the server has closed,
 * too.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { LIMIT = 1024, ANSWER = 1200, TEXT = 64 };

static int try(const char *name, const struct addrinfo *a)
{
    char ip[TEXT], port[TEXT];
    int conn = socket(a->ai_family, a->ai_socktype, a->ai_protocol);

    if (conn == -1) {
        perror("client: socket");
        return -1;
    }
    getnameinfo(a->ai_addr, a->ai_addrlen, ip, TEXT, port, TEXT,
                NI_NUMERICHOST | NI_NUMERICSERV);
    printf("Socket successfully created\nIP of %s %s\n", name, ip);
    if (connect(conn, a->ai_addr, a->ai_addrlen) == -1) {
        warn("connect %s port %s", ip, port);
        close(conn);
        return -1;
    }
    printf("Connected to %s port %s\n", ip, port);
    return conn;
}

static int connect_to(const char *name, const char *service)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all, *a;
    int conn = -1, error = getaddrinfo(name, service, &hints, &all);

    if (error) {
        fprintf(stderr, "client: %s: %s\n", name, gai_strerror(error));
        exit(1);
    }
    for (a = all; a && conn == -1; a = a->ai_next)
        conn = try(name, a);
    freeaddrinfo(all);
    if (conn == -1)
        exit(1); /* each failure has been told */
    return conn;
}

/* Prints lines until one is empty. Returns false at the end of file. */
static bool print_answer(FILE *in)
{
    char line[ANSWER];
    size_t len = 0;
    int c;

    while ((c = getc(in)) != EOF) {
        line[len++] = (char)c;
        if (c != '\n' && len == ANSWER)
            errx(1, "an answer with a line of more than %d bytes", ANSWER);
        if (c != '\n')
            continue;
        if (len > 1 && line[len - 2] == '\r')
            line[--len - 1] = '\n';
        if (len == 1)
            return true;
        fwrite(line, 1, len, stdout);
        len = 0;
    }
    if (ferror(in))
        err(1, "read");
    return false;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client_by_name(argc, argv, 5300, NULL);
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    signal(SIGPIPE, SIG_IGN);
    int conn = connect_to(cli.host, cli.service);
    FILE *in = fdopen(conn, "r"), *out = fdopen(dup(conn), "w");
    if (in == NULL || out == NULL)
        err(1, "fdopen");
    while ((n = getline(&line, &size, stdin)) != -1) {
        bool ended = line[n - 1] == '\n';
        if (n + !ended > LIMIT) {
            warnx("this name is too long");
            continue;
        }
        fwrite(line, 1, (size_t)n, out);
        if (!ended)
            putc('\n', out);
        if (fflush(out) == EOF)
            err(1, "write");
        if (!print_answer(in))
            errx(1, "the server has left");
    }
    free(line);
    shutdown(conn, SHUT_WR);
    while (print_answer(in))
        continue;
    fclose(out);
    return fclose(in) == EOF;
}
