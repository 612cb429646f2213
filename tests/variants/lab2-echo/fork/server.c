/*
 * A process for each client. The parent waits for it before it accepts the next
 * one, so there is still one client at a time, and no zombie stays.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static volatile sig_atomic_t child;

/* The child must not outlive the parent. */
static void stop(int signal_number)
{
    if (child > 0)
        kill((pid_t)child, SIGKILL);
    _exit(128 + signal_number);
}

/* Returns false when the client takes no more. */
static bool write_all(int conn, const char *bytes, ssize_t len)
{
    while (len > 0) {
        ssize_t n = write(conn, bytes, (size_t)len);
        if (n == -1 && errno != EINTR)
            return false;
        if (n > 0) {
            bytes += n;
            len -= n;
        }
    }
    return true;
}

static void serve(int conn, const struct sockaddr_in *client)
{
    char ip[INET_ADDRSTRLEN], buf[8192];
    int port = ntohs(client->sin_port);
    unsigned long count = 0;
    ssize_t n;

    inet_ntop(AF_INET, &client->sin_addr, ip, sizeof(ip));
    printf("Client %s port %d connected\n", ip, port);
    while ((n = read(conn, buf, sizeof(buf))) > 0 ||
           (n == -1 && errno == EINTR)) {
        if (n == -1)
            continue;
        count += (unsigned long)n;
        if (!write_all(conn, buf, n))
            break;
    }
    if (n != 0)
        warn("client %s port %d", ip, port);
    printf("Client %s port %d disconnected after %lu bytes\n", ip, port, count);
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 1234, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    char ip[INET_ADDRSTRLEN];
    int yes = 1;

    address.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &address.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        err(1, "socket");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
        bind(listener, (struct sockaddr *)&address, len) ||
        listen(listener, 5) ||
        getsockname(listener, (struct sockaddr *)&address, &len))
        err(1, "listen on %s port %d", cli.host, cli.port);
    inet_ntop(AF_INET, &address.sin_addr, ip, sizeof(ip));
    printf("Listening on %s port %d\n", ip, ntohs(address.sin_port));

    for (;;) {
        len = sizeof(address);
        int conn = accept(listener, (struct sockaddr *)&address, &len);
        if (conn == -1) {
            if (errno != EINTR && errno != ECONNABORTED) {
                warn("accept");
                sleep(1);
            }
            continue;
        }
        child = fork();
        if (child == 0) {
            signal(SIGTERM, SIG_DFL);
            signal(SIGINT, SIG_DFL);
            close(listener);
            serve(conn, &address);
            fflush(stdout);
            _exit(0);
        }
        if (child == -1)
            warn("fork");
        close(conn);
        while (child > 0 && waitpid(child, NULL, 0) == -1 && errno == EINTR)
            continue;
        child = 0;
    }
}
