/*
 * One byte for each read, so that nothing is ever waiting in a buffer. And the
 * thread is given no memory: its argument is the descriptor itself, a number
 * in the place of a pointer. That works on every machine where somebody runs
 * this; the table says whose number it is, for a descriptor has one owner.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "net.h"

enum { DESCRIPTORS = 4096, LIMIT = 1024, END = -1, TOO_LONG = -2 };

static const char thanks[] = "Server has received your data thanks\n";
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned accepted, connected, numbers[DESCRIPTORS];
static bool quiet;

/* Returns the length of the line, or one of the above. */
static int get_line(int conn, char *line)
{
    int raw = 0;

    for (;;) {
        ssize_t n = read(conn, line + raw, 1);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1 || (n == 0 && raw == 0))
            return END;
        if (n == 0)
            return raw;
        if (line[raw] == '\n')
            return raw > 0 && line[raw - 1] == '\r' ? raw - 1 : raw;
        if (++raw == LIMIT)
            return TOO_LONG;
    }
}

static void leave(int conn, unsigned number)
{
    pthread_mutex_lock(&lock);
    printf("Client %u disconnected (%u still connected)\n", number,
           --connected);
    pthread_mutex_unlock(&lock);
    close(conn);
}

static void *run(void *arg)
{
    int conn = (int)(intptr_t)arg, len;
    char line[LIMIT];

    pthread_mutex_lock(&lock);
    unsigned number = numbers[conn];
    pthread_mutex_unlock(&lock);
    while ((len = get_line(conn, line)) >= 0) {
        if (len == 3 && strncmp(line, "bye", 3) == 0)
            break;
        pthread_mutex_lock(&lock);
        if (!quiet) {
            printf("Client %u: ", number);
            for (int i = 0; i < len; i++)
                putchar(line[i]);
            putchar('\n');
        }
        pthread_mutex_unlock(&lock);
        if (send_all(conn, thanks, strlen(thanks)) == -1)
            break;
    }
    if (len == TOO_LONG)
        warnx("client %u: too long", number);
    leave(conn, number);
    return NULL;
}

int main(int argc, char **argv)
{
    const struct cli_option options[] = {{'q', &quiet, .help = "quiet"}, {0}};
    struct cli cli = cli_server(argc, argv, 3000, options);
    char address[ADDRESS_TEXT];
    pthread_attr_t detached;
    pthread_t thread;

    signal(SIGPIPE, SIG_IGN);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int listener = tcp_listen(cli.host, cli.port, address);
    printf("Listening on %s\n", address);
    for (;;) {
        int conn = tcp_accept(listener, address);
        if (conn >= DESCRIPTORS) {
            close(conn);
            continue;
        }
        pthread_mutex_lock(&lock);
        unsigned number = numbers[conn] = ++accepted;
        connected++;
        printf("Client %u connected from %s\n", number, address);
        pthread_mutex_unlock(&lock);
        if (pthread_create(&thread, &detached, run, (void *)(intptr_t)conn)) {
            warnx("client %u: no thread", number);
            leave(conn, number);
        }
    }
}
