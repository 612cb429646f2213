/*
 * A process for each client: a slow lookup holds up nobody else, and what is
 * static belongs to one client. The count is in memory that they share, locked
 * by a mutex that may be shared, too.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lines.h"
#include "names.h"
#include "net.h"

static struct {
    pthread_mutex_t lock;
    unsigned connected;
} * shared;

static void leave(unsigned number)
{
    pthread_mutex_lock(&shared->lock);
    printf("Client %u disconnected (%u still connected)\n", number,
           --shared->connected);
    pthread_mutex_unlock(&shared->lock);
}

/* Prints the answer to a name, without its end. Returns what came of it. */
static const char *print_answer(FILE *out, const char *line, size_t len)
{
    static char name[LINE_LIMIT + 1], outcome[100];
    struct addrinfo *list = NULL;
    int count = 0;

    snprintf(name, sizeof(name), "%.*s", (int)len, line);
    int error = strlen(name) < len ? EAI_NONAME : look_up(name, NULL, &list);
    if (error) {
        fwrite(line, 1, len, out);
        fprintf(out, ": %s\n", gai_strerror(error));
        return gai_strerror(error);
    }
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        static char ip[IP_TEXT];
        if (is_repeated(list, a))
            continue;
        ip_text(a, ip);
        fprintf(out, "IP of %s %s\n", name, ip);
        count++;
    }
    freeaddrinfo(list);
    snprintf(outcome, sizeof(outcome), "%d address%s", count,
             count == 1 ? "" : "es");
    return outcome;
}

static void serve(int conn, unsigned number)
{
    static struct reader asked;
    FILE *out = fdopen(conn, "w");
    const char *line;
    size_t len;
    int result = 0;

    asked.fd = conn;
    while (out && (result = read_line(&asked, &line, &len)) == 1) {
        const char *outcome = print_answer(out, line, len);
        printf("Client %u asked for ", number);
        fwrite(line, 1, len, stdout);
        printf(": %s\n", outcome); /* the line goes out in one write */
        fputs("\n", out);
        if (fflush(out) == EOF)
            return;
    }
    if (result == -1)
        warn("client %u", number);
}

static int start_listening(const char *ip, uint16_t port)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *own;
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char text[ADDRESS_TEXT];
    int yes = 1;

    snprintf(text, sizeof(text), "%u", port);
    if (getaddrinfo(ip, text, &hints, &own) != 0)
        errx(2, "invalid address '%s'", ip);
    int listener = socket(own->ai_family, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, own->ai_addr, own->ai_addrlen) == -1 ||
        listen(listener, SOMAXCONN) == -1 ||
        getsockname(listener, (struct sockaddr *)&address, &len) == -1)
        err(1, "listen on %s port %u", ip, port);
    freeaddrinfo(own);
    address_text((struct sockaddr *)&address, len, text);
    printf("Listening on %s\n", text);
    return listener;
}

/* Ends a process whose parent is gone, in the middle of a lookup, too. */
static void *watch(void *life)
{
    struct pollfd fd = {.fd = *(int *)life};

    while (poll(&fd, 1, -1) == -1)
        continue;
    _exit(0);
}

int main(int argc, char **argv)
{
    struct cli cli = cli_server(argc, argv, 5300, NULL);
    char address[ADDRESS_TEXT];
    pthread_mutexattr_t attributes;
    pthread_t thread;
    int life[2];

    setvbuf(stdout, NULL, _IOLBF, 4096); /* room for the longest line */
    signal(SIGPIPE, SIG_IGN);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe(life) == -1)
        err(1, "mmap or pipe");
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->lock, &attributes);
    int listener = start_listening(cli.host, cli.port);
    for (unsigned number = 1;; number++) {
        int conn = tcp_accept(listener, address);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue; /* those who have left since the last one came */
        pthread_mutex_lock(&shared->lock);
        shared->connected++;
        printf("Client %u connected from %s\n", number, address);
        pthread_mutex_unlock(&shared->lock);
        pid_t pid = fork();
        if (pid == 0) {
            close(life[1]);
            pthread_create(&thread, NULL, watch, life);
            serve(conn, number);
            leave(number);
            _exit(0);
        }
        if (pid == -1) {
            warn("fork");
            leave(number);
        }
        close(conn);
    }
}
