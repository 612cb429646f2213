/*
 * A process for each client, and none of them sees the others' memory. The
 * count is in a piece that they share; a pipe with one byte in it keeps the
 * others out, as a mutex would: who has read the byte has the lock.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <sys/mman.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lines.h"
#include "net.h"

static unsigned *connected; /* shared by all the processes */
static int lock_pipe[2];
static int life[2]; /* only the parent can write: its end is the end of all */
static bool quiet;

static void lock(void)
{
    char byte;

    while (read(lock_pipe[0], &byte, 1) != 1)
        continue;
}

static void unlock(void)
{
    while (write(lock_pipe[1], "", 1) != 1)
        continue;
}

static void leave(unsigned number)
{
    lock();
    printf("Client %u disconnected (%u still connected)\n", number,
           --*connected);
    unlock();
}

/* Waits until the client says something. Without a parent nobody goes on. */
static void wait_for(int conn)
{
    struct pollfd fds[] = {{.fd = conn, .events = POLLIN}, {.fd = life[0]}};

    while (poll(fds, 2, -1) == -1)
        continue;
    if (fds[1].revents)
        _exit(0);
}

static void serve(int conn, unsigned number)
{
    static const char thanks[] = "Server has received your data thanks";
    struct reader heard = {.fd = conn};
    const char *line;
    size_t len;
    int result;

    for (;;) {
        if (!memchr(heard.buf + heard.start, '\n', heard.end - heard.start))
            wait_for(conn);
        if ((result = read_line(&heard, &line, &len)) != 1)
            break;
        if (line_is(line, len, "bye"))
            return;
        if (!quiet) { /* one write, as long as stdio's buffer has the room */
            printf("Client %u: ", number);
            fwrite(line, 1, len, stdout);
            putchar('\n');
        }
        if (send_line(conn, thanks, strlen(thanks)) == -1)
            return;
    }
    if (result == -1)
        warn("client %u", number);
}

/* The parent's; it interrupts no call. */
static void reap(int signal_number)
{
    int saved = errno;

    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    errno = saved;
}

int main(int argc, char **argv)
{
    const struct cli_option options[] = {{'q', &quiet, .help = "quiet"}, {0}};
    struct cli cli = cli_server(argc, argv, 3000, options);
    struct sigaction on_child = {.sa_handler = reap, .sa_flags = SA_RESTART};
    char address[ADDRESS_TEXT];

    setvbuf(stdout, NULL, _IOLBF, 4096); /* room for the longest line */
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGCHLD, &on_child, NULL);
    connected = mmap(NULL, sizeof(*connected), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (connected == MAP_FAILED || pipe(lock_pipe) == -1 || pipe(life) == -1)
        err(1, "mmap or pipe");
    unlock();

    int listener = tcp_listen(cli.host, cli.port, address);
    printf("Listening on %s\n", address);
    for (unsigned number = 1;; number++) {
        int conn = tcp_accept(listener, address);
        lock();
        ++*connected;
        printf("Client %u connected from %s\n", number, address);
        unlock();
        pid_t pid = fork();
        if (pid == 0) {
            close(listener);
            close(life[1]);
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
