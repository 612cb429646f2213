#include "net.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

void address_text(const struct sockaddr *address, socklen_t len,
                  char text[static ADDRESS_TEXT])
{
    char host[ADDRESS_TEXT - sizeof(" port 65535")];
    char port[sizeof("65535")];

    int error = getnameinfo(address, len, host, sizeof(host), port,
                            sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    if (error)
        snprintf(text, ADDRESS_TEXT, "(%s)", gai_strerror(error));
    else
        snprintf(text, ADDRESS_TEXT, "%s port %s", host, port);
}

static struct sockaddr_in make_address(const char *ip, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
    };

    if (inet_pton(AF_INET, ip, &address.sin_addr) != 1)
        errx(2, "invalid address '%s'", ip);
    return address;
}

int tcp_listen(const char *ip, uint16_t port, char text[static ADDRESS_TEXT])
{
    struct sockaddr_in address = make_address(ip, port);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        err(1, "socket");

    int yes = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == -1)
        err(1, "setsockopt SO_REUSEADDR");

    socklen_t len = sizeof(address);
    if (bind(listener, (struct sockaddr *)&address, len) == -1)
        err(1, "bind %s port %u", ip, port);
    if (listen(listener, SOMAXCONN) == -1)
        err(1, "listen %s port %u", ip, port);
    if (getsockname(listener, (struct sockaddr *)&address, &len) == -1)
        err(1, "getsockname");
    address_text((struct sockaddr *)&address, len, text);
    return listener;
}

int tcp_accept(int listener, char text[static ADDRESS_TEXT])
{
    struct sockaddr_storage client; /* has room for any family's address */

    for (;;) {
        socklen_t len = sizeof(client);
        int conn = accept(listener, (struct sockaddr *)&client, &len);
        if (conn != -1 && len == 0) { /* macOS: reset in the queue */
            close(conn);
            continue;
        }
        if (conn != -1) {
            address_text((struct sockaddr *)&client, len, text);
            return conn;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        warn("accept");
        sleep(1);
    }
}

int tcp_connect(const char *ip, uint16_t port)
{
    struct sockaddr_in address = make_address(ip, port);
    int conn = socket(AF_INET, SOCK_STREAM, 0);

    if (conn == -1)
        err(1, "socket");
    if (connect(conn, (struct sockaddr *)&address, sizeof(address)) == -1)
        err(1, "connect %s port %u", ip, port);
    return conn;
}

int send_all(int conn, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(conn, bytes, len, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}
