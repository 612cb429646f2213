/*
 * The greeting lies in three places, and writev(2) gathers them. It may take
 * less than all of them, too. There is a handler for the signals that end the
 * program, which is allowed as long as they do.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static void enough(int signal_number)
{
    _exit(128 + signal_number);
}

static void print(const char *what, const struct sockaddr_in *address)
{
    char ip[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &address->sin_addr, ip, sizeof(ip));
    printf("%s %s port %d\n", what, ip, ntohs(address->sin_port));
}

/* Takes the first n bytes away, and returns how many places are done. */
static int advance(struct iovec *places, int count, size_t n)
{
    int done = 0;

    while (done < count && n >= places[done].iov_len)
        n -= places[done++].iov_len;
    if (done < count) {
        places[done].iov_base = (char *)places[done].iov_base + n;
        places[done].iov_len -= n;
    }
    return done;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 5000, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    address.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &address.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, enough);
    signal(SIGTERM, enough);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        err(1, "socket");
    puts("Socket successfully created");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)))
        err(1, "setsockopt");
    if (bind(listener, (struct sockaddr *)&address, len))
        err(1, "bind %s port %d", cli.host, cli.port);
    if (getsockname(listener, (struct sockaddr *)&address, &len))
        err(1, "getsockname");
    print("Socket bound to", &address);
    if (listen(listener, 5))
        err(1, "listen");
    print("Listening on", &address);

    len = sizeof(address);
    int conn = accept(listener, (struct sockaddr *)&address, &len);
    if (conn == -1)
        err(1, "accept");
    close(listener); /* nobody else is served */
    print("Got connection from", &address);

    char thank[] = "Thank you ", what[] = "for ", newline[] = "connecting\n";
    struct iovec places[] = {
        {thank, sizeof(thank) - 1},
        {what, sizeof(what) - 1},
        {newline, sizeof(newline) - 1},
    };
    for (int done = 0; done < 3;) {
        ssize_t n = writev(conn, places + done, 3 - done);
        if (n == -1 && errno != EINTR)
            err(1, "writev");
        if (n > 0)
            done += advance(places + done, 3 - done, (size_t)n);
    }
    shutdown(conn, SHUT_WR);
    close(conn);
    return 0;
}
