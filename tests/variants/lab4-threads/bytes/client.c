/*
 * One byte for each read, from the keyboard and from the server, into one and
 * the same line: it is sent before the answer comes into its place.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { LIMIT = 1024 };

static char line[LIMIT + 1];
static size_t len;

/* Reads a line, without its end. Of one that is too long it reads the rest,
   too, and sets len beyond the limit. Returns false when there is none. */
static bool get_line(int fd)
{
    char byte = 0;
    ssize_t n;

    len = 0;
    while ((n = read(fd, &byte, 1)) == 1 && byte != '\n') {
        line[len < LIMIT ? len : LIMIT] = byte;
        len++;
        if (len >= LIMIT && fd != STDIN_FILENO)
            errx(1, "an answer is too long");
    }
    if (n == -1)
        err(1, "read");
    if (n == 1 && len > 0 && len < LIMIT && line[len - 1] == '\r')
        len--;
    return n == 1 || len > 0;
}

static bool print_answer(int conn)
{
    if (!get_line(conn))
        return false;
    printf("From Server: ");
    fwrite(line, 1, len, stdout);
    puts("");
    return true;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client(argc, argv, 3000, NULL);
    struct sockaddr_in to = {.sin_family = AF_INET};
    int conn = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &to.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    if (connect(conn, (struct sockaddr *)&to, sizeof(to)) == -1)
        err(1, "connect %s port %u", cli.host, cli.port);
    signal(SIGPIPE, SIG_IGN);
    while (get_line(STDIN_FILENO)) {
        if (len >= LIMIT) {
            warnx("too long, not sent");
            continue;
        }
        line[len] = '\n';
        for (size_t i = 0; i <= len; i++)
            if (write(conn, &line[i], 1) != 1)
                err(1, "write");
        if (len == 3 && memcmp(line, "bye", 3) == 0)
            return 0;
        if (!print_answer(conn))
            errx(1, "the server has left");
    }
    if (shutdown(conn, SHUT_WR) == -1)
        err(1, "shutdown");
    while (print_answer(conn))
        continue;
    return 0;
}
