/*
 * Everything through stdio: getline(3), which tells a length, so that a NUL
 * does no harm; one FILE to read from the server and one to write to it.
 */
#include <arpa/inet.h>
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

enum { LIMIT = 1024 };

static bool print_answer(FILE *from)
{
    char line[LIMIT];
    size_t len = 0;
    int c;

    while ((c = getc(from)) != EOF && c != '\n') {
        line[len++] = (char)c;
        if (len == sizeof(line))
            errx(1, "the server's line is too long");
    }
    if (ferror(from))
        err(1, "read");
    if (c == EOF && len == 0)
        return false;
    if (c == '\n' && len > 0 && line[len - 1] == '\r')
        len--;
    fputs("From Server: ", stdout);
    fwrite(line, 1, len, stdout);
    fputc('\n', stdout);
    return true;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client(argc, argv, 3000, NULL);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(cli.port)};
    int conn = socket(AF_INET, SOCK_STREAM, 0);
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    signal(SIGPIPE, SIG_IGN);
    if (inet_pton(AF_INET, cli.host, &a.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    if (connect(conn, (struct sockaddr *)&a, sizeof(a)) == -1)
        err(1, "connect %s port %u", cli.host, cli.port);
    FILE *from = fdopen(conn, "r"), *to = fdopen(dup(conn), "w");
    if (from == NULL || to == NULL)
        err(1, "fdopen");
    while ((len = getline(&line, &size, stdin)) != -1) {
        bool ended = line[len - 1] == '\n';
        if (len + !ended > LIMIT) {
            fprintf(stderr, "client: this line is too long\n");
            continue;
        }
        fwrite(line, 1, (size_t)len, to);
        if (!ended)
            putc('\n', to);
        if (fflush(to) == EOF)
            err(1, "write");
        len -= ended;
        len -= ended && len > 0 && line[len - 1] == '\r';
        if (len == 3 && memcmp(line, "bye", 3) == 0)
            exit(0);
        if (!print_answer(from))
            errx(1, "nobody is there any more");
    }
    free(line);
    if (shutdown(conn, SHUT_WR) == -1)
        err(1, "shutdown");
    while (print_answer(from))
        continue;
    fclose(to);
    return fclose(from) == EOF;
}
