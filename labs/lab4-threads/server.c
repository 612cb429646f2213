/*
 * Lab 4, threads: the server. It answers every line of every client, each
 * client in a thread of its own. `bye` ends a client, and never the server.
 *
 *     build/lab4/server [-q] [PORT [ADDRESS]]
 *
 * Start it, and in two more terminals type: nc 127.0.0.1 3000
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lines.h"
#include "net.h"

enum { LAB_PORT = 3000 };

static const char answer[] = "Server has received your data thanks";

/* One client, on the heap: main makes it, the client's thread owns it from
   then on and frees it. No other thread looks at it. */
struct client {
    unsigned number;     /* 1 for the first that was accepted */
    bool quiet;          /* print none of its lines */
    struct reader heard; /* its connection, and what came */
};

/* What the threads share. Only who holds the lock may look at it. */
static struct {
    pthread_mutex_t lock;
    unsigned accepted;  /* all so far: the number of the latest client */
    unsigned connected; /* those who are still there */
} clients = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Gives a new client its number. What is printed under the lock stands in the
   order in which it was counted. */
static void enter(struct client *client, const char *address)
{
    /* TODO 1: count, number and announce the client, under the lock. Use
       pthread_mutex_lock(3), printf(3), pthread_mutex_unlock(3).
       Afterwards: the server prints "Client 1 connected from 127.0.0.1 port
       ...". About 5 lines. */
    todo(1, client, address, &clients);
}

/* The end of a client: it leaves the count, the connection and the heap. */
static void leave(struct client *client)
{
    /* TODO 3: count down and say so, under the lock; close; free. Use what
       step 1 used, close(2), free(3). Afterwards: the server prints "Client
       1 disconnected (0 still connected)". About 7 lines. */
    todo(3, client, &clients);
}

/* Prints a line whole. Each call of stdio is locked by itself, three calls are
   not: between them another thread could print. */
static void print_line(const struct client *client, const char *line,
                       size_t len)
{
    flockfile(stdout);
    printf("Client %u: ", client->number);
    fwrite(line, 1, len, stdout); /* not printf: a NUL may be in it */
    putchar('\n');
    funlockfile(stdout);
}

/* Prints and answers each line until `bye` or the end of file. Returns 0, or
   -1 with errno of read_line or send_line. */
static int serve(struct client *client)
{
    /* TODO 2: read a line, print it unless quiet, answer; and again. Use
       read_line, line_is, print_line, send_line. Afterwards: every client
       is answered, whatever the others do. About 13 lines. */
    todo(2, client, answer, print_line);
}

/* What a client's thread does: pthread_create(3) wants this very type. What
   goes wrong ends this client, not the server: no exit here, and no err. */
static void *run(void *arg)
{
    struct client *client = arg;

    if (serve(client) == -1)
        warn("client %u", client->number);
    leave(client);
    return NULL;
}

/* Starts a client's thread. Nobody joins it: it is detached, and what it has
   is given back when it ends. */
static void start(struct client *client)
{
    /* TODO 2: create the thread and detach it; without one, leave. Use
       pthread_create(3), pthread_detach(3); errno, warn(3), leave.
       Afterwards: each client has a thread. About 9 lines. */
    todo(2, client, run, leave);
}

int main(int argc, char **argv)
{
    bool quiet = false;
    const struct cli_option options[] = {
        {.letter = 'q',
         .given = &quiet,
         .help = "print no line for each message"},
        {0},
    };
    struct cli cli = cli_server(argc, argv, LAB_PORT, options);
    char address[ADDRESS_TEXT];

    signal(SIGPIPE, SIG_IGN); /* a client that is gone is an error: lab 2 */

    int listener = tcp_listen(cli.host, cli.port, address);
    printf("Listening on %s\n", address);
    for (;;) {
        int conn = tcp_accept(listener, address);
        struct client *client = malloc(sizeof(*client));
        if (client == NULL) {
            warn("malloc");
            close(conn);
            continue;
        }
        *client = (struct client){.quiet = quiet, .heard = {.fd = conn}};
        enter(client, address);
        start(client);
    }
}
