/*
 * Lab 2, echo: the client. It sends what it reads from stdin and prints what
 * comes back.
 *
 *     build/lab2/client [HOST [PORT]]
 *
 * Start the server first, and type; Ctrl-D ends the input. A file goes, too:
 *     build/lab2/client <GNUmakefile | cmp - GNUmakefile
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

/* What is sent before it is read back. It has to fit into the buffers of the
   two kernels, or both sides would wait in send for ever. */
enum { LAB_PORT = 1234, CHUNK = 4096 };

/* Returns a socket that is connected, as in lab 1. */
static int connect_to(const char *ip, uint16_t port)
{
    struct sockaddr_in server = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
    };
    if (inet_pton(AF_INET, ip, &server.sin_addr) != 1)
        errx(2, "invalid address '%s'", ip);

    int conn = socket(AF_INET, SOCK_STREAM, 0);
    if (conn == -1)
        err(1, "socket");
    if (connect(conn, (struct sockaddr *)&server, sizeof(server)) == -1)
        err(1, "connect %s port %u", ip, port);
    return conn;
}

/* Sends all `len` bytes. Returns 0, or -1 with errno. */
static int send_all(int conn, const char *bytes, size_t len)
{
    /* Step 3: as in the server. */
    while (len > 0) {
        ssize_t n = send(conn, bytes, len, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Reads up to `len` bytes of the input: some, but 0 at its end. read(2), not
   fgets(3): it takes what is there, be it a line or not. */
static size_t read_some(char *buf, size_t len)
{
    ssize_t n;

    do
        n = read(STDIN_FILENO, buf, len);
    while (n == -1 && errno == EINTR);
    if (n == -1)
        err(1, "read stdin");
    return (size_t)n;
}

/* Receives up to `len` bytes: some, but 0 at the end of file. */
static size_t receive_some(int conn, char *buf, size_t len)
{
    ssize_t n;

    do
        n = recv(conn, buf, len, 0);
    while (n == -1 && errno == EINTR);
    if (n == -1)
        err(1, "recv from the server");
    return (size_t)n;
}

/* Prints what came at once, though no newline may be at its end. */
static void print(const char *bytes, size_t len)
{
    if (fwrite(bytes, 1, len, stdout) < len || fflush(stdout) == EOF)
        exit(1); /* cli.c says why, on the way out */
}

/* Sends one chunk of the input, and prints as many bytes as they come back.
   Sends nothing more before: that is why the two sides cannot deadlock. */
static void exchange(int conn, char *chunk, size_t len)
{
    /* Step 4: send the chunk, then receive and print until all is back. */
    if (send_all(conn, chunk, len) == -1)
        err(1, "send to the server");
    while (len > 0) {
        size_t n = receive_some(conn, chunk, len);
        if (n == 0)
            errx(1, "the server closed the connection early");
        print(chunk, n);
        len -= n;
    }
}

/* Says that no more will be sent, and prints what the server still sends. */
static void finish(int conn)
{
    char buf[CHUNK];

    /* Step 5: half-close, then receive and print until the end of file. */
    if (shutdown(conn, SHUT_WR) == -1)
        err(1, "shutdown");
    size_t n;
    while ((n = receive_some(conn, buf, sizeof(buf))) > 0)
        print(buf, n);
}

int main(int argc, char **argv)
{
    struct cli cli = cli_client(argc, argv, LAB_PORT, NULL);

    /* As in the server: who is gone shall be an error, not a signal. */
    signal(SIGPIPE, SIG_IGN);

    int conn = connect_to(cli.host, cli.port);
    char chunk[CHUNK];
    size_t n;
    while ((n = read_some(chunk, sizeof(chunk))) > 0)
        exchange(conn, chunk, n);
    finish(conn);
    close(conn);
    return 0;
}
