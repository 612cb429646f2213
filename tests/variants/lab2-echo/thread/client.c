/*
 * One thread sends, one receives, and neither waits for the other: so there is
 * no deadlock. At the end the two counts tell whether all came back.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static int conn;
static atomic_ullong sent;
static atomic_bool ended;

static void *send_input(void *unused)
{
    char chunk[4096];
    ssize_t n;

    (void)unused;
    while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
        sent += (unsigned long long)n;
        for (ssize_t done = 0, part; done<n; done += part> 0 ? part : 0) {
            part = send(conn, chunk + done, (size_t)(n - done), 0);
            if (part == -1 && errno != EINTR)
                return NULL; /* the receiver sees that, too, and reports it */
        }
    }
    ended = true;
    shutdown(conn, SHUT_WR);
    return NULL;
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client(argc, argv, 1234, NULL);
    struct sockaddr_in server = {.sin_family = AF_INET};

    server.sin_port = htons(cli.port);
    if (inet_pton(AF_INET, cli.host, &server.sin_addr) != 1)
        errx(2, "invalid address '%s'", cli.host);
    signal(SIGPIPE, SIG_IGN);
    conn = socket(AF_INET, SOCK_STREAM, 0);
    if (conn == -1)
        err(1, "socket");
    if (connect(conn, (struct sockaddr *)&server, sizeof(server)) == -1)
        err(1, "connect %s port %d", cli.host, cli.port);

    pthread_t sender;
    errno = pthread_create(&sender, NULL, send_input, NULL);
    if (errno != 0)
        err(1, "pthread_create");

    char buf[2048];
    unsigned long long came = 0;
    ssize_t n;
    while ((n = recv(conn, buf, sizeof(buf), 0)) != 0) {
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            err(1, "recv");
        came += (unsigned long long)n;
        fwrite(buf, 1, (size_t)n, stdout);
        fflush(stdout);
    }
    if (!ended || came < sent)
        errx(1, "the server is gone");
    pthread_join(sender, NULL);
    return 0;
}
