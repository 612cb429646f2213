/*
 * A student in a hurry: numbers for names, the same struct for every address,
 * no close. It happens to be right: 25 bytes fit into an empty buffer, so send
 * takes all or fails; exit closes what is open; and nobody needs the listener's
 * address any more when accept overwrites it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cli.h"

int main(int c, char **v)
{
    struct cli o = cli_server(c, v, 5000, NULL);
    struct sockaddr_in a = {AF_INET, htons(o.port), {0}, {0}};
    socklen_t n = sizeof a;
    char t[99];
    int s, on = 1;

    if (!inet_pton(AF_INET, o.host, &a.sin_addr))
        errx(2, "invalid address '%s'", o.host);
    signal(SIGPIPE, SIG_IGN);
    if ((s = socket(AF_INET, SOCK_STREAM, 0)) < 0)
        err(1, "socket");
    puts("Socket successfully created");
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, n = sizeof on);
    if (bind(s, (void *)&a, n = sizeof a))
        err(1, "bind %s port %d", o.host, o.port);
    getsockname(s, (void *)&a, &n);
    inet_ntop(AF_INET, &a.sin_addr, t, sizeof t);
    printf("Socket bound to %s port %d\n", t, ntohs(a.sin_port));
    if (listen(s, 5))
        err(1, "listen");
    printf("Listening on %s port %d\n", t, ntohs(a.sin_port));
    if ((s = accept(s, (void *)&a, &n)) < 0)
        err(1, "accept");
    inet_ntop(AF_INET, &a.sin_addr, t, sizeof t);
    printf("Got connection from %s port %d\n", t, ntohs(a.sin_port));
    if (send(s, "Thank you for connecting\n", 25, 0) < 0)
        err(1, "send");
}
