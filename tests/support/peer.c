/*
 * A scripted peer: does with a TCP connection just what it is told, byte by
 * byte. Tests have it talk to a program in place of that program's other half.
 *
 *     peer connect [IP] PORT     connects
 *     peer deaf [IP] PORT        connects, and never reads what comes
 *     peer listen [IP] PORT      accepts one client after another
 *     peer hold [IP] PORT        binds the port, and lets nobody in
 *     peer reason EAI_AGAIN      prints what gai_strerror(3) says to that here
 *
 * IP is 127.0.0.1, or any address in digits, IPv4 or IPv6.
 * What comes is printed line by line, the newline readable: `Hello\n`; then
 * [end of file] or [reset]. stdin is what to do, a command on each line:
 *
 *     send TEXT     in one piece; \n \r \t \0 \\ \xHH are one byte
 *     bytes TEXT    each byte alone: the next one leaves only when the other
 *                   side has taken the one before
 *     flood TEXT    send it again and again, until nothing more goes
 *     show N        print N bytes as one piece, newline or not; 0: all there is
 *     finish        half-close: no more comes from here, but all is read
 *     close         close; with bytes unread this resets, see tcp(7)
 *     reset         close with a reset
 *     connect       connect once more, when the connection before is closed
 *
 * Each command is answered with "ok" on stderr when it is done.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TAKEN_MS = 4000,
    FIRST_POLL_NS = 200000,
    LONGEST_POLL_NS = 50000000,
    BLIND_NS = 5000000,
    SMALL_BUFFER = 4096,
    JAM_MS = 200,
    FLOOD_MAX = 1 << 26, /* bytes: who takes more never jams */
};

/* Any family's: the port stands at the same place in both. */
union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static int listener = -1;
static int conn = -1;
static bool deaf;
static union address server; /* where connect goes */

static char received[1 << 16]; /* what came and is not printed yet */
static size_t received_len;
static size_t show; /* this many are one piece; 0: up to the newline */

static union address make_address(const char *ip, const char *port)
{
    union address address = {.in6.sin6_family = AF_INET6};

    if (inet_pton(AF_INET6, ip, &address.in6.sin6_addr) != 1) {
        address.in = (struct sockaddr_in){.sin_family = AF_INET};
        if (inet_pton(AF_INET, ip, &address.in.sin_addr) != 1)
            errx(2, "invalid address '%s'", ip);
    }
    address.in.sin_port = htons((uint16_t)strtol(port, NULL, 10));
    return address;
}

static socklen_t size_of(const union address *address)
{
    return address->any.sa_family == AF_INET ? sizeof(address->in)
                                             : sizeof(address->in6);
}

static unsigned own_port(int fd)
{
    union address own;
    socklen_t len = sizeof(own);

    if (getsockname(fd, &own.any, &len) == -1)
        err(1, "getsockname");
    return ntohs(own.in.sin_port);
}

/* Returns a connected socket, or -1. */
static int try_connect(const union address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM, 0);
    int yes = 1, small = SMALL_BUFFER;

    if (fd == -1)
        err(1, "socket");
    if (deaf) { /* so that it is soon full */
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    }
    /* Small writes leave at once, and are not put together. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (connect(fd, &address->any, size_of(address)) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/*
 * How many bytes a connection, from its port to another one, has received and
 * its program has not yet taken, from /proc/net/tcp, proc(5); -1 where there is
 * none, or that cannot be told. A listener is connected to port 0. A socket for
 * IPv4 and IPv6 is in tcp6.
 */
static long waiting_at(unsigned port, unsigned other)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    static char buf[1 << 16];
    char line[512];
    long waiting = -1;

    for (int i = 0; i < 2 && waiting == -1; i++) {
        FILE *table = fopen(tables[i], "r");
        if (table) /* it may be long: thousands in TIME_WAIT */
            setvbuf(table, buf, _IOFBF, sizeof(buf));
        while (table && waiting == -1 && fgets(line, sizeof(line), table)) {
            unsigned local, remote;
            unsigned long queue;
            if (sscanf(line, " %*[^:]: %*[^:]:%x %*[^:]:%x %*x %*x:%lx", &local,
                       &remote, &queue) == 3 &&
                local == port && remote == other)
                waiting = (long)queue;
        }
        if (table)
            fclose(table);
    }
    return waiting;
}

static void connect_now(void)
{
    unsigned port = ntohs(server.in.sin_port);
    unsigned swapped = (port << 8 | port >> 8) & 0xffff;

    conn = try_connect(&server);
    if (conn != -1) {
        printf("[connected from port %u]\n", own_port(conn));
        return;
    }
    printf("[cannot connect: %s]\n", strerror(errno));
    /* The most common mistake with ports leaves a trace: look for it. */
    if (swapped != port && waiting_at(swapped, 0) != -1)
        printf("[but there is a listener at port %u, %u with its two bytes "
               "swapped: is htons or ntohs forgotten?]\n",
               swapped, port);
}

static void open_listener(const char *ip, const char *port, bool listening)
{
    union address own = make_address(ip, port);
    int yes = 1;

    listener = socket(own.any.sa_family, SOCK_STREAM, 0);
    if (listener == -1 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ==
            -1 ||
        bind(listener, &own.any, size_of(&own)) == -1 ||
        (listening && listen(listener, 128) == -1))
        err(1, "listen on port %s", port);
    printf("[%s %s port %u]\n", listening ? "listening on" : "holding", ip,
           own_port(listener));
}

static void accept_now(void)
{
    int yes = 1;

    conn = accept(listener, NULL, NULL);
    if (conn == -1)
        return;
    setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    puts("[accepted]");
}

/* The player makes the other bytes readable. */
static void print_piece(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] == '\n')
            fputs("\\n", stdout);
        else
            putchar(bytes[i]);
    putchar('\n');
}

/* Prints the pieces that are whole; at the end, all that is there. */
static void print_received(bool at_end)
{
    while (received_len > 0) {
        const char *newline = memchr(received, '\n', received_len);
        size_t len = show      ? show
                     : newline ? (size_t)(newline - received) + 1
                               : received_len + 1;
        if (len > received_len && !at_end)
            return;
        if (len > received_len)
            len = received_len;
        print_piece(received, len);
        show = 0;
        received_len -= len;
        memmove(received, received + len, received_len);
    }
}

static void close_now(void)
{
    if (conn != -1)
        close(conn);
    conn = -1;
}

static void receive(void)
{
    ssize_t n =
        recv(conn, received + received_len, sizeof(received) - received_len, 0);

    if (n > 0)
        received_len += (size_t)n;
    print_received(n <= 0 || received_len == sizeof(received));
    if (n > 0)
        return;
    puts(n == -1 ? "[reset]" : "[end of file]");
    deaf = true; /* nothing more can come, but the half to there may live */
}

static size_t unescape(char *text)
{
    static const char letters[] = "nrt0\\", bytes[] = "\n\r\t\0\\";
    char *to = text;

    for (const char *from = text; *from; from++) {
        const char *found =
            from[0] == '\\' && from[1] ? strchr(letters, from[1]) : NULL;
        if (found) {
            *to++ = bytes[found - letters];
            from++;
        } else if (sscanf(from, "\\x%2hhx", (unsigned char *)to) == 1) {
            to++;
            from += 3;
        } else {
            *to++ = *from;
        }
    }
    return (size_t)(to - text);
}

static void send_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(conn, bytes, len, 0);
        if (n == -1)
            err(1, "send");
        bytes += n;
        len -= (size_t)n;
    }
}

static long waiting_there(void)
{
    union address there;
    socklen_t size = sizeof(there);

    if (getpeername(conn, &there.any, &size) == -1)
        return -1;
    return waiting_at(ntohs(there.in.sin_port), own_port(conn));
}

/* Two bytes can meet in one recv there only if both are on their way at once:
   so wait until the other program has taken the first. */
static void send_bytes(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        struct timespec pause = {.tv_nsec = FIRST_POLL_NS};
        long waiting, waited = 0;

        send_all(&bytes[i], 1);
        while ((waiting = waiting_there()) > 0 && waited < TAKEN_MS) {
            nanosleep(&pause, NULL);
            waited += pause.tv_nsec / 1000000;
            if (pause.tv_nsec < LONGEST_POLL_NS)
                pause.tv_nsec *= 2;
        }
        if (waiting > 0)
            errx(1, "nobody receives byte %zu", i + 1);
        if (waiting == -1) { /* as good as it gets without /proc/net/tcp */
            pause.tv_nsec = BLIND_NS;
            nanosleep(&pause, NULL);
        }
    }
}

/* Sends text until the connection takes no more for a while. */
static void flood(const char *text, size_t len)
{
    static char many[1 << 16];
    struct pollfd room = {.fd = conn, .events = POLLOUT};
    size_t all = sizeof(many) / len * len, sent = 0;

    for (size_t i = 0; i < all; i++)
        many[i] = text[i % len];
    while (sent < FLOOD_MAX && poll(&room, 1, JAM_MS) == 1) {
        ssize_t n =
            send(conn, many + sent % all, all - sent % all, MSG_DONTWAIT);
        if (n == -1 && errno != EAGAIN)
            err(1, "send");
        if (n > 0)
            sent += (size_t)n;
    }
}

static void reset(void)
{
    struct linger none = {.l_onoff = 1};

    setsockopt(conn, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    close_now();
}

static void obey(char *command)
{
    char *text = command + strcspn(command, " ");

    if (*text)
        *text++ = '\0';
    if (strcmp(command, "connect") == 0) {
        close_now();
        deaf = false;
        connect_now();
    } else if (conn == -1) {
        errx(1, "there is no connection");
    } else if (strcmp(command, "send") == 0) {
        send_all(text, unescape(text));
    } else if (strcmp(command, "bytes") == 0) {
        send_bytes(text, unescape(text));
    } else if (strcmp(command, "flood") == 0) {
        flood(text, unescape(text));
    } else if (strcmp(command, "show") == 0) {
        show = (size_t)strtol(text, NULL, 10);
        print_received(show == 0);
    } else if (strcmp(command, "finish") == 0) {
        shutdown(conn, SHUT_WR);
    } else if (strcmp(command, "close") == 0) {
        close_now();
    } else if (strcmp(command, "reset") == 0) {
        reset();
    } else {
        errx(2, "no such command: %s", command);
    }
    fputs("ok\n", stderr);
}

/* Obeys what is on stdin and hears what comes, whichever is there first. */
static void serve(void)
{
    char *command = NULL;
    size_t size = 0;

    for (;;) {
        int from = conn == -1 ? listener : deaf ? -1 : conn;
        struct pollfd fds[] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = from, .events = POLLIN},
        };
        if (poll(fds, 2, -1) == -1)
            err(1, "poll");
        if (fds[1].revents)
            conn == -1 ? accept_now() : receive();
        if (!fds[0].revents)
            continue;
        ssize_t n = getline(&command, &size, stdin);
        if (n == -1)
            return;
        command[n - 1] = '\0';
        obey(command);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const char *ip = argc > 3 ? argv[2] : "127.0.0.1";

    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); /* so that poll sees each command */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 3)
        errx(2, "usage: peer connect|deaf|listen|hold [IP] PORT");
    if (strcmp(what, "reason") == 0) {
        puts(gai_strerror(strcmp(argv[2], "EAI_AGAIN") == 0  ? EAI_AGAIN
                          : strcmp(argv[2], "EAI_FAIL") == 0 ? EAI_FAIL
                                                             : EAI_NONAME));
        return 0;
    }
    if (strcmp(what, "listen") == 0 || strcmp(what, "hold") == 0) {
        open_listener(ip, argv[argc - 1], strcmp(what, "listen") == 0);
        if (strcmp(what, "hold") == 0)
            pause();
    } else {
        server = make_address(ip, argv[argc - 1]);
        deaf = strcmp(what, "deaf") == 0;
        connect_now();
    }
    serve();
    return 0;
}
