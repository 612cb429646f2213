/*
 * inet_ntop(3) by family, as before getnameinfo(3). Two addresses are the same
 * when they read the same. And the hints are zeroed by memset, and name TCP as
 * the protocol as well as the kind of socket.
 */
#include "names.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <string.h>

int look_up(const char *name, const char *service, struct addrinfo **list)
{
    struct addrinfo hints;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    return getaddrinfo(name, service, &hints, list);
}

void ip_text(const struct addrinfo *address, char text[static IP_TEXT])
{
    const struct sockaddr_in *ipv4 = (const void *)address->ai_addr;
    const struct sockaddr_in6 *ipv6 = (const void *)address->ai_addr;

    if (address->ai_family == AF_INET)
        inet_ntop(AF_INET, &ipv4->sin_addr, text, INET_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &ipv6->sin6_addr, text, INET6_ADDRSTRLEN);
}

bool is_repeated(const struct addrinfo *list, const struct addrinfo *address)
{
    char one[IP_TEXT], other[IP_TEXT];

    if (list == address)
        return false;
    ip_text(list, one);
    ip_text(address, other);
    return strcmp(one, other) == 0 || is_repeated(list->ai_next, address);
}
