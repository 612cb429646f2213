/*
 * An IPv6 socket that takes IPv4, too. An IPv4 client appears on it as
 * ::ffff:127.0.0.1, and is printed so: that is what its address is called
 * there.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char greeting[] = "Thank you for connecting\n";

static void print(const char *what, const struct sockaddr_in6 *address)
{
    char ip[INET6_ADDRSTRLEN];

    inet_ntop(AF_INET6, &address->sin6_addr, ip, sizeof(ip));
    printf("%s %s port %d\n", what, ip, ntohs(address->sin6_port));
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 5000, NULL);
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(cli.port),
    };
    struct in_addr ipv4;
    char mapped[64];
    int yes = 1, no = 0;

    if (inet_pton(AF_INET, cli.host, &ipv4) != 1)
        errx(2, "invalid address '%s'", cli.host);
    snprintf(mapped, sizeof(mapped), "::ffff:%s", cli.host);
    inet_pton(AF_INET6, mapped, &address.sin6_addr);
    signal(SIGPIPE, SIG_IGN);

    int listener = socket(AF_INET6, SOCK_STREAM, 0);
    if (listener == -1)
        err(1, "socket");
    puts("Socket successfully created");
    if (setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)))
        err(1, "setsockopt");
    socklen_t len = sizeof(address);
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
    print("Got connection from", &address);
    if (send(conn, greeting, strlen(greeting), 0) == -1)
        err(1, "send");
    close(conn);
    close(listener);
    return 0;
}
