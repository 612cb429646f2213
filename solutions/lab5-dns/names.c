#include "names.h"

#include <sys/socket.h>

#include <stdio.h>
#include <string.h>

#include "cli.h"

int look_up(const char *name, const char *service, struct addrinfo **list)
{
    /* Step 2: ask for the addresses of both families, for TCP only. */
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    return getaddrinfo(name, service, &hints, list);
}

void ip_text(const struct addrinfo *address, char text[static IP_TEXT])
{
    /* Step 3: write the address in digits, whatever its family. */
    int error = getnameinfo(address->ai_addr, address->ai_addrlen, text,
                            IP_TEXT, NULL, 0, NI_NUMERICHOST);
    if (error)
        snprintf(text, IP_TEXT, "(%s)", gai_strerror(error));
}

bool is_repeated(const struct addrinfo *list, const struct addrinfo *address)
{
    for (; list != address; list = list->ai_next)
        if (list->ai_addrlen == address->ai_addrlen &&
            memcmp(list->ai_addr, address->ai_addr, list->ai_addrlen) == 0)
            return true;
    return false;
}
