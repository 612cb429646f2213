#include "clients.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net.h"

/* One client, on the heap. Its thread owns it and frees it. */
struct client {
    unsigned number;
    int conn;
    int (*serve)(int conn, unsigned number);
};

/* What the threads share. Only who holds the lock may look at it. */
static struct {
    pthread_mutex_t lock;
    unsigned accepted;  /* all so far */
    unsigned connected; /* those who are still there */
} clients = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void enter(struct client *client, const char *address)
{
    pthread_mutex_lock(&clients.lock);
    client->number = ++clients.accepted;
    clients.connected++;
    printf("Client %u connected from %s\n", client->number, address);
    pthread_mutex_unlock(&clients.lock);
}

static void leave(struct client *client)
{
    pthread_mutex_lock(&clients.lock);
    clients.connected--;
    printf("Client %u disconnected (%u still connected)\n", client->number,
           clients.connected);
    pthread_mutex_unlock(&clients.lock);
    close(client->conn);
    free(client);
}

static void *run(void *arg)
{
    struct client *client = arg;

    if (client->serve(client->conn, client->number) == -1)
        warn("client %u", client->number);
    leave(client);
    return NULL;
}

static void start(struct client *client)
{
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

void serve_clients(int listener, int (*serve)(int, unsigned))
{
    char address[ADDRESS_TEXT];

    for (;;) {
        int conn = tcp_accept(listener, address);
        struct client *client = malloc(sizeof(*client));
        if (client == NULL) {
            warn("malloc");
            close(conn);
            continue;
        }
        *client = (struct client){.conn = conn, .serve = serve};
        enter(client, address);
        start(client);
    }
}
