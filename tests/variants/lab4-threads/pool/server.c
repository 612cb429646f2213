/*
 * Threads that are used again. Who accepts a client first sees to it that
 * somebody else is there to accept the next, and starts a thread only if there
 * is none: so the pool is never too small, and nobody starves. Two may wait; a
 * third one who comes back ends.
 */
#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lines.h"
#include "net.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of these: */
static unsigned accepted, connected, waiting;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* who accepts */
static int listener;
static bool quiet;

static void serve(int conn, unsigned number)
{
    static const char thanks[] = "Server has received your data thanks";
    struct reader heard = {.fd = conn};
    const char *line;
    size_t len;
    int result;

    while ((result = read_line(&heard, &line, &len)) == 1) {
        if (line_is(line, len, "bye"))
            return;
        if (!quiet) {
            pthread_mutex_lock(&lock);
            printf("Client %u: ", number);
            fwrite(line, 1, len, stdout);
            putchar('\n');
            pthread_mutex_unlock(&lock);
        }
        if (send_line(conn, thanks, strlen(thanks)) == -1)
            return;
    }
    if (result == -1)
        warn("client %u", number);
}

static void *work(void *arg);

/* With the lock. Returns an error when nobody is there for the next client. */
static int find_successor(void)
{
    pthread_t thread;

    if (--waiting > 0)
        return 0;
    int error = pthread_create(&thread, NULL, work, NULL);
    if (error == 0) {
        waiting++;
        pthread_detach(thread);
    }
    return error;
}

static void *work(void *arg)
{
    char address[ADDRESS_TEXT];
    bool wanted = true;

    while (wanted) {
        pthread_mutex_lock(&turn);
        int conn = tcp_accept(listener, address);
        pthread_mutex_lock(&lock);
        unsigned number = ++accepted;
        connected++;
        printf("Client %u connected from %s\n", number, address);
        int error = find_successor();
        pthread_mutex_unlock(&lock);
        pthread_mutex_unlock(&turn);

        if (error == 0)
            serve(conn, number);
        else
            warnx("no thread: %s",
                  strerror(error)); /* this one accepts again */
        close(conn);
        pthread_mutex_lock(&lock);
        printf("Client %u disconnected (%u still connected)\n", number,
               --connected);
        wanted = waiting < 2;
        if (wanted)
            waiting++;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

int main(int argc, char **argv)
{
    const struct cli_option options[] = {{'q', &quiet, .help = "quiet"}, {0}};
    struct cli cli = cli_server(argc, argv, 3000, options);
    char address[ADDRESS_TEXT];

    signal(SIGPIPE, SIG_IGN);
    listener = tcp_listen(cli.host, cli.port, address);
    printf("Listening on %s\n", address);
    waiting = 1;
    work(NULL);
    for (;;)
        pause(); /* the others are at it */
}
