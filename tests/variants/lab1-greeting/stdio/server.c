/*
 * The connection is a FILE: fdopen(3) makes it one. fputs only fills its
 * buffer; fclose sends what is in it, and tells whether that failed. Both lines
 * with the address come after listen, when both are true.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>

#include "cli.h"

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 5000, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    char ip[INET_ADDRSTRLEN];
    int yes = 1;

    if (!inet_pton(AF_INET, cli.host, &address.sin_addr))
        errx(2, "invalid address '%s'", cli.host);
    address.sin_port = htons(cli.port);
    signal(SIGPIPE, SIG_IGN);

    int listener = socket(PF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (listener < 0)
        err(1, "socket");
    printf("Socket successfully created\n");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)))
        err(1, "setsockopt");
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)))
        err(1, "bind %s port %d", cli.host, cli.port);
    if (listen(listener, 5))
        err(1, "listen");
    if (getsockname(listener, (struct sockaddr *)&address, &len))
        err(1, "getsockname");
    inet_ntop(AF_INET, &address.sin_addr, ip, sizeof(ip));
    int port = ntohs(address.sin_port);
    printf("Socket bound to %s port %d\nListening on %s port %d\n", ip, port,
           ip, port);

    len = sizeof(address);
    int conn = accept(listener, (struct sockaddr *)&address, &len);
    if (conn < 0)
        err(1, "accept");
    inet_ntop(AF_INET, &address.sin_addr, ip, sizeof(ip));
    printf("Got connection from %s port %d\n", ip, ntohs(address.sin_port));

    FILE *net = fdopen(conn, "w");
    if (net == NULL)
        err(1, "fdopen");
    if (fputs("Thank you for connecting\n", net) == EOF || fclose(net) == EOF)
        err(1, "send to %s", ip);
    return 0;
}
