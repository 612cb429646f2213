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
    /* Step 1: count, number and announce the client, under the lock. */
    pthread_mutex_lock(&clients.lock);
    client->number = ++clients.accepted;
    clients.connected++;
    printf("Client %u connected from %s\n", client->number, address);
    pthread_mutex_unlock(&clients.lock);
}

/* The end of a client: it leaves the count, the connection and the heap. */
static void leave(struct client *client)
{
    /* Step 3: count down and say so, under the lock; close; free. */
    pthread_mutex_lock(&clients.lock);
    clients.connected--;
    printf("Client %u disconnected (%u still connected)\n", client->number,
           clients.connected);
    pthread_mutex_unlock(&clients.lock);
    close(client->heard.fd);
    free(client);
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
    /* Step 2: read a line, print it unless quiet, answer; and again. */
    for (;;) {
        const char *line;
        size_t len;
        int result = read_line(&client->heard, &line, &len);
        if (result != 1)
            return result;
        if (line_is(line, len, "bye"))
            return 0;
        if (!client->quiet)
            print_line(client, line, len);
        if (send_line(client->heard.fd, answer, strlen(answer)) == -1)
            return -1;
    }
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
    /* Step 2: create the thread and detach it; without one, leave. */
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, client);
    if (error) {
        errno = error;
        warn("client %u: pthread_create", client->number);
        leave(client);
        return;
    }
    pthread_detach(thread);
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
