/*
 * One byte for each write. A stream has no pieces that anybody could count on,
 * so this is as right as one send, though slow. read(2) and write(2) work on
 * sockets as recv(2) and send(2) do.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static void print_address(const char *what, const struct sockaddr_in *address)
{
    const unsigned char *b = (const unsigned char *)&address->sin_addr;

    printf("%s %d.%d.%d.%d port %d\n", what, b[0], b[1], b[2], b[3],
           ntohs(address->sin_port));
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 5000, NULL);
    struct sockaddr_in me = {.sin_family = AF_INET}, peer;
    socklen_t len = sizeof(me);
    int yes = 1;

    me.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &me.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        err(1, "socket");
    puts("Socket successfully created");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == -1)
        err(1, "setsockopt");
    if (bind(listener, (struct sockaddr *)&me, sizeof(me)) == -1)
        err(1, "bind %s port %d", cli.host, cli.port);
    if (getsockname(listener, (struct sockaddr *)&me, &len) == -1)
        err(1, "getsockname");
    print_address("Socket bound to", &me);
    if (listen(listener, 5) == -1)
        err(1, "listen");
    print_address("Listening on", &me);

    len = sizeof(peer);
    int conn = accept(listener, (struct sockaddr *)&peer, &len);
    if (conn == -1)
        err(1, "accept");
    print_address("Got connection from", &peer);

    /* Else the second byte would wait until the first is acknowledged. */
    setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    for (const char *p = "Thank you for connecting\n"; *p;) {
        ssize_t n = write(conn, p, 1);
        if (n == 1)
            p++;
        else if (errno != EINTR)
            err(1, "write");
    }
    return 0; /* which closes both sockets */
}
