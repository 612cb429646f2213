/*
 * MSG_PEEK looks how far the line goes without taking anything; the next recv
 * takes exactly that. What is behind the newline stays with the kernel, so the
 * program needs no buffer between two lines. Typed lines come from getline(3),
 * which tells a length: a NUL in them does no harm.
 */
#include "chat.h"

#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static char line[LINE_LIMIT];

static bool gone(const struct chat *chat, const char *call)
{
    if (call && errno != ECONNRESET && errno != EPIPE)
        err(1, "%s", call);
    printf("%s disconnected....\n", chat->peer);
    return false;
}

static bool is_bye(const char *text, size_t len)
{
    return len == 3 && strncmp(text, "bye", len) == 0;
}

/* Takes bytes up to a newline, or all that there are. Returns as recv(2). */
static ssize_t take(int conn, char *to, size_t room)
{
    ssize_t n;

    do
        n = recv(conn, to, room, MSG_PEEK);
    while (n == -1 && errno == EINTR);
    if (n <= 0)
        return n;
    char *newline = memchr(to, '\n', (size_t)n);
    size_t want = newline ? (size_t)(newline - to) + 1 : (size_t)n;
    do
        n = recv(conn, to, want, MSG_WAITALL);
    while (n == -1 && errno == EINTR);
    return n;
}

bool say(struct chat *chat, const char *text, size_t len)
{
    char message[LINE_LIMIT];
    size_t sent = 0;

    memcpy(message, text, len);
    message[len] = '\n';
    while (sent < len + 1) {
        ssize_t n = send(chat->heard.fd, message + sent, len + 1 - sent, 0);
        if (n == -1 && errno != EINTR)
            return gone(chat, "send");
        if (n > 0)
            sent += (size_t)n;
    }
    return !is_bye(text, len);
}

bool hear(struct chat *chat)
{
    size_t len = 0;
    ssize_t n;

    do {
        if (len == sizeof(line))
            errx(1, "more than %zu bytes in a line", sizeof(line));
        n = take(chat->heard.fd, line + len, sizeof(line) - len);
        if (n == -1 || (n == 0 && len == 0))
            return gone(chat, n == -1 ? "recv" : NULL);
        len += (size_t)n;
    } while (n > 0 && line[len - 1] != '\n');

    if (line[len - 1] == '\n' && --len > 0 && line[len - 1] == '\r')
        len--;
    if (is_bye(line, len))
        return gone(chat, NULL);
    printf("From %s: ", chat->peer);
    fwrite(line, 1, len, stdout);
    putchar('\n');
    return true;
}

bool speak(struct chat *chat)
{
    static char *typed;
    static size_t size;

    for (;;) {
        ssize_t n = getline(&typed, &size, stdin);
        if (n == -1)
            return say(chat, "bye", 3);
        if (typed[n - 1] == '\n' && --n > 0 && typed[n - 1] == '\r')
            n--;
        if (n < LINE_LIMIT)
            return say(chat, typed, (size_t)n);
        warnx("not sent: %zd bytes are too many", n);
    }
}
