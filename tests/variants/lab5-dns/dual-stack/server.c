/*
 * One IPv6 socket for both families: the address to listen on is an IPv6 one in
 * any case, with AI_V4MAPPED, and IPv4 is shown as ::ffff:127.0.0.1. What has
 * been written already is looked for in the answer itself: that is the list of
 * addresses that were seen.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "clients.h"
#include "lines.h"
#include "names.h"
#include "net.h"

static int start_listening(const char *ip, uint16_t port)
{
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_V4MAPPED,
        .ai_family = AF_INET6,
        .ai_socktype = SOCK_STREAM,
    };
    struct sockaddr_in6 address;
    socklen_t len = sizeof(address);
    struct addrinfo *own;
    char text[ADDRESS_TEXT];
    int no = 0, yes = 1, listener = socket(AF_INET6, SOCK_STREAM, 0);

    if (getaddrinfo(ip, NULL, &hints, &own) != 0)
        errx(2, "invalid address '%s'", ip);
    memcpy(&address, own->ai_addr, sizeof(address));
    freeaddrinfo(own);
    address.sin6_port = htons(port);
    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, (struct sockaddr *)&address, len) == -1 ||
        listen(listener, SOMAXCONN) == -1 ||
        getsockname(listener, (struct sockaddr *)&address, &len) == -1)
        err(1, "listen on %s port %u", ip, port);
    address_text((struct sockaddr *)&address, len, text);
    printf("Listening on %s\n", text);
    return listener;
}

/* Returns the answer, and how many addresses are in it. The caller frees it. */
static char *make_answer(const char *name, const struct addrinfo *list,
                         int *count)
{
    size_t room = strlen(name) + sizeof("IP of  \n") + IP_TEXT, len = 0;
    char *text = calloc(1, sizeof("\n")), *more;

    *count = 0;
    for (; text && list; list = list->ai_next) {
        char ip[IP_TEXT + 2] = " ";
        ip_text(list, ip + 1);
        memcpy(ip + strlen(ip), "\n", sizeof("\n"));
        if (strstr(text, ip))
            continue;
        if ((more = realloc(text, len + room)) == NULL)
            free(text);
        if ((text = more) != NULL)
            len += (size_t)snprintf(text + len, room, "IP of %s%s", name, ip);
        ++*count;
    }
    return text;
}

static int answer(int conn, unsigned number, const char *line, size_t len)
{
    char name[LINE_LIMIT], log[LINE_LIMIT + 200], *text;
    struct addrinfo *list;
    size_t n =
        (size_t)snprintf(log, sizeof(log), "Client %u asked for ", number);
    size_t room = sizeof(log) - n - len;
    int count, sent;

    memcpy(name, line, len);
    name[len] = '\0';
    memcpy(log + n, line, len);
    int error =
        memchr(line, '\0', len) ? EAI_NONAME : look_up(name, NULL, &list);
    if (error) {
        const char *reason = gai_strerror(error);
        n += len + (size_t)snprintf(log + n + len, room, ": %s\n", reason);
        fwrite(log, 1, n, stdout);
        sent = send_all(conn, log + n - len - strlen(reason) - 3,
                        len + strlen(reason) + 3);
    } else {
        text = make_answer(name, list, &count);
        freeaddrinfo(list);
        if (text == NULL)
            return -1;
        n += len + (size_t)snprintf(log + n + len, room, ": %d address%s\n",
                                    count, count == 1 ? "" : "es");
        fwrite(log, 1, n, stdout);
        sent = send_all(conn, text, strlen(text));
        free(text);
    }
    return sent == -1 ? -1 : send_all(conn, "\n", 1);
}

static int serve(int conn, unsigned number)
{
    struct reader asked = {.fd = conn};
    const char *line;
    size_t len;
    int result;

    while ((result = read_line(&asked, &line, &len)) == 1)
        if (answer(conn, number, line, len) == -1)
            return -1;
    return result;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 5300, NULL);

    signal(SIGPIPE, SIG_IGN);
    serve_clients(start_listening(cli.host, cli.port), serve);
}
